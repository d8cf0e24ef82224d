"""A path as people give it at a console: typed, in quotes, or dragged there from a file manager.

Terminals put a dragged file there as a shell would want it, with backslashes or in quotes, and some
as a ``file://`` address. Looks whether something is there, and opens nothing.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit


def given_path(argument: str) -> Path:
    """The path that is meant.

    Args:
        argument: not blank.

    Returns:
        the first way to read it by which something is there: as it stands, as one word of a shell,
        without the quotes around it. Where nothing is, the last of them, for a sentence about it.
    """
    readings = (argument, _shell_word(argument), _without_quotes(argument))
    paths = [Path(_local(reading)) for reading in readings if reading.strip()]
    return next((path for path in paths if os.path.lexists(path)), paths[-1])


def _shell_word(argument: str) -> str:
    """What a shell makes of it, or nothing where that is no single word."""
    try:
        words = shlex.split(argument)
    except ValueError:  # an apostrophe
        return ""
    return words[0] if len(words) == 1 else ""


def _without_quotes(argument: str) -> str:
    quoted = len(argument) > 2 and argument[0] == argument[-1] and argument[0] in "'\""
    return argument[1:-1] if quoted else argument


def _local(reading: str) -> str:
    """The path of a ``file://`` address of this machine; any other text with ``~`` expanded."""
    if reading.lower().startswith("file:/"):
        try:
            parts = urlsplit(reading)
        except ValueError:
            return reading
        if parts.path and parts.netloc in ("", "localhost"):
            return unquote(parts.path)
        return reading
    return os.path.expanduser(reading)  # which leaves ``~nobody`` as it is, where pathlib raises
