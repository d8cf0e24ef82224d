"""The bounds of what is read. Passing one is an error whose message names it."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What reading one document or folder may cost.

    Attributes:
        file_bytes: size of the file as it arrives.
        pages: pages of a PDF, as the file declares them.
        sections: headings, chapters or row ranges of the other formats.
        characters: length of the extracted text.
        unpacked_bytes: everything unpacked from a .docx or .epub, together.
        archive_entries: files inside a .docx or .epub.
        nesting: levels of elements inside one another (HTML, .docx).
        seconds: from the start of the worker process to its answer, by the clock; its CPU time
            is bounded by the same figure.
        memory_bytes: address space of the worker process.
        folder_files: files and folders looked at below one folder.
    """

    file_bytes: int = 50 * MEGABYTE
    pages: int = 2_000
    sections: int = 50_000
    characters: int = 20_000_000
    unpacked_bytes: int = 200 * MEGABYTE
    archive_entries: int = 10_000
    nesting: int = 1_000
    seconds: float = 60.0
    memory_bytes: int = 1024 * MEGABYTE
    folder_files: int = 10_000


DEFAULT_LIMITS = Limits()


def megabytes(n_bytes: int) -> float:
    """Bytes as the megabytes a message names, to a tenth: 52428800 is 50."""
    return round(n_bytes / MEGABYTE, 1)
