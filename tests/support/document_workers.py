"""The processes that read documents, as tests see them, and what keeps them busy."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import psutil

from tests.support.tiny_pdf import lines, write_pdf


def workers() -> list[psutil.Process]:
    """The worker processes that this one has and that still run."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "bot.document_worker" in child.cmdline():
                found.append(child)
    return found


@cache
def many_pages(n: int = 300) -> bytes:
    """A PDF whose text at 300 pages is longer than a pipe holds: its worker waits to be read."""
    return write_pdf([lines([f"text {j} of sheet {i}" for j in range(50)]) for i in range(n)])
