"""A session under its lock: what a turn, a command and an adapter's button do to it.

Joins the session, its store and its shelf, so that the three never disagree: a document is put on
the shelf or taken off it first, and stored or removed with the session in one step; should that step
fail, the shelf is put right before the next question. Knows the chain only as what changes shelves.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bot.errors import DocumentError, PipelineError, UnreadableSession
from bot.messages import text
from bot.sessions import DocumentInfo, Session, SessionLock, SessionStore
from bot.settings import Settings
from bot.shelves import Shelves
from skills.dialog import Document, Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AddedDocument(DocumentInfo):
    """A document and what became of it: ``unchanged`` where it was there already."""

    outcome: Literal["added", "replaced", "unchanged"] = "added"


@dataclass(frozen=True)
class Forgotten:
    """What was deleted of a session.

    Attributes:
        n_turns, n_documents: what the session held.
        n_keys: records in the store.
        n_files: files on this machine's disk.
        leftovers: names of what could still be found afterwards; empty when all is well.
    """

    n_turns: int
    n_documents: int
    n_keys: int
    n_files: int
    leftovers: tuple[str, ...] = ()


class OpenSession:
    """A session that we may write. Made by :func:`open_session` only.

    Attributes:
        session: as it is now; commands replace it and :meth:`save` writes it.
        notes: sentences for the user about what happened on the way.
        forgotten: set once everything is deleted; nothing may be written any more.
    """

    def __init__(
        self,
        settings: Settings,
        store: SessionStore,
        shelves: Shelves,
        lock: SessionLock,
        session: Session,
        language: str,
    ) -> None:
        self.settings = settings
        self.store = store
        self.shelves = shelves
        self.lock = lock
        self.session = session
        self.notes: list[str] = []
        self.forgotten: Forgotten | None = None
        self._language = language
        self._dropped: list[str] = []

    @property
    def language(self) -> str:
        """What the session has chosen, or else what the adapter said."""
        return self.session.preferences.language or self._language

    def save(self, *, last: bool = False) -> None:
        """Write the session, and remove what was dropped of it, in one step. Raises StoreError.

        Args:
            last: let the lock go in the same step.
        """
        self.store.save(self.lock, self.session, drop=self._dropped, release=last)
        self._dropped.clear()

    def add(self, document: Document, progress: Progress | None = None) -> AddedDocument:
        """Take a document in.

        Raises:
            DocumentError: if there are too many, or it cannot be put on the shelf.
            StoreError: if it cannot be kept.
        """
        info = DocumentInfo.of(document)
        there = self.session.documents
        same = next((known for known in there if known.id == info.id), None)
        if same is not None:
            return _outcome(same, "unchanged")
        replaced = [known for known in there if known.name == info.name]
        kept = [known for known in there if known.name != info.name]
        self._check_bounds(kept, info)
        try:
            self.shelves.add(self.session.id, document, progress)
        except PipelineError as error:
            log.error("a document could not be put on a shelf: %s", error)
            raise DocumentError("document.failed") from error
        session = dataclasses.replace(self.session, documents=(*kept, info))
        self.store.save(self.lock, session, add=document, drop=[old.id for old in replaced])
        self.session = session
        return _outcome(info, "replaced" if replaced else "added")

    def drop(self, info: DocumentInfo) -> None:
        """Take a document out: off the shelf now, out of the store with the next :meth:`save`.

        What the command answered is kept in that step, too: "/drop 1" that is delivered again would
        otherwise find another document in the first place.
        """
        with contextlib.suppress(PipelineError):  # it is put right before the next question
            self.shelves.drop(self.session.id, info.id)
        kept = tuple(known for known in self.session.documents if known.id != info.id)
        self.session = dataclasses.replace(self.session, documents=kept)
        self._dropped.append(info.id)

    def find(self, which: str) -> DocumentInfo | None:
        """A document by its name, in any case, or by its number in the list, from 1."""
        documents = self.session.documents
        exact = [info for info in documents if info.name == which]
        alike = [info for info in documents if info.name.casefold() == which.casefold()]
        if exact or alike:
            return (exact or alike)[0]
        number = int(which) if which.isascii() and which.isdecimal() and len(which) < 10 else 0
        return documents[number - 1] if 0 < number <= len(documents) else None

    def sync_shelf(self, progress: Progress | None = None) -> None:
        """Have the shelf ready for a question; documents that are lost are taken out with a note.

        They are gone for good once the session is saved.

        Raises:
            PipelineError: if the shelf cannot be made.
            StoreError: if the store does not tell what is kept of them.
        """
        for info in self.shelves.sync(self.session, progress):
            self.drop(info)
            self.notes.append(text("note.document_lost", self.language, name=info.name))

    def forget(self) -> Forgotten:
        """Delete everything of the session and look for what is left. Raises StoreError."""
        session_id = self.session.id
        n_files = self.shelves.remove(session_id)
        n_keys = self.store.forget(session_id)
        leftovers = self.store.leftovers(session_id) + self.shelves.leftovers(session_id)
        n_turns, n_documents = len(self.session.turns), len(self.session.documents)
        self.forgotten = Forgotten(n_turns, n_documents, n_keys, n_files, leftovers)
        self.session = Session(session_id)
        return self.forgotten

    def _check_bounds(self, kept: list[DocumentInfo], info: DocumentInfo) -> None:
        limit = self.settings.max_documents
        if len(kept) >= limit:
            raise DocumentError("document.too_many", limit=limit)
        limit = self.settings.max_shelf_chars
        if sum(known.n_chars for known in kept) + info.n_chars > limit:
            raise DocumentError("document.shelf_full", limit=limit)


@contextlib.contextmanager
def open_session(
    settings: Settings, store: SessionStore, shelves: Shelves, session_id: str, language: str
) -> Iterator[OpenSession]:
    """Take a session's lock and load it; what cannot be read is set aside, and we begin anew.

    Raises:
        SessionBusy: if it is not free within ``settings.lock_wait_s``.
        StoreError: if the store does not answer.
    """
    with store.lock(session_id, settings.lock_wait_s) as lock:
        try:
            opened = OpenSession(settings, store, shelves, lock, store.load(session_id, lock), language)
        except UnreadableSession as error:
            log.error("a session is set aside: %s", error)
            store.set_aside(lock)
            session = Session(session_id, documents=_stored_documents(store, session_id))
            opened = OpenSession(settings, store, shelves, lock, session, language)
            opened.notes.append(text("note.aside", language))
            opened.save()
        yield opened


def _stored_documents(store: SessionStore, session_id: str) -> tuple[DocumentInfo, ...]:
    """The documents are kept apart from the turns and outlive damage to those."""
    documents = []
    for document_id in sorted(store.document_ids(session_id)):
        with contextlib.suppress(UnreadableSession):
            document = store.document(session_id, document_id)
            if document is not None:
                documents.append(DocumentInfo.of(document))
    return tuple(documents)


def _outcome(info: DocumentInfo, outcome: Literal["added", "replaced", "unchanged"]) -> AddedDocument:
    return AddedDocument(**dataclasses.asdict(info), outcome=outcome)
