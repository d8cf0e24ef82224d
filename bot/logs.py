"""What goes to the log, the same for every way in.

Console: warnings only, bare, on standard error, for a person is reading. Services: a line each
with time, level and name. Never in a log: what was said, a token, a URL (httpx logs them).
"""

from __future__ import annotations

import logging
import sys

NOISY = (
    "httpx",
    "httpcore",
    "hpack",
    "deeppavlov",
    "telegram",
    "filelock",
    "urllib3",
    "asyncio",
    "apscheduler",
)


def configure(*, service: bool, level: int = logging.INFO) -> None:
    """Set up the process's logging, whatever a library set up before.

    Args:
        service: True for programs that run unattended.
        level: of the project's own loggers, for services.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s" if service else "%(message)s"
    handler.setFormatter(_NoTraceback(form))
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in ("bot", "skills"):
        logging.getLogger(name).setLevel(level if service else logging.WARNING)
    for name in NOISY:
        noisy = logging.getLogger(name)
        noisy.setLevel(logging.WARNING if name != "deeppavlov" else logging.ERROR)
        noisy.handlers.clear()
        noisy.propagate = True


class _NoTraceback(logging.Formatter):
    """One line a record: an exception is named by its type, its text may be somebody's words."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        record.exc_info, record.exc_text, record.stack_info = None, None, None
        line = super().format(record)
        return f"{line} ({kind})" if kind else line
