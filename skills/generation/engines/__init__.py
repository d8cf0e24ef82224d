"""Engines: what turns a prompt and a decoding into text. The whole contract stands here.

    engine = make_engine("llama_cpp", "SmolLM2-135M-Instruct")   # cheap: checks, loads nothing
    engine.load()                                                # weights, threads, connections
    engine.generate(messages, decoding, listener)                # from any thread
    engine.close()

An engine knows nothing of personas, histories, documents or styles. A prompt is a chat, which
the model's own chat template turns into text, or plain text, which the model goes on with.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, runtime_checkable

from skills.dialog import Listener
from skills.errors import ConfigurationError, parameter_names
from skills.generation.decoding import Decoding


@dataclass(frozen=True)
class Message:
    """One message of a chat, as chat templates know it."""

    role: Literal["system", "user", "assistant"]
    content: str

    def as_dict(self) -> dict[str, str]:
        """``{"role": …, "content": …}``."""
        return {"role": self.role, "content": self.content}


#: A chat to answer, or a text to go on with.
Prompt = Sequence[Message] | str


@dataclass(frozen=True)
class Generated:
    """What an engine made.

    Attributes:
        text: as the model wrote it, stop texts left out.
        n_tokens: tokens made.
        stopped: the listener stopped it.
        cut: the limit of tokens ended it, so it may end in the middle of a sentence.
        n_prompt_tokens: tokens of the prompt, 0 where the engine does not tell.
        n_cached_tokens: those of them that were computed for an earlier prompt.
        alternatives: the further replies where ``num_return_sequences`` asks for some.
    """

    text: str
    n_tokens: int
    stopped: bool = False
    cut: bool = False
    n_prompt_tokens: int = 0
    n_cached_tokens: int = 0
    alternatives: tuple[str, ...] = ()


@runtime_checkable
class Engine(Protocol):
    """See the module. Safe to call from several threads once loaded.

    Attributes:
        name: what configs call it.
        n_ctx: tokens that a prompt and its reply may have together.
        n_slots: replies made at the same time; further ones wait.
        chats: once loaded, whether the model has a chat template of its own.
        control_codes: once loaded, the control codes that the model was trained on (CTRL, Keskar
            et al. 2019); most have none.
    """

    name: str
    n_ctx: int
    n_slots: int
    chats: bool
    control_codes: frozenset[str]

    def load(self) -> None:
        """Make ready. Does nothing the second time.

        Raises:
            CheckpointError: if weights are missing or damaged.
            GenerationError: if the engine cannot start.
        """

    def supports(self, parameter: str) -> bool:
        """Whether a parameter of :class:`Decoding` has its effect here. Needs no weights."""

    def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of a prompt with the template's own; exact to two tokens.

        Raises:
            GenerationError: if the engine failed.
        """

    def generate(
        self,
        prompt: Prompt,
        decoding: Decoding,
        listener: Listener | None = None,
        max_new_tokens: int | None = None,
    ) -> Generated:
        """Make a reply.

        Args:
            prompt: a chat that ends with the user's message, or a text to go on with.
            decoding: the strategy; its parameters must be supported.
            listener: called with each piece as it is made; True stops at once. What it raises
                stops too, and is raised again here.
            max_new_tokens: limit in tokens where the decoding sets none.

        Raises:
            GenerationError: if the engine failed.
        """

    def close(self) -> None:
        """Free what was loaded. Does nothing the second time."""


#: Tokens of a reply where neither decoding nor caller sets a limit.
DEFAULT_MAX_NEW_TOKENS = 256

_ENGINES = {
    "llama_cpp": "skills.generation.engines.llama_cpp:LlamaCppEngine",
    "transformers": "skills.generation.engines.transformers:TransformersEngine",
    "openai": "skills.generation.engines.openai:OpenAIEngine",
}


def make_engine(name: str, model: str, parameters: Mapping[str, Any] | None = None) -> Engine:
    """An engine by name, not loaded.

    Args:
        name: ``llama_cpp``, ``transformers`` or ``openai``.
        model: which model, as the engine understands it.
        parameters: the engine's other constructor parameters.

    Raises:
        ConfigurationError: for an unknown engine or parameter, or a value that does not fit.
    """
    if name not in _ENGINES:
        raise ConfigurationError(f"no engine '{name}'; there are: {', '.join(sorted(_ENGINES))}")
    module, _, attribute = _ENGINES[name].partition(":")
    engine_class = getattr(importlib.import_module(module), attribute)
    known = [p for p in parameter_names(engine_class.__init__) if p != "model"]
    unknown = sorted(set(parameters or {}) - set(known))
    if unknown:
        raise ConfigurationError(
            f"engine {name}: unknown parameter {', '.join(unknown)}; it takes: {', '.join(known)}"
        )
    return cast(Engine, engine_class(model, **dict(parameters or {})))


def lacking(engine: Engine, decoding: Decoding) -> frozenset[str]:
    """The parameters of a decoding that an engine does not have."""
    return frozenset(name for name in decoding.parameters() if not engine.supports(name))


def limit_of(decoding: Decoding, max_new_tokens: int | None) -> int:
    """Tokens a reply may have: the decoding's own limit, else the caller's, else the default."""
    return decoding.max_new_tokens or max_new_tokens or DEFAULT_MAX_NEW_TOKENS
