"""How the next token is chosen: the parameters, their rules and the named presets.

Pure data. It knows no engine; which of the parameters an engine has, the engine says. The
names and meanings are those of transformers' ``GenerationConfig``, neutral values switch a
parameter off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from skills.errors import ConfigurationError

MAX_STOPS = 16
MAX_STOP_LENGTH = 100
#: The largest 32-bit number means "any seed" to llama.cpp.
MAX_SEED = 2**32 - 2

#: name -> (type, lowest, highest, what was expected in words)
_RULES: dict[str, tuple[type, float, float, str]] = {
    "num_beams": (int, 1, 32, "a whole number from 1 to 32"),
    "temperature": (float, 0.01, 10.0, "a number from 0.01 to 10 (for no randomness set do_sample to false)"),
    "top_k": (int, 0, 1_000_000, "a whole number, 0 for off"),
    "top_p": (float, 0.0, 1.0, "a number above 0 and up to 1, 1 for off"),
    "min_p": (float, 0.0, 1.0, "a number from 0 to 1, 0 for off"),
    "typical_p": (float, 0.0, 1.0, "a number above 0 and up to 1, 1 for off"),
    "repetition_penalty": (float, 1.0, 10.0, "a number from 1 to 10, 1 for off"),
    "no_repeat_ngram_size": (int, 0, 100, "a whole number from 2 to 100, or 0 for off"),
    "length_penalty": (float, -10.0, 10.0, "a number from -10 to 10, 1 for neutral"),
    "num_return_sequences": (int, 1, 32, "a whole number from 1 to 32"),
    "penalty_alpha": (float, 0.0, 1.0, "a number from 0 to 1, 0 for off"),
    "seed": (int, 0, MAX_SEED, f"a whole number from 0 to {MAX_SEED}, or null for a new one each time"),
    "max_new_tokens": (int, 1, 100_000, "a whole number from 1 to 100000, or null"),
}
_OPTIONAL = ("seed", "max_new_tokens")
#: What has an effect only where tokens are drawn at random.
_SAMPLING = ("temperature", "top_p", "min_p", "typical_p")


@dataclass(frozen=True)
class Decoding:
    """A decoding strategy; the defaults are greedy search.

    Attributes:
        do_sample: draw tokens at random; otherwise the likeliest is taken.
        num_beams: hypotheses followed side by side (beam search); 1 is none.
        temperature: logits are divided by it, in [0.01, 10]; 1 leaves them.
        top_k: only the k likeliest tokens may be drawn; 0 is off. With ``penalty_alpha`` the
            number of candidates.
        top_p: only the likeliest tokens that together reach this probability (Holtzman et al.
            2020, arXiv 1904.09751); 1 is off.
        min_p: only tokens at least this fraction as likely as the likeliest (Nguyen et al. 2024,
            arXiv 2407.01082); 0 is off.
        typical_p: only the tokens nearest to the expected information, that together reach this
            probability (Meister et al. 2023, arXiv 2202.00666); 1 is off.
        repetition_penalty: logits of tokens that stand in the prompt or the reply are divided by
            it where positive and multiplied where negative; 1 is off. This is the penalised
            sampling of CTRL (Keskar et al. 2019, arXiv 1909.05858), which divides negative logits
            too and so makes those tokens likelier; we differ there, as every library does.
        no_repeat_ngram_size: no run of so many tokens comes twice; 0 is off.
        length_penalty: exponent of the length by which a beam's score is divided; above 0
            favours long replies, below 0 short ones. Beam search only.
        num_return_sequences: replies returned for one prompt.
        penalty_alpha: weight of the degeneration penalty of contrastive search (Su et al. 2022,
            arXiv 2202.06417); 0 is off. Goes with ``top_k``.
        seed: of the random draw; the same seed gives the same reply. None is a new one each time.
        max_new_tokens: limit of a reply in tokens; None leaves it to the caller.
        stop: texts at which a reply ends; they are not part of it.

    Raises:
        ConfigurationError: for a value out of its range, or parameters that contradict.
    """

    do_sample: bool = False
    num_beams: int = 1
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    length_penalty: float = 1.0
    num_return_sequences: int = 1
    penalty_alpha: float = 0.0
    seed: int | None = None
    max_new_tokens: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.do_sample, bool):
            raise _unfit("do_sample", "true or false", self.do_sample)
        for name, (kind, low, high, expected) in _RULES.items():
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            numbers = (int,) if kind is int else (int, float)
            if not isinstance(value, numbers) or isinstance(value, bool) or not low <= value <= high:
                raise _unfit(name, expected, value)
        for name in ("top_p", "typical_p"):
            if getattr(self, name) <= 0:
                raise _unfit(name, _RULES[name][3], getattr(self, name))
        if self.no_repeat_ngram_size == 1:  # would forbid every word of the question
            raise _unfit("no_repeat_ngram_size", _RULES["no_repeat_ngram_size"][3], 1)
        if not isinstance(self.stop, tuple) or len(self.stop) > MAX_STOPS:
            raise _unfit("stop", f"a list of up to {MAX_STOPS} texts", self.stop)
        for text in self.stop:
            if not isinstance(text, str) or not 0 < len(text) <= MAX_STOP_LENGTH:
                raise _unfit("stop", f"texts of 1 to {MAX_STOP_LENGTH} characters", text)
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        if not self.do_sample:
            for name in _SAMPLING:
                if name in self.parameters():
                    raise _unfit(name, "do_sample true beside it, for it acts on random draws only", "false")
            if self.top_k and not self.penalty_alpha:
                raise _unfit("top_k", "do_sample true or a penalty_alpha beside it", "neither")
        if self.penalty_alpha:
            if self.do_sample or self.num_beams > 1:
                raise _unfit("penalty_alpha", "neither do_sample nor num_beams beside it", "one of them")
            if self.top_k < 2:
                raise _unfit("penalty_alpha", "a top_k of at least 2 beside it", self.top_k)
        if self.num_beams == 1 and "length_penalty" in self.parameters():
            raise _unfit("length_penalty", "num_beams above 1 beside it", 1)
        if not self.do_sample and self.num_return_sequences > self.num_beams:
            raise _unfit(
                "num_return_sequences", f"at most num_beams ({self.num_beams})", self.num_return_sequences
            )

    def parameters(self) -> frozenset[str]:
        """Names of the parameters that are not at their neutral value."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) != f.default)

    def without(self, names: frozenset[str]) -> Decoding:
        """The same with these parameters at their neutral value."""
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in names}
        return Decoding(**kept)


