"""One turn of a conversation, the same for every adapter: lock, load, answer, save.

A message is checked, its session taken under its lock and loaded, and answered by a command or by
the chain; both sides of the exchange are written in one step and the lock is let go of in any case.
A turn that carries a ``turn_id`` is answered once: the same id again gives the stored answer, so an
adapter may deliver a message twice without harm. Nothing said is ever logged. Knows the chain and
the store by their protocols, and no adapter.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
import unicodedata
from collections.abc import Iterator
from typing import Any

from bot.answers import Answer
from bot.commands import Call, parse_command, run_command
from bot.errors import UnreadableSession
from bot.export import export_session
from bot.messages import known_language, text
from bot.open_session import AddedDocument, Forgotten, OpenSession, open_session
from bot.reading import indexing, read_bytes
from bot.sessions import (
    STYLES,
    CommandRecord,
    DocumentInfo,
    Session,
    SessionPreferences,
    SessionStore,
    check_session_id,
)
from bot.settings import Settings
from bot.shelves import Shelves
from bot.turns import PipelineLike, Turns
from skills.dialog import Listener, Progress

__all__ = ["Answer", "Conversation", "PipelineLike", "cleaned"]

log = logging.getLogger(__name__)

#: A longer answer of a command (an export) is not kept: making it again changes nothing.
_MAX_RECORD_CHARS = 4000


class Conversation:
    """All conversations of this process. Thread-safe.

    Every method raises :class:`~bot.errors.InvalidSessionId` for what is no session's id, and
    :class:`~bot.errors.StoreError` (SessionBusy, StoreUnavailable, StoreFull) where sessions
    cannot be read or kept; ``bot.messages.explain`` words those for the user.

    Args:
        settings: bounds and folders.
        pipeline: the chain.
        store: the sessions.
    """

    def __init__(self, settings: Settings, pipeline: PipelineLike, store: SessionStore) -> None:
        self._settings = settings
        self._store = store
        self._shelves = Shelves(settings, pipeline, store)
        self._turns = Turns(settings, pipeline, store, self._shelves)

    def reply(
        self,
        session_id: str,
        utterance: str,
        *,
        listener: Listener | None = None,
        language: str | None = None,
        turn_id: str | None = None,
        edited: bool = False,
        allow_read: bool = False,
        progress: Progress | None = None,
    ) -> Answer:
        """Answer a message.

        Args:
            session_id: ``console:…``, ``api:…`` or ``telegram:…``.
            utterance: what was said.
            listener: called with the pieces of a generated reply; returns True to stop.
            language: of the user, for the service's sentences; the session's own choice goes first.
            turn_id: the adapter's name of the message; the same again is answered from the store.
            edited: the message was sent before with this ``turn_id``, and reads otherwise now.
            allow_read: whether /read may open files of this machine.
            progress: of reading documents.
        """
        check_session_id(session_id)
        language = known_language(language or self._settings.language)
        utterance = cleaned(utterance)
        refusal = self._refusal(utterance, language)
        if refusal:
            return Answer(refusal, "refused", language=language)
        self._shelves.sweep()
        command = parse_command(utterance)
        if command and command[0] == "stop":
            words = text("stop.asked" if self.stop(session_id) else "stop.nothing", language)
            return Answer(words, "command", language=language)
        if command and command[0] == "forget":
            self.stop(session_id)  # what is being written is to be forgotten, too
        started = time.monotonic()
        with self._open(session_id, language) as opened:
            if command:
                answer = self._command(opened, *command, turn_id, allow_read, progress)
            else:
                answer = self._turns.take(opened, utterance, turn_id, edited, listener)
        log.info("session %s: %s in %.0f ms", session_id, answer.skill, 1000 * (time.monotonic() - started))
        return answer

    def add_document(
        self,
        session_id: str,
        name: str,
        data: bytes,
        *,
        progress: Progress | None = None,
        language: str | None = None,
    ) -> AddedDocument:
        """Read a file and put it on the session's shelf.

        Args:
            session_id: whose shelf.
            name: the file's name; a document of the same name is replaced.
            data: the file.
            progress: told the share that is done, in [0, 1].
            language: of the user.

        Returns:
            The document; its ``outcome`` tells whether it is new. ``bot.messages`` has a sentence
            for each: ``document.added``, ``document.replaced``, ``document.unchanged``.

        Raises:
            DocumentError: if it cannot be taken; ``bot.messages.explain`` says why.
        """
        check_session_id(session_id)
        document = read_bytes(self._settings, name, data, progress)  # long; the session stays free
        with self._open(session_id, known_language(language or self._settings.language)) as opened:
            added = opened.add(document, indexing(progress))
            if added.outcome == "unchanged":
                opened.save()  # using a session puts off its end
        return added

    def documents(self, session_id: str) -> tuple[DocumentInfo, ...]:
        """The session's documents, in the order of their adding."""
        return self._glance(session_id).documents

    def drop_document(self, session_id: str, which: str) -> DocumentInfo | None:
        """Remove a document by name or by its number in the list; None if there is none."""
        with self._open(check_session_id(session_id), self._settings.language) as opened:
            info = opened.find(which)
            if info is not None:
                opened.drop(info)
                opened.save(last=True)
        return info

    def forget(self, session_id: str) -> Forgotten:
        """Delete everything that is kept of the session, and look for what is left."""
        self.stop(session_id)
        with self._open(session_id, self._settings.language) as opened:
            return opened.forget()

    def export(self, session_id: str) -> dict[str, Any]:
        """All that is kept of the session, texts of its documents included, ready for JSON."""
        return export_session(self._glance(session_id), self._store, with_texts=True)

    def preferences(self, session_id: str) -> SessionPreferences:
        """What the session has set for itself."""
        return self._glance(session_id).preferences

    def set_preferences(self, session_id: str, **changes: Any) -> SessionPreferences:
        """Change some of the session's preferences; all of them as they are now.

        Raises:
            ValueError: if a style, language or library is none of those there are.
            TypeError: if there is no such preference.
        """
        with self._open(check_session_id(session_id), self._settings.language) as opened:
            preferences = dataclasses.replace(opened.session.preferences, **changes)
            if preferences.style not in STYLES:
                raise ValueError(f"a style is one of {', '.join(STYLES)}")
            if preferences.language not in ("", known_language(preferences.language)):
                raise ValueError("a language that there are texts in, or none")
            if not set(preferences.libraries or ()) <= set(self.libraries()):
                raise ValueError("libraries that sessions may search")
            opened.session = dataclasses.replace(opened.session, preferences=preferences)
            opened.save()
        return preferences

    def libraries(self) -> tuple[str, ...]:
        """Names of the shared libraries that sessions may search."""
        return self._shelves.library_names()

    def ask_libraries(self, utterance: str, language: str | None = None) -> Answer:
        """Answer from the shared libraries alone, outside any conversation; nothing is kept."""
        language = known_language(language or self._settings.language)
        utterance = cleaned(utterance)
        refusal = self._refusal(utterance, language)
        if refusal:
            return Answer(refusal, "refused", language=language)
        knowledge = self._shelves.knowledge(None)
        return self._turns.ask_once(utterance, knowledge, language)

    def stop(self, session_id: str) -> bool:
        """Stop the reply that is being written, in whatever process; False if there is none."""
        check_session_id(session_id)
        return self._turns.stop(session_id) or self._store.request_stop(session_id)

    @contextlib.contextmanager
    def _open(self, session_id: str, language: str) -> Iterator[OpenSession]:
        with open_session(self._settings, self._store, self._shelves, session_id, language) as opened:
            yield opened

    def _glance(self, session_id: str) -> Session:
        """The session as it is, without a wait for its lock unless it cannot be read."""
        try:
            return self._store.load(check_session_id(session_id))
        except UnreadableSession:
            with self._open(session_id, self._settings.language) as opened:
                return opened.session

    def _refusal(self, utterance: str, language: str) -> str:
        """Why a message cannot be answered at all, or ""."""
        if not utterance:
            return text("turn.empty", language)
        limit = self._settings.max_utterance_chars
        if len(utterance) > limit:
            return text("turn.too_long", language, n=len(utterance), limit=limit)
        return ""

    def _command(
        self,
        opened: OpenSession,
        name: str,
        argument: str,
        turn_id: str | None,
        allow_read: bool,
        progress: Progress | None,
    ) -> Answer:
        record, command = opened.session.last_command, f"/{name} {argument}"
        if record is not None and record.turn_id == turn_id and record.command in (command, None):
            return Answer(record.text, "command", repeated=True, language=opened.language)
        words = run_command(name, Call(opened, argument, allow_read, progress))
        if opened.forgotten is None:
            record = None
            if turn_id is not None and len(words) <= _MAX_RECORD_CHARS:
                record = CommandRecord(turn_id, words, command)
            opened.session = dataclasses.replace(opened.session, last_command=record)
            opened.save(last=True)
        return Answer(words, "command", notes=tuple(opened.notes), language=opened.language)


def cleaned(utterance: str) -> str:
    """What can be read of a message: without control characters and halves of characters."""
    kept = (c for c in utterance if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept).strip()
