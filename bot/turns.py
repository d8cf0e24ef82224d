"""One message through the chain: the answer, and what is kept of it.

Called with the session's lock held. Whatever becomes of the reply, the user gets an answer and the
exchange is kept: a chain that fails or takes too long gives a sentence, a damaged shelf is made
again, a lock that ran out is taken again, a full store costs the memory of the exchange and not the
reply.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from bot.answers import Answer, quotes_of, worded
from bot.errors import LockLost, MessageUnusable, PipelineError, PipelineTimeout, SessionBusy, StoreFull
from bot.messages import explain, text
from bot.open_session import OpenSession, open_session
from bot.sessions import SessionStore, SessionTurn
from bot.settings import Settings
from bot.shelves import ShelfChanger, Shelves
from skills.dialog import Considered, Knowledge, Listener, Preferences, Reply, Turn

log = logging.getLogger(__name__)

#: How much of the passages considered is kept for /why.
_MAX_CONSIDERED = 8
_MAX_CONSIDERED_CHARS = 300


class PipelineLike(ShelfChanger, Protocol):
    """The chain, as far as a conversation knows it."""

    def reply(
        self,
        utterance: str,
        history: Sequence[Turn],
        knowledge: Knowledge,
        preferences: Preferences,
        listener: Listener | None = None,
    ) -> Reply:
        """One turn through the chain. Raises PipelineError, PipelineTimeout."""


class Turns:
    """Answers messages. Thread-safe.

    Args:
        settings: bounds.
        pipeline: the chain.
        store: the sessions.
        shelves: what they may quote.
    """

    def __init__(
        self, settings: Settings, pipeline: PipelineLike, store: SessionStore, shelves: Shelves
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._store = store
        self._shelves = shelves
        self._mutex = threading.Lock()
        self._running: dict[str, threading.Event] = {}

    def stop(self, session_id: str) -> bool:
        """Stop the reply that this process is writing; False if it writes none."""
        with self._mutex:
            running = self._running.get(session_id)
        if running is not None:
            running.set()
        return running is not None

    def ask_once(self, utterance: str, knowledge: Knowledge, language: str) -> Answer:
        """Answer from documents, outside any session."""
        try:
            reply = self._pipeline.reply(utterance, (), knowledge, Preferences(only_documents=True))
        except PipelineError as error:
            return Answer(self._failure(error, language), "failed", language=language)
        return Answer.of_turn(_turn_of(reply, language, bool(knowledge.shelves)), language)

    def take(
        self,
        opened: OpenSession,
        utterance: str,
        turn_id: str | None,
        edited: bool,
        listener: Listener | None,
    ) -> Answer:
        """Answer a message, or give the stored answer where it was answered before.

        Args:
            opened: the session.
            utterance: what was said.
            turn_id: the adapter's name of the message, or None.
            edited: whether it takes the place of the message of that name.
            listener: of the reply's pieces.

        Raises:
            StoreError: if the store does not answer; nothing is kept then.
        """
        before = opened.session.exchange(turn_id)
        if before and before[1].skill != "failed" and not (edited and before[0].text != utterance):
            return Answer.of_turn(before[1], opened.language, repeated=True)
        user = SessionTurn("user", utterance, time.time(), turn_id=turn_id, edited=edited)
        try:
            opened.sync_shelf()
            knowledge = self._shelves.knowledge(opened.session)
            with self._listening(opened, listener) as listen:
                reply = self._ask(opened, utterance, turn_id, knowledge, listen)
            assistant = _turn_of(reply, opened.language, bool(knowledge.shelves))
        except PipelineError as error:
            assistant = SessionTurn("assistant", self._failure(error, opened.language), 0, skill="failed")
        assistant = dataclasses.replace(assistant, time=time.time(), turn_id=turn_id, edited=edited)
        self._keep(opened, user, assistant)
        return Answer.of_turn(assistant, opened.language, tuple(opened.notes))

    def _ask(
        self, opened: OpenSession, utterance: str, turn_id: str | None, knowledge: Knowledge, listen: Listener
    ) -> Reply:
        session = opened.session
        asked = (
            utterance,
            session.history(without=turn_id),
            knowledge,
            session.preferences.for_chain(),
            listen,
        )
        try:
            return self._pipeline.reply(*asked)
        except (PipelineTimeout, MessageUnusable):
            raise
        except PipelineError:
            # The shelf may be damaged; if that is it, it is made again from the store.
            if not session.documents or not self._shelves.is_damaged(session.id):
                raise
            self._shelves.remove(session.id)
            opened.sync_shelf()
            return self._pipeline.reply(*asked)

    @contextlib.contextmanager
    def _listening(self, opened: OpenSession, listener: Listener | None) -> Iterator[Listener]:
        """A listener that also stops when somebody asks for it or the session is no longer ours."""
        session_id, lock = opened.session.id, opened.lock
        asked_to_stop = threading.Event()
        deaf = listener is None

        def listen(piece: str) -> bool:
            nonlocal deaf
            stop = False
            if listener is not None and not deaf:
                try:
                    stop = bool(listener(piece))
                except Exception as error:  # an adapter's fault must not cost the reply
                    log.warning("a listener failed: %s", type(error).__name__)
                    deaf = True
            return stop or asked_to_stop.is_set() or lock.stop_requested() or lock.lost()

        with self._mutex:
            self._running[session_id] = asked_to_stop
        try:
            yield listen
        finally:
            with self._mutex:
                self._running.pop(session_id, None)

    def _keep(self, opened: OpenSession, user: SessionTurn, assistant: SessionTurn) -> None:
        """Write the exchange. The answer is shown even where it cannot be kept, with a note."""
        limit = self._settings.max_history_turns
        opened.session = opened.session.with_exchange(user, assistant, limit)
        try:
            try:
                opened.save(last=True)
            except LockLost:
                self._keep_later(opened, user, assistant)
        except StoreFull:
            opened.notes.append(text("store.full", opened.language))
        except (LockLost, SessionBusy):
            opened.notes.append(text("note.not_kept", opened.language))

    def _keep_later(self, opened: OpenSession, user: SessionTurn, assistant: SessionTurn) -> None:
        """The lock ran out, as when the machine slept: add the exchange to what the session is now."""
        log.warning("session %s: the lock was lost; taking it again", opened.session.id)
        with open_session(
            self._settings, self._store, self._shelves, opened.session.id, opened.language
        ) as again:
            if again.session.epoch != opened.session.epoch:  # forgotten in the meantime
                raise LockLost("the session was begun anew")
            stored = again.session.exchange(user.turn_id)
            if stored is None or stored[0].text != user.text:  # nor answered by another process
                limit = self._settings.max_history_turns
                again.session = again.session.with_exchange(user, assistant, limit)
                again.save(last=True)

    def _failure(self, error: PipelineError, language: str) -> str:
        if isinstance(error, MessageUnusable):
            log.info("a message cannot be worked on: %s", error)
            return explain(error, language)
        log.error("the chain failed: %s", error)
        if isinstance(error, PipelineTimeout):
            return text("turn.timeout", language, n=self._settings.reply_timeout_s)
        return text("turn.failed", language)


def _turn_of(reply: Reply, language: str, has_documents: bool) -> SessionTurn:
    return SessionTurn(
        "assistant",
        worded(reply, language, has_documents=has_documents),
        time=0.0,
        skill=reply.skill,
        confidence=reply.confidence,
        evidence=quotes_of(reply),
        considered=tuple(_shortened(passage) for passage in reply.considered[:_MAX_CONSIDERED]),
        question=reply.question,
        n_dropped_turns=reply.n_dropped_turns,
        stopped=reply.stopped,
    )


def _shortened(passage: Considered) -> Considered:
    return dataclasses.replace(passage, text=passage.text[:_MAX_CONSIDERED_CHARS])
