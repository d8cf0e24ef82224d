"""What the readers make of the files of tests."""

from __future__ import annotations

from bot.document_formats.builder import Extract
from bot.document_formats.limits import Limits
from bot.document_formats.reading import reader

LIMITS = Limits()


def read(data: bytes, limits: Limits = LIMITS) -> Extract:
    """A Word document or an EPUB book, read as the worker does."""
    return reader("zip")(data, "book", limits, lambda share: None)


def sections(extract: Extract) -> list[tuple[str, str]]:
    """The label of each section and its text."""
    return [(s.label, extract.text[s.start : s.end]) for s in extract.sections]