def decoding_from(parameters: Mapping[str, Any], base: Decoding | None = None) -> Decoding:
    """A decoding from a config's keys, on top of another one.

    Numbers may come as text, for a config's variables are text when the environment sets them.

    Raises:
        ConfigurationError: for an unknown key or a value that does not fit, naming both.
    """
    known = {f.name for f in fields(Decoding)}
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise ConfigurationError(
            f"decoding: unknown parameter {', '.join(unknown)}; there are: {', '.join(sorted(known))}"
        )
    return replace(base or Decoding(), **{name: _value(name, value) for name, value in parameters.items()})


def preset(name: str) -> Decoding:
    """A preset by its name.

    Raises:
        ConfigurationError: if there is none of that name.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise ConfigurationError(
            f"decoding: no preset '{name}'; there are: {', '.join(sorted(PRESETS))}"
        ) from None


def _value(name: str, value: Any) -> Any:
    if name == "stop" and isinstance(value, (list, str)):
        return (value,) if isinstance(value, str) else tuple(value)
    if not isinstance(value, str):
        return value
    if name == "do_sample":
        if value.lower() not in ("true", "false"):
            raise _unfit(name, "true or false", value)
        return value.lower() == "true"
    kind, _, _, expected = _RULES[name]
    if name in _OPTIONAL and value.lower() in ("", "none", "null"):
        return None
    try:
        return kind(value)
    except ValueError:
        raise _unfit(name, expected, value) from None


def _unfit(name: str, expected: str, got: object) -> ConfigurationError:
    return ConfigurationError(f"decoding: {name} expects {expected}; got {got!r}")


#: How freely a chat partner talks: intentions rather than strategies, so an engine that lacks
#: one of their parameters leaves it out (and says so at start). Found by trying on
#: SmolLM2-135M-Instruct: a repetition penalty makes it avoid the very words it was asked about,
#: and without any remedy it goes round in circles. Forbidding runs of 8 tokens ends the circles
#: and still lets it repeat a name.
CHAT_STYLES = ("precise", "balanced", "creative")

PRESETS: dict[str, Decoding] = {
    "greedy": Decoding(),
    "beam": Decoding(num_beams=4, no_repeat_ngram_size=6),
    "temperature": Decoding(do_sample=True, temperature=0.7),
    "top_k": Decoding(do_sample=True, top_k=40),
    "top_p": Decoding(do_sample=True, top_p=0.9),
    "min_p": Decoding(do_sample=True, min_p=0.1),
    "typical": Decoding(do_sample=True, typical_p=0.9),
    "contrastive": Decoding(penalty_alpha=0.6, top_k=4),
    "repetition_penalty": Decoding(repetition_penalty=1.1),
    # "near-greedy", theta 1.2: the figures of section 4.1 of the paper
    "ctrl": Decoding(repetition_penalty=1.2),
    "no_repeat_ngram": Decoding(no_repeat_ngram_size=4),
    "precise": Decoding(do_sample=True, temperature=0.2, top_k=40, top_p=0.9, no_repeat_ngram_size=8),
    "balanced": Decoding(do_sample=True, temperature=0.4, top_k=40, min_p=0.1, no_repeat_ngram_size=8),
    "creative": Decoding(do_sample=True, temperature=0.8, top_k=100, min_p=0.1, no_repeat_ngram_size=8),
}
