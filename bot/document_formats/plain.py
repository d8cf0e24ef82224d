"""Plain text, source code, and everything else whose lines are its layout.

Lines are kept as they are, so that the line number a quote is shown with is the file's own.
Form feeds, which RFCs and ``pdftotext`` put between pages, begin pages.
"""

from __future__ import annotations

from bot.document_formats.builder import Extract, tile, too_long
from bot.document_formats.cleaning import clean
from bot.document_formats.encoding import decode
from bot.document_formats.limits import Limits
from bot.document_formats.sniffing import suffix
from bot.errors import DocumentTooLarge, EmptyDocument

#: In source code a form feed separates functions rather than pages: there it is a space.
_PAGED_NAMES = frozenset({"", ".txt", ".text", ".log"})


def read_plain(data: bytes, name: str, limits: Limits) -> Extract:
    """Text as it stands, normalised character by character only.

    Raises:
        EmptyDocument: if there is nothing but space.
        DocumentTooLarge: past the bounds on characters or pages.
        UnsupportedDocument: if it is not text.
    """
    text = decode(data)
    if len(text) > limits.characters:
        raise too_long(limits)
    # a form feed ends no line: it becomes a space, or the lines would no longer be the file's
    pages = text.split("\f") if suffix(name) in _PAGED_NAMES else [text.replace("\f", " ")]
    if not pages[-1].strip():
        pages = pages[:-1] or pages
    if len(pages) > limits.sections:
        raise DocumentTooLarge("document.too_many_sections", limit=limits.sections)
    cleaned = [page if not page or page.endswith("\n") else f"{page} " for page in map(clean, pages[:-1])]
    cleaned.append(clean(pages[-1]))
    starts, length = [], 0
    for i, page in enumerate(cleaned):
        starts.append((str(i + 1), length))
        length += len(page)
    whole = "".join(cleaned)
    if not whole.strip():
        raise EmptyDocument("document.empty")
    return Extract(whole, tile(starts, len(whole)) if len(cleaned) > 1 else ())
