"""From the text of an environment variable to a value, or a sentence about what it takes.

Every parser raises ``ValueError`` with what was expected; the settings add the variable's name
and, unless it is a secret, what came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

Parser: TypeAlias = Callable[[str], Any]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def anything(text: str) -> str:
    """Any text without control characters."""
    if not text.isprintable():
        raise ValueError("text without control characters")
    return text


def whole(lowest: int, highest: int) -> Parser:
    """A whole number in [lowest, highest]; ``_`` may group digits."""

    def parse(text: str) -> int:
        expected = f"a whole number from {lowest:,} to {highest:,}"
        try:
            value = int(text)
        except ValueError:
            raise ValueError(expected) from None
        if not lowest <= value <= highest:
            raise ValueError(expected)
        return value

    return parse


def seconds(lowest: float, highest: float) -> Parser:
    """A number of seconds in [lowest, highest]."""

    def parse(text: str) -> float:
        expected = f"a number of seconds from {lowest:,g} to {highest:,g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueError(expected) from None
        if not lowest <= value <= highest:  # also refuses nan
            raise ValueError(expected)
        return value

    return parse


def choice(*values: str) -> Parser:
    """One of a few words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in values:
            raise ValueError(f"one of {', '.join(values)}")
        return text.lower()

    return parse


def switch(text: str) -> bool:
    """Yes or no, in the usual spellings."""
    word = text.lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError("yes or no")


def folder(text: str) -> Path:
    """A folder, which need not exist yet; ``~`` is the home folder."""
    if not text.isprintable():
        raise ValueError("a folder's path")
    return Path(text).expanduser().absolute()


def url(*schemes: str) -> Parser:
    """An address with one of the schemes; a closing slash is dropped."""

    def parse(text: str) -> str:
        expected = "an address that begins " + " or ".join(f"{scheme}://" for scheme in schemes)
        try:
            parts = urlsplit(text)
            parts.port  # noqa: B018 - reading it checks it
        except ValueError:
            raise ValueError(expected) from None
        if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
            raise ValueError(expected)
        if any(character.isspace() or not character.isprintable() for character in text):
            raise ValueError(expected)
        return text.rstrip("/")

    return parse


def matching(pattern: str, expected: str) -> Parser:
    """Text that matches a regular expression as a whole."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(expected)
        return text

    return parse


def ids(text: str) -> frozenset[int]:
    """Whole numbers with commas between them."""
    try:
        return frozenset(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("numeric ids with commas between them") from None


def names(text: str) -> tuple[str, ...]:
    """Names of letters, digits, ``_``, ``.`` and ``-`` with commas between them; ``*`` is all, ``-`` none."""
    if text == "-":
        return ()
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if any(part != "*" and not _NAME.fullmatch(part) for part in parts):
        raise ValueError("names (letters, digits, _ . -) with commas between them, * for all or - for none")
    return parts
