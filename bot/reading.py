"""From files to documents on a session's shelf, with one progress for reading and indexing.

Knows the bounds that the settings give to ``bot.documents``; nothing of adapters.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from bot.console_paths import given_path
from bot.document_folders import FolderEntry, walk
from bot.documents import DEFAULT_LIMITS, Limits, read_document, read_path
from bot.errors import DocumentError
from bot.messages import explain, text
from bot.open_session import AddedDocument, OpenSession
from bot.settings import Settings
from skills.dialog import Document, Progress

#: Share of the work of taking a document in that is getting its text; the rest is indexing.
_READING_SHARE = 0.3
_MAX_FAILURES_SHOWN = 10


def document_limits(settings: Settings) -> Limits:
    """What reading a document may cost."""
    return dataclasses.replace(
        DEFAULT_LIMITS,
        file_bytes=settings.max_document_bytes,
        pages=settings.max_document_pages,
        characters=settings.max_document_chars,
        unpacked_bytes=settings.max_unpacked_bytes,
        seconds=settings.document_timeout_s,
    )


def read_bytes(settings: Settings, name: str, data: bytes, progress: Progress | None = None) -> Document:
    """A document from a file's bytes; takes the first part of ``progress``. Raises DocumentError."""
    name = os.path.basename(name.replace("\\", "/")).strip() or "document"
    return read_document(name[:255], data, document_limits(settings), part(progress, 0.0, _READING_SHARE))


def indexing(progress: Progress | None) -> Progress | None:
    """The part of ``progress`` that is left once a document is read."""
    return part(progress, _READING_SHARE, 1.0)


def read_files(opened: OpenSession, argument: str, progress: Progress | None = None) -> str:
    """Take in a file, or all files of a folder that can be read; what to tell the user.

    Args:
        opened: the session.
        argument: a path as people give it: with ``~``, in quotes, dragged in; not blank.
        progress: told the share of all files that is done.

    Raises:
        StoreError: if documents cannot be kept.
    """
    path = given_path(argument)
    language = opened.language
    limits = document_limits(opened.settings)
    try:
        # Of a single file the reading itself says best what is wrong with it.
        entries = list(walk(path, limits)) if path.is_dir() else [FolderEntry(_existing(path))]
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a NUL
        return text("read.missing", language, path=path)
    except OSError:
        return text("read.forbidden", language, path=path)
    files = [entry.path for entry in entries if entry.skipped is None]
    failed = [
        text(
            "read.failed",
            language,
            name=entry.path.name,
            reason=text(entry.skipped, language, **entry.values),
        )
        for entry in entries
        if entry.skipped is not None and entry.skipped != "folder.hidden"
    ]
    added: list[AddedDocument] = []
    for i, file in enumerate(files):
        name = _name(file, path)
        try:
            added.append(_take(opened, name, file, part(progress, i / len(files), (i + 1) / len(files))))
        except DocumentError as error:
            failed.append(text("read.failed", language, name=name, reason=explain(error, language)))
        except OSError:
            failed.append(text("read.forbidden", language, path=name))
    if progress is not None:
        progress(1.0)
    return "\n".join(_report(added, failed, language)) or text("read.nothing", language, path=path)


def part(progress: Progress | None, begin: float, end: float) -> Progress | None:
    """Progress of one part of the work, told as progress of all of it."""
    if progress is None:
        return None
    return lambda share: progress(begin + (end - begin) * min(max(share, 0.0), 1.0))


def _take(opened: OpenSession, name: str, file: Path, progress: Progress | None) -> AddedDocument:
    limits = document_limits(opened.settings)
    document = read_path(file, limits, part(progress, 0.0, _READING_SHARE))
    return opened.add(dataclasses.replace(document, name=name), indexing(progress))


def _existing(path: Path) -> Path:
    path.stat()  # raises where there is nothing
    return path


def _name(file: Path, root: Path) -> str:
    """In a folder the path below it, so that files of one name in two folders are two documents."""
    return file.name if file == root else file.relative_to(root).as_posix()


def _report(added: list[AddedDocument], failed: list[str], language: str) -> list[str]:
    if len(added) == 1 and not failed:
        return [text(f"document.{added[0].outcome}", language, name=added[0].name, n_chars=added[0].n_chars)]
    lines = [text("read.summary", language, n=len(added))] if added else []
    lines += failed[:_MAX_FAILURES_SHOWN]
    if len(failed) > _MAX_FAILURES_SHOWN:
        lines.append(text("read.more_failed", language, n=len(failed) - _MAX_FAILURES_SHOWN))
    return lines
