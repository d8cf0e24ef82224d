"""How a command ends: with 0, or with 1 and a line on what was wrong where its user can mend it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from skills.errors import SkillError


def exit_status(work: Callable[[], object]) -> int:
    """Do the work of a command; a file or a setting that does not do is said on the standard error."""
    try:
        work()
    except (SkillError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
