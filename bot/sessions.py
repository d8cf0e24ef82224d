"""What is kept of a conversation and what a store of sessions must do.

Pure data; no Redis, no files, no chain. A session is a value: every change makes a new one, and a
store keeps the newest. What these classes look like is what is stored: a changed field needs a new
schema version (``bot.session_codec``).
"""

from __future__ import annotations

import dataclasses
import re
import secrets
import time
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bot.errors import InvalidSessionId
from skills.dialog import Considered, Document, Evidence, Preferences, Role, Turn

#: Names of the decoding presets that a conversation may choose from.
STYLES = ("precise", "balanced", "creative")

#: Which skill answered; ``failed`` where none did and the user was told so.
StoredSkill = Literal["", "qa", "chat", "none", "failed"]

_SESSION_ID = re.compile(r"(console|api|telegram):[^\s\x00-\x1f\x7f]{1,128}")


@dataclass(frozen=True)
class DocumentInfo:
    """A document of a session without its text.

    Attributes:
        id: digest of its content.
        name: what the user calls it.
        n_chars: length of its text.
        n_pages: pages or sections; 0 where the format has none.
        added: when, in Unix seconds.
    """

    id: str
    name: str
    n_chars: int
    n_pages: int
    added: float

    @classmethod
    def of(cls, document: Document) -> DocumentInfo:
        """What is listed of a document that is added now."""
        return cls(document.id, document.name, len(document.text), len(document.pages), time.time())


@dataclass(frozen=True)
class SessionTurn:
    """One side of an exchange. All but the first three are told of the assistant's turns only.

    Attributes:
        role, text: who said what.
        time: when, in Unix seconds.
        turn_id: the adapter's name of the exchange (both turns carry it), or None.
        skill, confidence, evidence, considered, question, n_dropped_turns, stopped: as in
            :class:`skills.dialog.Reply`; ``evidence`` holds every quote, best first;
            ``considered`` is kept of the last exchange only.
        edited: whether it answers an edited message.
    """

    role: Role
    text: str
    time: float
    turn_id: str | None = None
    skill: StoredSkill = ""
    confidence: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    considered: tuple[Considered, ...] = ()
    question: str = ""
    n_dropped_turns: int = 0
    stopped: bool = False
    edited: bool = False


@dataclass(frozen=True)
class SessionPreferences:
    """What a conversation has set for itself.

    Attributes:
        style, persona, only_documents: as in :class:`skills.dialog.Preferences`.
        libraries: shared libraries to search of those that are allowed; None is all of them.
        language: of the service's sentences; "" is the adapter's choice.
    """

    style: str = "balanced"
    persona: str = ""
    only_documents: bool = False
    libraries: tuple[str, ...] | None = None
    language: str = ""

    def for_chain(self) -> Preferences:
        """The part that the chain knows of."""
        return Preferences(style=self.style, persona=self.persona, only_documents=self.only_documents)


@dataclass(frozen=True)
class CommandRecord:
    """The last command's answer, so that a redelivered command is not carried out again.

    Attributes:
        turn_id: the adapter's name of the message.
        text: of the answer.
        command: as it was given, for an edited message has its name, too; None where version 1 of
            the schema kept it.
    """

    turn_id: str
    text: str
    command: str | None


