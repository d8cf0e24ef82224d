"""Makes DeepPavlov's own programs tell a skill's error in a line, not in a traceback.

Named under ``metadata.imports`` of the configs, which is how DeepPavlov lets a config bring code.
Changes something only in ``python -m deeppavlov`` (interact, predict, train, evaluate …); a program
that builds a config by itself sees the errors as they are.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import TracebackType

from skills.errors import SkillError


def told_in_a_line(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """An ``excepthook``: one line on stderr for what the skills raise on purpose."""
    if isinstance(error, SkillError):
        sys.stderr.write(f"{error}\n")
    else:
        sys.__excepthook__(kind, error, where)


def told_elsewhere(record: logging.LogRecord) -> bool:
    """A log filter that leaves out what :func:`told_in_a_line` will tell."""
    raised = record.exc_info[1] if record.exc_info else None
    return not isinstance(raised, SkillError)


if Path(sys.argv[0]).parts[-2:] == ("deeppavlov", "__main__.py"):
    sys.excepthook = told_in_a_line
    logging.getLogger("deeppavlov.core.common.params").addFilter(told_elsewhere)
