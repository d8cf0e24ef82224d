"""Text from a prompt by any strategy of the field: ``text_generator``, behind configs/generate.json.

The strategies are the presets of ``decoding``, the same that a conversation's /style names, with
every parameter free beside them; the models are those of ``engines``. It knows no conversation.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.errors import ConfigurationError, InputError, parameter_names, refuse_unknown
from skills.generation.control_codes import check_code, controlled
from skills.generation.decoding import Decoding, decoding_from
from skills.generation.decoding import preset as preset_of
from skills.generation.engines import Engine, Prompt, limit_of
from skills.generation.engines.choice import AUTO, engine_for
from skills.generation.together import together, until

_FORMATS = ("auto", "chat", "text")
#: Counting is exact to two tokens.
_SPARE_TOKENS = 2

#: What is made of one prompt: see :class:`TextGenerator`.
Texts = str | list[str]


@register("text_generator")
class TextGenerator(Component):
    """Goes on with prompts, or replies to them.

    ``text_generator(prompts)`` gives one entry a prompt, in their order: the text as the model
    wrote it, without the prompt. Where the decoding's ``num_return_sequences`` is above 1, every
    entry is a list of so many texts instead: the likeliest first with beams, in the order of
    drawing otherwise. The configuration alone decides which of the two; an entry may be "" where
    the model has nothing to say. With a seed a prompt gives the same text in any batch. Safe to
    call from several threads.

    Args:
        engine: ``llama_cpp``, ``transformers``, ``openai``, or ``auto``: see
            :func:`~skills.generation.engines.choice.engine_for`; or an engine that was made already.
        model: which model, as the engine understands it.
        preset: name of the decoding; see ``decoding.PRESETS``.
        decoding: parameters of :class:`~skills.generation.decoding.Decoding` to be set otherwise
            than the preset has them; None or "" leaves one to the preset.
        control_code: what kind of text is wanted, such as ``Horror``; "" for no code. A model that
            was trained on codes (CTRL) gets it as its first word, another an instruction instead.
        prompt_format: ``text``, the model goes on with the prompt; ``chat``, it replies to it as to
            a message; ``auto``, ``chat`` where the model has a chat template.
        n_ctx: tokens of prompt and text together; None leaves it to the engine.
        n_slots: texts made at the same time; None leaves it to the engine.
        n_threads: threads that compute.
        api_key: for a server; other engines do not look at it.
        engine_parameters: further parameters of the engine.

    Raises:
        ConfigurationError: for a preset, parameter or control code that does not exist or does not
            fit, saying which there are.
        CheckpointError: if weights are missing or damaged.
        GenerationError: if the engine cannot start.
    """

    def __init__(
        self,
        engine: str | Engine = AUTO,
        model: str = "SmolLM2-135M-Instruct",
        preset: str = "balanced",
        decoding: Mapping[str, Any] | None = None,
        control_code: str = "",
        prompt_format: str = "auto",
        n_ctx: int | str | None = None,
        n_slots: int | str | None = None,
        n_threads: int | str = 2,
        api_key: str = "",
        engine_parameters: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown("text_generator", kwargs, parameter_names(type(self).__init__))
        self.decoding = _decoding(preset, decoding or {})
        if prompt_format not in _FORMATS:
            raise ConfigurationError(
                f"text_generator: prompt_format expects one of {', '.join(_FORMATS)}; got {prompt_format!r}"
            )
        if isinstance(engine, str):
            parameters = {"n_threads": n_threads, **(engine_parameters or {})}
            parameters |= {k: v for k, v in (("n_ctx", n_ctx), ("n_slots", n_slots)) if v is not None}
            if "://" in model and api_key:
                parameters["api_key"] = api_key
            engine = engine_for(engine, model, self.decoding, parameters)
        self.engine = engine
        engine.load()
        self.chat = engine.chats if prompt_format == "auto" else prompt_format == "chat"
        check_code(control_code, engine.control_codes, self.chat)
        self.control_code = control_code
        self.n_budget = engine.n_ctx - limit_of(self.decoding, None) - _SPARE_TOKENS
        if self.n_budget < 1:
            raise ConfigurationError(
                f"text_generator: max_new_tokens {limit_of(self.decoding, None)} leaves nothing of the "
                f"{engine.n_ctx} tokens of the context for the prompt; set max_new_tokens lower"
            )
        self._workers = ThreadPoolExecutor(engine.n_slots, thread_name_prefix="text")

    def __call__(self, prompts: Sequence[str]) -> list[Texts]:
        """Generate for every prompt; see the class. Nothing is generated where one does not fit.

        Raises:
            InputError: if a prompt is empty, or too long for the model's context.
            GenerationError: if the engine failed.
        """
        checked = [self._prompt(text, at) for at, text in enumerate(prompts, 1)]
        return together(self._workers, [partial(self._generate, prompt) for prompt in checked])

    def destroy(self) -> None:
        """Finish what is in hand and free the engine."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self.engine.close()

    def _prompt(self, text: str, at: int) -> Prompt:
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"prompt {at} is empty; write something to begin with")
        prompt = controlled(text, self.control_code, self.engine.control_codes, self.chat)
        n_tokens = self.engine.count_tokens(prompt)
        if n_tokens > self.n_budget:
            raise InputError(
                f"prompt {at} has {n_tokens} tokens, and {self.n_budget} fit beside what is to be generated; "
                "make it shorter, or set max_new_tokens lower"
            )
        return prompt

    def _generate(self, prompt: Prompt, given_up: threading.Event) -> Texts:
        made = self.engine.generate(prompt, self.decoding, until(given_up))
        return [made.text, *made.alternatives] if self.decoding.num_return_sequences > 1 else made.text


def _decoding(name: str, changes: Mapping[str, Any]) -> Decoding:
    return decoding_from({k: v for k, v in changes.items() if v not in (None, "")}, preset_of(name))