@dataclass(frozen=True)
class Session:
    """A conversation.

    Attributes:
        id: namespaced by adapter, such as ``console:ann``.
        epoch: random; a forgotten session's successor has another.
        started: when, in Unix seconds.
        turns: oldest first; user and assistant alternate, user first.
        documents: in the order of their adding.
        preferences: what was set.
        last_command: for redelivered commands.
    """

    id: str
    epoch: str = field(default_factory=lambda: secrets.token_hex(8))
    started: float = field(default_factory=time.time)
    turns: tuple[SessionTurn, ...] = ()
    documents: tuple[DocumentInfo, ...] = ()
    preferences: SessionPreferences = SessionPreferences()
    last_command: CommandRecord | None = None

    def exchange(self, turn_id: str | None) -> tuple[SessionTurn, SessionTurn] | None:
        """The user's and the assistant's turn of that name, if there are any."""
        position = self._position(turn_id)
        return None if position is None else (self.turns[position], self.turns[position + 1])

    def history(self, without: str | None = None) -> tuple[Turn, ...]:
        """What was said, for the chain: all answered exchanges but the one called ``without``."""
        skipped = self._position(without)
        return tuple(
            Turn(turn.role, turn.text, turn.skill if turn.skill in ("qa", "chat", "none") else None)
            for i in range(0, len(self.turns), 2)
            if i != skipped and self.turns[i + 1].skill != "failed"
            for turn in self.turns[i : i + 2]
        )

    def with_exchange(self, user: SessionTurn, assistant: SessionTurn, max_turns: int) -> Session:
        """With an exchange at the end, instead of an earlier one that has its ``turn_id``.

        The oldest exchanges beyond ``max_turns`` turns go, and so do the passages that earlier
        answers considered.
        """
        old = self._position(user.turn_id)
        kept = self.turns if old is None else self.turns[:old] + self.turns[old + 2 :]
        kept = tuple(dataclasses.replace(turn, considered=()) if turn.considered else turn for turn in kept)
        turns = (*kept, user, assistant)
        return dataclasses.replace(self, turns=turns[-(max_turns - max_turns % 2) :])

    def _position(self, turn_id: str | None) -> int | None:
        if turn_id is None:
            return None
        return next((i for i in range(0, len(self.turns), 2) if self.turns[i].turn_id == turn_id), None)


class SessionLock(Protocol):
    """The right to write a session, held by one at a time in all processes."""

    @property
    def session_id(self) -> str:
        """Whose it is."""

    def lost(self) -> bool:
        """Whether it ran out although it was renewed, such as after the machine slept."""

    def stop_requested(self) -> bool:
        """Whether somebody asked the holder to stop generating."""


class SessionStore(Protocol):
    """Where sessions are kept. Thread-safe; shared by processes.

    Every method raises :class:`~bot.errors.StoreError` or one of its kinds when the store cannot
    do what it is asked. Writing takes the session's lock; a holder that lost it writes nothing.
    """

    def lock(self, session_id: str, wait_s: float) -> AbstractContextManager[SessionLock]:
        """Take the session's lock; SessionBusy when it is not free within ``wait_s`` seconds."""

    def load(self, session_id: str, lock: SessionLock | None = None) -> Session:
        """The session as it was saved last, or a fresh one; using it puts off its end.

        Args:
            session_id: whose.
            lock: of the session, where nothing was saved under it yet: the session as it was when
                the lock was taken, which costs no access.

        Raises:
            UnreadableSession: if what is stored is damaged or newer than this version.
        """

    def save(
        self,
        lock: SessionLock,
        session: Session,
        *,
        add: Document | None = None,
        drop: Collection[str] = (),
        release: bool = False,
    ) -> None:
        """Write the session and its documents' texts, all or nothing.

        Args:
            lock: of the session.
            session: all of it.
            add: a document whose text is to be stored with it.
            drop: ids of documents whose texts go.
            release: let the lock go in the same step; nothing may be written under it afterwards.

        Raises:
            LockLost: if the lock is no longer held; nothing was written.
            StoreFull: if there is no room; nothing was written.
        """

    def set_aside(self, lock: SessionLock) -> None:
        """Move what is stored of the turns out of the way, unread; documents stay."""

    def aside(self, session_id: str) -> tuple[bytes, ...]:
        """What was set aside, oldest first."""

    def document_ids(self, session_id: str) -> frozenset[str]:
        """Ids of the documents whose texts are stored."""

    def document(self, session_id: str, document_id: str) -> Document | None:
        """A stored document, or None; UnreadableSession if it is damaged."""

    def forget(self, session_id: str) -> int:
        """Delete everything of the session but its lock; the number of records deleted."""

    def leftovers(self, session_id: str) -> tuple[str, ...]:
        """Names of whatever is stored of the session, its lock aside; empty after ``forget``."""

    def request_stop(self, session_id: str) -> bool:
        """Ask whoever holds the session's lock, in whatever process, to stop; False if nobody does."""

    def ping(self) -> None:
        """Raise StoreUnavailable if the store does not answer."""

    def close(self) -> None:
        """Let go of connections and servers."""


def check_session_id(session_id: str) -> str:
    """The id itself, if it is one.

    Raises:
        InvalidSessionId: unless it is an adapter's name, a colon and 1 to 128 characters without
            whitespace.
    """
    if not _SESSION_ID.fullmatch(session_id):
        raise InvalidSessionId(
            "a session id is console:…, api:… or telegram:… with 1 to 128 visible characters"
        )
    return session_id
