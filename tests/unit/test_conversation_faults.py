"""A turn whose chain fails, whose session cannot be read, has no room, or is lost meanwhile."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bot.conversation import Conversation
from bot.errors import (
    LockLost,
    MessageTooLong,
    MessageUnusable,
    PipelineError,
    PipelineTimeout,
    StoreError,
    StoreFull,
    StoreUnavailable,
)
from bot.messages import text
from bot.settings import Settings
from skills.dialog import Listener, Reply
from tests.support.fake_pipeline import ANN, Asked, FakePipeline, shelf_documents
from tests.support.memory_store import MemorySessionStore


class TestFaults:
    def test_a_chain_that_fails_gives_a_sentence_and_the_message_is_kept(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        pipeline.error = PipelineError("RuntimeError: /secret/path")
        answer = conversation.reply(ANN, "hello")
        assert (answer.text, answer.skill) == (text("turn.failed", "en"), "failed")
        assert store.load(ANN).turns[0].text == "hello"
        pipeline.error = None
        conversation.reply(ANN, "again")
        assert pipeline.asked[-1].history == ()  # our apology is no part of the conversation

    def test_a_chain_that_takes_too_long_gives_a_sentence_that_names_the_bound(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        pipeline.error = PipelineTimeout("x")
        assert "120 seconds" in conversation.reply(ANN, "hello").text

    @pytest.mark.parametrize(
        ("error", "key"),
        [(MessageTooLong("x"), "turn.too_long_for_model"), (MessageUnusable("x"), "turn.unusable")],
    )
    def test_a_message_that_the_chain_cannot_work_on_is_told_what_to_do(
        self, conversation: Conversation, pipeline: FakePipeline, error: PipelineError, key: str
    ) -> None:
        pipeline.error = error
        answer = conversation.reply(ANN, "hello", language="ru")
        assert (answer.text, answer.skill) == (text(key, "ru"), "failed")

    def test_the_lock_is_let_go_of_whatever_happens(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        def broken(asked: Asked, listener: Listener) -> Reply:
            raise ZeroDivisionError

        pipeline.answer = broken
        with pytest.raises(ZeroDivisionError):
            conversation.reply(ANN, "hello")
        assert store.locks == {}

    @pytest.mark.parametrize("state", [b"\x00", b'{"schema":99,"session":{}}'])
    def test_an_unreadable_session_is_set_aside_and_the_user_told(
        self, conversation: Conversation, store: MemorySessionStore, state: bytes
    ) -> None:
        store.states[ANN] = state
        answer = conversation.reply(ANN, "hello")
        assert answer.text == "You said: hello"
        assert answer.notes == (text("note.aside", "en"),)
        assert store.aside(ANN) == (state,)
        assert conversation.reply(ANN, "hello").notes == ()
        assert len(store.load(ANN).turns) == 4

    def test_documents_outlive_an_unreadable_session(
        self, conversation: Conversation, store: MemorySessionStore, pipeline: FakePipeline
    ) -> None:
        added = conversation.add_document(ANN, "a.txt", b"words")
        store.states[ANN] = b"\x00"
        assert [info.id for info in conversation.documents(ANN)] == [added.id]
        conversation.reply(ANN, "hello")
        assert len(pipeline.asked[-1].knowledge.shelves) == 1

    def test_a_reply_that_finds_no_room_is_shown_with_a_note(
        self, conversation: Conversation, store: MemorySessionStore
    ) -> None:
        store.full = True
        answer = conversation.reply(ANN, "hello")
        assert answer.text == "You said: hello"
        assert answer.notes == (text("store.full", "en"),)

    def test_a_lost_lock_does_not_cost_the_exchange(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        conversation.reply(ANN, "first")

        def interrupted(asked: Asked, listener: Listener) -> Reply:
            pipeline.answer = None
            store.take_away(store.locks[ANN])
            conversation.reply(ANN, "meanwhile")
            return Reply("late", "chat", 1.0)

        pipeline.answer = interrupted
        answer = conversation.reply(ANN, "slow")
        assert (answer.text, answer.notes) == ("late", ())
        assert [turn.text for turn in store.load(ANN).turns[::2]] == ["first", "meanwhile", "slow"]

    def test_what_was_forgotten_meanwhile_does_not_come_back(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        conversation.reply(ANN, "first")

        def forgotten(asked: Asked, listener: Listener) -> Reply:
            store.take_away(store.locks[ANN])
            conversation.forget(ANN)
            return Reply("late", "chat", 1.0)

        pipeline.answer = forgotten
        answer = conversation.reply(ANN, "slow")
        assert answer.notes == (text("note.not_kept", "en"),)
        assert store.states == {}

    def test_a_lost_lock_stops_the_generation(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        def long_reply(asked: Asked, listener: Listener) -> Reply:
            assert not listener("a")
            lock = store.locks[ANN]
            lock.is_lost = True
            return Reply("a", "chat", 1.0, stopped=listener("b"))

        pipeline.answer = long_reply
        assert conversation.reply(ANN, "hello").stopped


def test_a_session_that_stays_with_another_process_is_no_error(
    settings: Settings, pipeline: FakePipeline, store: MemorySessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise LockLost("lost")

    monkeypatch.setattr(store, "save", lost)
    conversation = Conversation(dataclasses.replace(settings, lock_wait_s=0.01), pipeline, store)
    answer = conversation.reply(ANN, "hello")
    assert answer.text == "You said: hello"
    assert answer.notes == (text("note.not_kept", "en"),)


class TestDropping:
    @pytest.mark.parametrize("error", [StoreUnavailable("away"), LockLost("lost"), StoreFull("full")])
    def test_a_number_that_is_delivered_again_means_the_same_document(
        self, conversation: Conversation, store: MemorySessionStore, monkeypatch: pytest.MonkeyPatch,
        error: StoreError,
    ) -> None:  # fmt: skip
        for name in ("a.txt", "b.txt", "c.txt"):
            conversation.add_document(ANN, name, name.encode())
        usual, failing = store.save, [error, error]

        def save(*arguments: Any, **options: Any) -> None:
            if options.get("release") and failing:
                raise failing.pop()
            usual(*arguments, **options)

        monkeypatch.setattr(store, "save", save)
        for _ in range(2):
            with pytest.raises(type(error)):
                conversation.reply(ANN, "/drop 1", turn_id="m7")
            assert len(conversation.documents(ANN)) == len(store.document_ids(ANN)) == 3
        for _ in range(2):
            answer = conversation.reply(ANN, "/drop 1", turn_id="m7")
            assert answer.text == text("drop.done", "en", name="a.txt")
        assert [info.name for info in conversation.documents(ANN)] == ["b.txt", "c.txt"]
        assert len(store.document_ids(ANN)) == 2

    def test_what_could_not_be_dropped_is_on_the_shelf_for_the_next_question(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        conversation.add_document(ANN, "a.txt", b"words")

        def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("away")

        with monkeypatch.context() as patched:
            patched.setattr(store, "save", away)
            with pytest.raises(StoreUnavailable):
                conversation.reply(ANN, "/drop a.txt")
        conversation.reply(ANN, "What?")
        (shelf,) = pipeline.asked[-1].knowledge.shelves
        assert [kept["name"] for kept in shelf_documents(Path(shelf)).values()] == ["a.txt"]
