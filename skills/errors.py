"""Every error the skills raise on purpose.

    SkillError
    ├── ConfigurationError      a config names something that does not exist or fit
    ├── CheckpointError         weights that cannot be used
    │   ├── MissingCheckpoint   a file is not there
    │   └── DamagedCheckpoint   a file is there and is not what it should be
    ├── InputError              what came in cannot be worked on
    │   └── InputTooLong        it is longer than the model can take in at once
    ├── GenerationError         a generation engine failed
    └── ShelfError              a search index cannot be used

A message says what was expected, what came and what to do about it. Foreign exceptions
are converted with ``raise … from`` where they enter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class SkillError(Exception):
    """Root of everything the skills raise on purpose."""


class ConfigurationError(SkillError):
    """A config names something that does not exist or does not fit."""


class CheckpointError(SkillError):
    """Weights that cannot be used."""


class MissingCheckpoint(CheckpointError):
    """A file of a checkpoint is not there."""


class DamagedCheckpoint(CheckpointError):
    """A file of a checkpoint is there and is not what it should be."""


class InputError(SkillError):
    """What came in cannot be worked on."""


class InputTooLong(InputError):
    """What came in is longer than the model can take in at once."""


class GenerationError(SkillError):
    """A generation engine failed."""


class ShelfError(SkillError):
    """A search index cannot be used."""


#: What DeepPavlov itself hands to every constructor beside the component's own parameters.
FRAMEWORK_KEYS = frozenset({"in", "out", "in_y", "id", "main", "mode", "save_path", "load_path"})


def refuse_unknown(component: str, given: Iterable[str], expected: Iterable[str] = ()) -> None:
    """Raise on a misspelt parameter, which DeepPavlov would let vanish in ``**kwargs``.

    Args:
        component: name of the component, for the message.
        given: keys left over after the component's own parameters.
        expected: the component's parameters, for the message.

    Raises:
        ConfigurationError: if a key is neither the framework's nor expected.
    """
    unknown = sorted(set(given) - FRAMEWORK_KEYS - set(expected))
    if unknown:
        known = ", ".join(sorted(expected)) or "none"
        raise ConfigurationError(f"{component}: unknown parameter {', '.join(unknown)}; it takes: {known}")


def parameter_names(constructor: Any) -> list[str]:
    """The parameters a component's constructor takes by name (for ``refuse_unknown``)."""
    import inspect

    return [
        name
        for name, parameter in inspect.signature(constructor).parameters.items()
        if name != "self" and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """A whole number from a config, where the environment makes every variable a text.

    Raises:
        ConfigurationError: if it is none or out of range.
    """
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise ConfigurationError(f"{name} expects a whole number from {low} to {high}; got {value!r}")
    return number


def share(name: str, value: Any) -> float:
    """A share, in [0, 1], from a config or a command, where it may be a text.

    Raises:
        ConfigurationError: if it is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise ConfigurationError(f"{name} expects a number from 0 to 1; got {value!r}")
    return number
