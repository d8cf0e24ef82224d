"""A folder to the files in it that can be read, with what is left out and why.

Never leaves the folder: links are not followed, wherever they point. Bounded in the number of
entries it looks at. Nothing is read but the first bytes of each file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.document_formats.limits import DEFAULT_LIMITS, Limits, megabytes
from bot.document_formats.sniffing import HEAD, sniff, suffix
from bot.errors import DocumentError

#: Endings of zip files worth opening; every other zip file in a folder is an archive of something.
_CONTAINERS = frozenset({".docx", ".docm", ".dotx", ".epub"})


@dataclass(frozen=True)
class FolderEntry:
    """A file found.

    Attributes:
        path: where it is.
        skipped: None for a file to read, else the key of the sentence that says why not
            (``folder.hidden`` and so on, in ``bot.messages``).
        values: what that sentence names.
    """

    path: Path
    skipped: str | None = None
    values: Mapping[str, int | float] = field(default_factory=dict)


def walk(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> Iterator[FolderEntry]:
    """The files below a folder, by name, folder by folder; what is skipped comes as well.

    A path to a file gives that file alone.

    Raises:
        OSError: if ``path`` itself cannot be looked at.
    """
    root = Path(path)
    if not root.is_dir():
        root.stat()
        yield _file_entry(root, limits)
        return
    waiting = [root]
    n_seen = 0
    while waiting:
        folder = waiting.pop()
        inside: list[Path] = []
        for entry in _scan(folder, limits.folder_files - n_seen):
            n_seen += 1
            if n_seen > limits.folder_files:
                yield FolderEntry(root, "folder.too_many", {"limit": limits.folder_files})
                return
            found = _look_at(entry, limits)
            if found is None:
                inside.append(Path(entry.path))
            else:
                yield found
        waiting.extend(reversed(inside))


def _scan(folder: Path, most: int) -> list[os.DirEntry[str]]:
    """Entries of a folder by name, at most one more than ``most``."""
    entries = []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                entries.append(entry)
                if len(entries) > most:
                    break
    except OSError:
        return []  # gone or closed to us in the meantime
    return sorted(entries, key=lambda entry: entry.name)


def _look_at(entry: os.DirEntry[str], limits: Limits) -> FolderEntry | None:
    """What to do with an entry; None for a folder to look into."""
    path = Path(entry.path)
    if entry.name.startswith("."):
        return FolderEntry(path, "folder.hidden")
    if entry.is_symlink():
        return FolderEntry(path, "folder.link")
    if entry.is_dir(follow_symlinks=False):
        return None if os.access(path, os.R_OK | os.X_OK) else FolderEntry(path, "folder.unreadable")
    return _file_entry(path, limits)


def _file_entry(path: Path, limits: Limits) -> FolderEntry:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return FolderEntry(path, "folder.not_a_file")
            head = file.read(HEAD)
    except OSError:
        return FolderEntry(path, "folder.unreadable")
    if not head.strip():
        return FolderEntry(path, "folder.empty")
    if status.st_size > limits.file_bytes:
        return FolderEntry(path, "folder.too_large", {"limit": megabytes(limits.file_bytes)})
    try:
        format = sniff(path.name, head)
    except DocumentError:
        return FolderEntry(path, "folder.binary")
    if format == "zip" and suffix(path.name) not in _CONTAINERS:
        return FolderEntry(path, "folder.binary")
    return FolderEntry(path)
