"""File bytes to a document: the one way text enters.

The format is told by what is in the file (``document_formats/sniffing.py``), the text is read
and normalised once (``document_formats/cleaning.py`` says how) and never changed again: every
quote is compared with it. Whatever a library in C or a container is needed for is read in a
process of its own, within :class:`Limits`. Nothing here knows of sessions or shelves.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from bot.document_folders import FolderEntry, walk
from bot.document_formats.builder import Extract
from bot.document_formats.cleaning import clean_label
from bot.document_formats.limits import DEFAULT_LIMITS, MEGABYTE, Limits, megabytes
from bot.document_formats.plain import read_plain
from bot.document_formats.sniffing import Format, sniff
from bot.document_formats.tables import read_table
from bot.document_process import extract_in_process
from bot.errors import DocumentTooLarge, EmptyDocument, UnsupportedDocument
from skills.dialog import Document, Page, Progress

__all__ = [
    "DEFAULT_LIMITS",
    "FolderEntry",
    "Limits",
    "document_id",
    "read_document",
    "read_path",
    "walk",
]

#: Part of every document's id. Raise it when the same file would give another text.
_RULES = 3
#: Plain text up to this size is read in the service itself: whatever is in it, that takes time in
#: proportion to its length and no library in C that could break.
_IN_SERVICE_BYTES = MEGABYTE
_LONGEST_NAME = 500


def document_id(name: str, data: bytes) -> str:
    """The id of a file's document, without reading it.

    SHA-256 over the file, its format and the version of the reading rules, as hex: the same id
    means the same text. Of the name only its ending counts, and only where it decides.

    Raises:
        UnsupportedDocument, EncryptedDocument: as :func:`read_document`.
    """
    return _id(sniff(name, data), data)


def read_document(
    name: str,
    data: bytes,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Document:
    """A file as a document.

    Pages of the document tile its text: the first begins at 0, each ends where the next begins,
    the last ends with the text. They are pages of a PDF or of text with form feeds, sections
    under a heading (HTML, Markdown, .docx), chapters (EPUB) or ranges of rows (CSV), and none
    for text that has no such thing.

    Args:
        name: what the user calls it, such as the file's name; it is made one line.
        data: the file.
        limits: what reading it may cost.
        progress: called in this thread with the share done, in [0, 1].

    Raises:
        UnsupportedDocument: if its format is not read.
        DocumentTooLarge: past a bound; the error names it.
        EncryptedDocument: if it opens with a password only.
        EmptyDocument: if no text is in it.
        DamagedDocument: if it is not what its format demands.
        DocumentTimeout: if it takes too long.
    """
    if len(data) > limits.file_bytes:
        raise _too_large(len(data), limits)
    if not data:
        raise EmptyDocument("document.empty")
    format = sniff(name, data)
    name = clean_label(name, _LONGEST_NAME) or "document"
    extract = _extract(format, name, data, limits, progress)
    if progress is not None:
        progress(1.0)
    pages = tuple(Page(section.label, section.start, section.end) for section in extract.sections)
    return Document(id=_id(format, data), name=name, text=extract.text, pages=pages)


def read_path(
    path: Path | str, limits: Limits = DEFAULT_LIMITS, progress: Progress | None = None
) -> Document:
    """A file on disk as a document, named after the file.

    Raises:
        OSError: if it cannot be opened.
        DocumentError: as :func:`read_document`; UnsupportedDocument for what is no file at all.
    """
    path = Path(path)
    # Not blocking: a named pipe would wait for its writer, possibly for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnsupportedDocument("document.not_a_file")
        if status.st_size > limits.file_bytes:
            raise _too_large(status.st_size, limits)
        data = file.read(limits.file_bytes + 1)
    return read_document(path.name, data, limits, progress)


def _extract(format: Format, name: str, data: bytes, limits: Limits, progress: Progress | None) -> Extract:
    if len(data) <= _IN_SERVICE_BYTES:
        if format == "text":
            return read_plain(data, name, limits)
        if format == "csv":
            return read_table(data, name, limits)
    return extract_in_process(format, name, data, limits, progress)


def _id(format: Format, data: bytes) -> str:
    digest = hashlib.sha256(f"{_RULES} {format}\n".encode())
    digest.update(data)
    return digest.hexdigest()


def _too_large(n_bytes: int, limits: Limits) -> DocumentTooLarge:
    return DocumentTooLarge("document.too_large", size=megabytes(n_bytes), limit=megabytes(limits.file_bytes))
