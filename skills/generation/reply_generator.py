"""The generated reply: DeepPavlov's face of the generation engines, ``reply_generator``.

History to prompt (``prompt``), prompt to text (``engines``), text to what is shown
(``cleaning``); this module puts them together, one worker a slot of the engine.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from typing import Any, Protocol

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.dialog import Listener, Preferences, Turn
from skills.errors import ConfigurationError, GenerationError, parameter_names, refuse_unknown, whole_number
from skills.generation.adapters import AUTO
from skills.generation.cleaning import ReplyStream, clean_reply
from skills.generation.decoding import CHAT_STYLES, MAX_SEED, PRESETS, Decoding, decoding_from, preset
from skills.generation.engines import Engine, Message, lacking, make_engine
from skills.generation.prompt import FittedPrompt, fit_prompt, surely_fits
from skills.generation.small_talk.claims import Unclaiming, without_claims
from skills.generation.together import together, until

log = logging.getLogger(__name__)

#: Found by trying on the default model, which has 135 million parameters: told its name once, it
#: takes another three times in four; told what to say, it says it.
DEFAULT_PERSONA = (
    "You are a helpful AI assistant named Quoth. Your name is Quoth. When asked who you are, say: I'm "
    "Quoth, a computer program. You like books. You give short, friendly replies."
)
#: What is true whatever was said, in the persona's words.
IN_TRUTH = "I'm Quoth, a computer program."
#: Counting is exact to two tokens; a few more are left free.
_SPARE_TOKENS = 8
_MIN_PROMPT_TOKENS = 64
#: A model may end its reply at once, or say nothing that a program could; another draw helps.
_N_ATTEMPTS = 3


class Finding(Protocol):
    """What came before says of an utterance."""

    @property
    def wants_reply(self) -> bool:
        """False where the documents answer, or are known not to."""


@dataclass(frozen=True)
class Draft:
    """A generated reply.

    Attributes:
        text: the reply; empty only where ``stopped``. The pieces that were shown may go beyond it
            where the limit of tokens ended it in the middle of a sentence. With the small-talk adapter's
            own persona no sentence is shown that claims a body, a past or a place for a program; a
            reply of nothing else is drawn again, and is :data:`IN_TRUTH` where no draw is better.
        n_dropped_turns: earlier turns that did not fit the model's context.
        stopped: the listener stopped it.
        n_tokens: tokens made.
    """

    text: str
    n_dropped_turns: int = 0
    stopped: bool = False
    n_tokens: int = 0


@register("reply_generator")
class ReplyGenerator(Component):
    """Replies to what is said, in the light of what was said before.

    ``reply_generator(utterances, histories, findings, listeners, preferences)`` gives drafts, one
    an entry: a :class:`Draft`, or None where the finding wants no reply. All lists are of one
    length; entries of all but the first may be None. The entries are generated at the same time,
    as far as the engine has slots. Safe to call from several threads.

    Args:
        engine: ``llama_cpp``, ``transformers`` or ``openai``; or an engine that was made already.
        model: which model, as the engine understands it.
        n_ctx: tokens of prompt and reply together; None leaves it to the engine.
        n_slots: replies made at the same time; None leaves it to the engine.
        n_threads: threads that compute.
        max_new_tokens: longest reply, in tokens.
        persona: the system message where the conversation sets no persona of its own.
        style: decoding preset where the conversation sets none that there is.
        seed: makes replies repeatable; None gives a new one each time.
        api_key: for the ``openai`` engine; other engines do not look at it.
        adapter: a low-rank adapter of the model: ``auto``, the project's own where there is one for this
            model; "" for none; a name or a folder. The ``openai`` engine has none.
        engine_parameters: further parameters of the engine.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit, an adapter of another
            model, or a style that the engine cannot do.
        CheckpointError: if weights are missing or damaged.
        GenerationError: if the engine cannot start.
    """

    def __init__(
        self,
        engine: str | Engine = "llama_cpp",
        model: str = "SmolLM2-135M-Instruct",
        n_ctx: int | str | None = None,
        n_slots: int | str | None = None,
        n_threads: int | str = 2,
        max_new_tokens: int | str = 64,
        persona: str = DEFAULT_PERSONA,
        style: str = "balanced",
        seed: int | str | None = None,
        api_key: str = "",
        adapter: str = AUTO,
        engine_parameters: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown("reply_generator", kwargs, parameter_names(type(self).__init__))
        if isinstance(engine, str):
            parameters = {"n_threads": n_threads, **(engine_parameters or {})}
            parameters |= {k: v for k, v in (("n_ctx", n_ctx), ("n_slots", n_slots)) if v is not None}
            if engine != "openai":
                parameters.setdefault("adapter", adapter)
            elif adapter not in ("", AUTO):
                raise ConfigurationError(
                    "reply_generator: the engine openai expects no adapter, for the server has the model; "
                    f'got {adapter!r}; set adapter to "" or choose another engine'
                )
            elif api_key:
                parameters["api_key"] = api_key
            engine = make_engine(engine, model, parameters)
        self.engine = engine
        self.persona = persona
        self.max_new_tokens = whole_number("reply_generator: max_new_tokens", max_new_tokens, 1, 100_000)
        self.seed = None if seed in (None, "") else whole_number("reply_generator: seed", seed, 0, MAX_SEED)
        self.styles = available_styles(engine, style)
        self.style = style
        # the project's own adapter learnt from people, who do have bodies; other models speak for themselves
        self._learnt_from_people = bool(getattr(engine, "adapter", None))
        engine.load()
        self.n_budget = engine.n_ctx - self.max_new_tokens - _SPARE_TOKENS
        if self.n_budget < _MIN_PROMPT_TOKENS:
            raise ConfigurationError(
                f"reply_generator: n_ctx {engine.n_ctx} leaves {self.n_budget} tokens for the prompt beside "
                f"max_new_tokens {self.max_new_tokens}; it needs {_MIN_PROMPT_TOKENS} or more"
            )
        self._workers = ThreadPoolExecutor(engine.n_slots, thread_name_prefix="reply")

    def __call__(
        self,
        utterances: Sequence[str],
        histories: Sequence[Sequence[Turn] | None],
        findings: Sequence[Finding | None],
        listeners: Sequence[Listener | None],
        preferences: Sequence[Preferences | None],
    ) -> list[Draft | None]:
        """Reply to every utterance; see the class.

        Raises:
            InputError: if an utterance is blank, or (InputTooLong) alone does not fit the model's context.
            GenerationError: if the engine failed, or gave an empty reply several times.
        """
        entries = list(zip(utterances, histories, findings, listeners, preferences, strict=True))
        wanted = [finding is None or finding.wants_reply for _, _, finding, _, _ in entries]
        tasks = [
            partial(self._draft, utterance, history or (), preference or Preferences(), listener)
            for utterance, history, _, listener, preference in compress(entries, wanted)
        ]
        drafts = iter(together(self._workers, tasks))
        return [next(drafts) if is_wanted else None for is_wanted in wanted]

    def destroy(self) -> None:
        """Finish what is in hand and free the engine."""
        self._workers.shutdown(wait=True, cancel_futures=True)
        self.engine.close()

    def _draft(
        self,
        utterance: str,
        history: Sequence[Turn],
        preferences: Preferences,
        listener: Listener | None,
        given_up: threading.Event,
    ) -> Draft:
        persona = preferences.persona or self.persona
        prompt = fit_prompt(persona, talked(history), utterance, self._fits)
        decoding = self.styles.get(preferences.style, self.styles[self.style])
        if self.seed is not None:
            decoding = replace(decoding, seed=self.seed)
        as_itself = self._learnt_from_people and persona == DEFAULT_PERSONA
        claimed = False
        for attempt in range(_N_ATTEMPTS):
            listen = until(given_up, listener)
            unclaiming = Unclaiming(listen) if as_itself else None
            draft = self._attempt(prompt, _redrawn(decoding, attempt), unclaiming or listen)
            kept = without_claims(draft.text) if as_itself else draft.text
            if kept or draft.stopped:
                if unclaiming is not None and not draft.stopped:
                    unclaiming.finish()
                return replace(draft, text=kept)
            claimed = claimed or bool(draft.text)
        if claimed:
            listen(IN_TRUTH)
            return replace(draft, text=IN_TRUTH)
        raise GenerationError(f"the model gave an empty reply {_N_ATTEMPTS} times")

    def _attempt(self, prompt: FittedPrompt, decoding: Decoding, listener: Listener) -> Draft:
        stream = ReplyStream(listener)
        generated = self.engine.generate(prompt.messages, decoding, stream, self.max_new_tokens)
        text = clean_reply(stream.finish(), generated.cut)
        return Draft(text, prompt.n_dropped_turns, stream.stopped, generated.n_tokens)

    def _fits(self, messages: Sequence[Message]) -> bool:
        return surely_fits(messages, self.n_budget) or self.engine.count_tokens(messages) <= self.n_budget


def talked(history: Sequence[Turn]) -> list[Turn]:
    """The history without what documents did not answer.

    A small model goes on as it sees: after a few "The documents don't say." it says nothing else.
    """
    kept: list[Turn] = []
    for turn in history:
        if turn.skill != "none":
            kept.append(turn)
        elif kept and kept[-1].role == "user":
            kept.pop()
    return kept


def available_styles(engine: Engine, configured: str) -> dict[str, Decoding]:
    """The presets an engine can do; what it cannot is said here, at start.

    The chat styles are always there: a parameter of theirs that the engine lacks is left out.

    Raises:
        ConfigurationError: if the configured style does not exist or the engine cannot do it.
    """
    preset(configured)
    styles = {}
    for name, decoding in PRESETS.items():
        lacks = lacking(engine, decoding)
        names = ", ".join(sorted(lacks))
        if not lacks:
            styles[name] = decoding
        elif name in CHAT_STYLES:
            styles[name] = decoding.without(lacks)
            log.warning("engine %s: preset %s goes without %s, which it lacks", engine.name, name, names)
        elif name == configured:
            raise ConfigurationError(
                f"reply_generator: the engine {engine.name} lacks {names} of the preset {name}; choose "
                "another style, or the engine transformers, which has every strategy"
            )
        else:
            log.info("engine %s: no preset %s, for it lacks %s", engine.name, name, names)
    return styles


def _redrawn(decoding: Decoding, attempt: int) -> Decoding:
    """The same decoding with other luck; a greedy one must draw to give anything else."""
    if attempt == 0:
        return decoding
    seed = None if decoding.seed is None else (decoding.seed + attempt) % MAX_SEED
    if decoding.do_sample:
        return replace(decoding, seed=seed)
    return decoding_from({"do_sample": True, "temperature": 0.7, "stop": list(decoding.stop), "seed": seed})
