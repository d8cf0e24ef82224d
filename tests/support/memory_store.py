"""A session store in this process's memory, for tests of what uses one.

It passes the same contract as the real one. Sessions are kept as the bytes that would be stored, so
that what cannot be written down fails here, too.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Iterator

from bot.errors import LockLost, SessionBusy, StoreFull
from bot.session_codec import decode_document, decode_session, encode_document, encode_session
from bot.sessions import Session, SessionLock, check_session_id
from skills.dialog import Document


class MemoryLock:
    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.is_lost = False
        self.stop = False

    def lost(self) -> bool:
        return self.is_lost

    def stop_requested(self) -> bool:
        return self.stop


class MemorySessionStore:
    """Attributes for tests: ``states``, ``documents_of``, ``aside_of`` (bytes), ``locks``, ``full``."""

    def __init__(self) -> None:
        self.states: dict[str, bytes] = {}
        self.documents_of: dict[str, dict[str, bytes]] = {}
        self.aside_of: dict[str, list[bytes]] = {}
        self.locks: dict[str, MemoryLock] = {}
        self.full = False
        self.n_saves = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def lock(self, session_id: str, wait_s: float) -> Iterator[SessionLock]:
        check_session_id(session_id)
        lock = MemoryLock(session_id)
        deadline = time.monotonic() + wait_s
        with self._changed:
            while session_id in self.locks:
                if not self._changed.wait(max(deadline - time.monotonic(), 0)):
                    raise SessionBusy("busy")
            self.locks[session_id] = lock
        try:
            yield lock
        finally:
            self.take_away(lock)

    def take_away(self, lock: SessionLock) -> None:
        """Let go of a lock; of a test, to have its holder lose it."""
        with self._changed:
            if self.locks.get(lock.session_id) is lock:
                del self.locks[lock.session_id]
            self._changed.notify_all()

    def load(self, session_id: str, lock: SessionLock | None = None) -> Session:
        state = self.states.get(check_session_id(session_id))
        return Session(session_id) if state is None else decode_session(state)

    def save(
        self,
        lock: SessionLock,
        session: Session,
        *,
        add: Document | None = None,
        drop: Collection[str] = (),
        release: bool = False,
    ) -> None:
        if self.locks.get(session.id) is not lock:
            raise LockLost("lost")
        if self.full and not drop:  # who removes something is let write
            raise StoreFull("full")
        documents = self.documents_of.setdefault(session.id, {})
        for document_id in drop:
            documents.pop(document_id, None)
        if add is not None:
            documents[add.id] = encode_document(add)
        self.states[session.id] = encode_session(session)
        self.n_saves += 1
        if release:
            self.take_away(lock)

    def set_aside(self, lock: SessionLock) -> None:
        if self.locks.get(lock.session_id) is not lock:
            raise LockLost("lost")
        if lock.session_id in self.states:
            self.aside_of.setdefault(lock.session_id, []).append(self.states.pop(lock.session_id))

    def aside(self, session_id: str) -> tuple[bytes, ...]:
        return tuple(self.aside_of.get(session_id, ()))

    def document_ids(self, session_id: str) -> frozenset[str]:
        return frozenset(self.documents_of.get(session_id, ()))

    def document(self, session_id: str, document_id: str) -> Document | None:
        data = self.documents_of.get(session_id, {}).get(document_id)
        return None if data is None else decode_document(data)

    def forget(self, session_id: str) -> int:
        n_deleted = len(self.leftovers(session_id))
        for kept in (self.states, self.documents_of, self.aside_of):
            kept.pop(session_id, None)  # type: ignore[attr-defined]
        return n_deleted

    def leftovers(self, session_id: str) -> tuple[str, ...]:
        kept = {"state": self.states, "documents": self.documents_of, "aside": self.aside_of}
        return tuple(name for name, place in kept.items() if place.get(session_id))  # type: ignore[attr-defined]

    def request_stop(self, session_id: str) -> bool:
        lock = self.locks.get(session_id)
        if lock is not None:
            lock.stop = True
        return lock is not None

    def ping(self) -> None:
        pass

    def close(self) -> None:
        pass
