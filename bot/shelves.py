"""The shelves a session may quote: its own, and the shared libraries.

A session's shelf is a file on this machine's disk that can be searched; what stands on it is kept in
the session store. The file is only a cache: it is compared with the session before every question,
and whatever is missing, superfluous or damaged is put right from the store, on whatever machine the
conversation goes on. Knows the pipeline only by what it needs of it, and nothing of adapters.
Whoever calls with a session holds its lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.errors import PipelineError, UnreadableSession
from bot.sessions import DocumentInfo, Session, SessionStore
from bot.settings import Settings
from skills.dialog import Document, Knowledge, Progress
from skills.retrieval.changes import AddDocument, Change, DropDocument, ListDocuments, ShelfEntry

log = logging.getLogger(__name__)

_SWEEP_EVERY_S = 3600.0


class ShelfChanger(Protocol):
    """The pipeline's part that changes shelves."""

    def change_shelf(
        self, shelf: Path, change: Change, progress: Progress | None = None
    ) -> tuple[ShelfEntry, ...]:
        """Carry out a change; what stands on the shelf afterwards. Raises PipelineError."""


class Shelves:
    """The shelves of all sessions on this machine. Thread-safe.

    Args:
        settings: where they lie and how long an unused one stays.
        changer: makes and changes them.
        store: where the documents' texts are.
    """

    def __init__(self, settings: Settings, changer: ShelfChanger, store: SessionStore) -> None:
        self._settings = settings
        self._changer = changer
        self._store = store
        self._mutex = threading.Lock()
        self._checked: dict[Path, _Check] = {}
        self._swept = 0.0

    def path(self, session_id: str) -> Path:
        """Where a session's shelf lies; the name does not tell whose it is."""
        digest = hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()
        return self._settings.shelves_dir / f"{digest}.db"

    def library_names(self) -> tuple[str, ...]:
        """The shared libraries that can be searched and that sessions may search, by name.

        One that cannot be read is left out, which is logged once and not at every question.
        """
        files: list[str] = []
        with contextlib.suppress(FileNotFoundError):
            files = os.listdir(self._settings.libraries_dir)
        there = sorted(name.removesuffix(".db") for name in files if name.endswith(".db"))
        allowed = self._settings.libraries
        may = (name for name in there if "*" in allowed or name in allowed)
        return tuple(name for name in may if self._is_usable(self._settings.libraries_dir / f"{name}.db"))

    def knowledge(self, session: Session | None) -> Knowledge:
        """What may be quoted: a session's shelf and libraries, or without a session all libraries."""
        names = self.library_names()
        shelves = []
        if session is not None:
            chosen = session.preferences.libraries
            names = names if chosen is None else tuple(name for name in names if name in chosen)
            if session.documents:
                shelves.append(str(self.path(session.id)))
        return Knowledge((*shelves, *(str(self._settings.libraries_dir / f"{name}.db") for name in names)))

    def sync(self, session: Session, progress: Progress | None = None) -> tuple[DocumentInfo, ...]:
        """Have the session's shelf hold its documents and no others.

        It is listed every time, which takes about a millisecond: another process may have changed it
        for a session that was not saved then.

        Returns:
            Documents whose stored text is missing or damaged; they cannot be put on the shelf.

        Raises:
            PipelineError: if the shelf cannot be made.
        """
        path, wanted = self.path(session.id), frozenset(info.id for info in session.documents)
        if not wanted:
            if path.exists():
                _remove(path)
            return ()
        there = self._list(path)
        if there:
            os.utime(path)  # used now: not to be swept
        for document_id in there - wanted:
            self._changer.change_shelf(path, DropDocument(document_id))
        missing = [info for info in session.documents if info.id not in there]
        lost = []
        for n_done, info in enumerate(missing):
            document = self._stored(session.id, info.id)
            if document is None:
                lost.append(info)
            else:
                self._change(path, AddDocument(document), _share_of(progress, n_done, len(missing)))
        if missing:
            log.info(
                "a shelf was put right: %d documents added, %d lost", len(missing) - len(lost), len(lost)
            )
        return tuple(lost)

    def add(self, session_id: str, document: Document, progress: Progress | None = None) -> None:
        """Put a document on a session's shelf; one of the same name goes. Raises PipelineError."""
        self._change(self.path(session_id), AddDocument(document), progress)

    def drop(self, session_id: str, document_id: str) -> None:
        """Take a document off a session's shelf. Raises PipelineError."""
        path = self.path(session_id)
        if path.exists():
            self._changer.change_shelf(path, DropDocument(document_id))

    def is_damaged(self, session_id: str) -> bool:
        """Whether a session's shelf cannot even be listed."""
        path = self.path(session_id)
        if not path.exists():
            return False
        try:
            self._changer.change_shelf(path, ListDocuments())
        except PipelineError:
            return True
        return False

    def remove(self, session_id: str) -> int:
        """Delete a session's shelf; the number of files that were there."""
        return _remove(self.path(session_id))

    def leftovers(self, session_id: str) -> tuple[str, ...]:
        """Names of the files that there still are of a session's shelf."""
        return tuple(path.name for path in _files(self.path(session_id)))

    def sweep(self) -> int:
        """Delete the shelves of sessions that have expired, now and then; how many there were.

        A session's end is put off by using it, and so is its shelf's; one that is deleted while
        its session lives is made again.
        """
        now = time.time()
        with self._mutex:
            if now - self._swept < _SWEEP_EVERY_S:
                return 0
            self._swept = now
        n_removed = 0
        for path in self._settings.shelves_dir.glob("*.db"):
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime > self._settings.session_ttl_s:
                    n_removed += bool(_remove(path))
        return n_removed

    def _is_usable(self, library: Path) -> bool:
        """Whether a library can be read. Looked at once; a bad one again when its file changed."""
        now = _Check.of(library, usable=True)
        with self._mutex:
            known = self._checked.get(library)
        if known is not None and known.inode == now.inode and (known.usable or known.changed == now.changed):
            return known.usable
        try:
            self._changer.change_shelf(library, ListDocuments())
        except PipelineError as error:
            now = _Check.of(library, usable=False)
            log.warning(
                "The library %s is left out, for it cannot be searched: %s. Delete the file and run "
                "python -m bot ingest again.", library.stem, error,
            )  # fmt: skip
        with self._mutex:
            self._checked[library] = now
        return now.usable

    def _list(self, path: Path) -> frozenset[str]:
        """Ids of the documents on a shelf; one that cannot be read is removed."""
        if not path.exists():
            return frozenset()
        try:
            return frozenset(entry.id for entry in self._changer.change_shelf(path, ListDocuments()))
        except PipelineError as error:
            log.warning("a shelf could not be read and is made again (%s)", type(error).__name__)
            _remove(path)
            return frozenset()

    def _change(self, path: Path, change: AddDocument, progress: Progress | None) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._changer.change_shelf(path, change, progress)

    def _stored(self, session_id: str, document_id: str) -> Document | None:
        try:
            return self._store.document(session_id, document_id)
        except UnreadableSession as error:
            log.warning("%s", error)
            return None


@dataclass(frozen=True)
class _Check:
    """That a library was looked at, as it was then."""

    inode: int
    changed: int
    usable: bool

    @classmethod
    def of(cls, path: Path, *, usable: bool) -> _Check:
        try:
            found = path.stat()
        except OSError:
            return cls(-1, 0, usable)
        return cls(found.st_ino, found.st_mtime_ns, usable)


def _files(path: Path) -> list[Path]:
    """A shelf's file and those that SQLite keeps beside it."""
    return sorted(path.parent.glob(f"{path.name}*"))


def _remove(path: Path) -> int:
    files = _files(path)
    for file in reversed(files):  # the shelf last: while it is there, what lies beside it is looked for
        file.unlink(missing_ok=True)
    return len(files)


def _share_of(progress: Progress | None, n_done: int, n_total: int) -> Progress | None:
    """Progress of one step of several, told as progress of all."""
    if progress is None:
        return None
    return lambda share: progress((n_done + share) / n_total)
