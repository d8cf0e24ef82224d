"""One turn of a conversation: what is asked of the chain, what is kept, and how it is stopped."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time

import pytest

from bot.conversation import Conversation, cleaned
from bot.errors import InvalidSessionId, PipelineError, SessionBusy
from bot.messages import text
from bot.settings import Settings
from skills.dialog import Listener, Reply, Turn
from tests.support.fake_pipeline import ANN, BOB, Asked, FakePipeline
from tests.support.memory_store import MemorySessionStore


class TestTurn:
    def test_both_sides_are_kept_in_one_step(
        self, conversation: Conversation, store: MemorySessionStore
    ) -> None:
        answer = conversation.reply(ANN, "hello")
        assert (answer.text, answer.skill) == ("You said: hello", "chat")
        assert [(t.role, t.text) for t in store.load(ANN).turns] == [
            ("user", "hello"),
            ("assistant", "You said: hello"),
        ]
        assert store.n_saves == 1
        assert store.locks == {}

    def test_the_chain_gets_what_was_said_before(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        conversation.reply(ANN, "one")
        conversation.reply(ANN, "two")
        assert pipeline.asked[1].history == (Turn("user", "one"), Turn("assistant", "You said: one", "chat"))

    def test_sessions_do_not_mix(self, conversation: Conversation, pipeline: FakePipeline) -> None:
        conversation.reply(ANN, "secret")
        conversation.add_document(ANN, "a.txt", b"secret words")
        conversation.reply(BOB, "hello")
        assert pipeline.asked[-1].history == ()
        assert pipeline.asked[-1].knowledge.shelves == ()
        assert conversation.documents(BOB) == ()

    def test_pieces_reach_the_listener(self, conversation: Conversation) -> None:
        pieces: list[str] = []
        conversation.reply(ANN, "hi there", listener=lambda piece: bool(pieces.append(piece)))
        assert pieces == ["You ", "said: ", "hi ", "there "]

    def test_the_listener_stops(self, conversation: Conversation) -> None:
        answer = conversation.reply(ANN, "hi there", listener=lambda piece: piece.startswith("said"))
        assert (answer.text, answer.stopped) == ("You said:", True)

    def test_a_listener_that_fails_costs_nothing(
        self, conversation: Conversation, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(piece: str) -> bool:
            raise RuntimeError(piece)

        assert conversation.reply(ANN, "hi", listener=broken).text == "You said: hi"
        assert "RuntimeError" in caplog.text

    def test_the_history_is_bounded(
        self, settings: Settings, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        conversation = Conversation(dataclasses.replace(settings, max_history_turns=4), pipeline, store)
        for i in range(5):
            conversation.reply(ANN, str(i))
        assert [turn.text for turn in store.load(ANN).turns[::2]] == ["3", "4"]

    @pytest.mark.parametrize("utterance", ["", "   ", "\n\t ", "\x00\x07", "\ud83d"])
    def test_nothing_to_read_gets_a_sentence(
        self, conversation: Conversation, pipeline: FakePipeline, utterance: str
    ) -> None:
        answer = conversation.reply(ANN, utterance)
        assert (answer.text, answer.skill) == (text("turn.empty", "en"), "refused")
        assert pipeline.asked == []

    def test_a_long_message_gets_a_sentence_that_names_the_bound(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        answer = conversation.reply(ANN, "x" * 4001)
        assert "4,001 characters" in answer.text
        assert "4,000" in answer.text
        assert answer.skill == "refused"
        assert not pipeline.asked
        assert not store.states
        assert conversation.reply(ANN, "x" * 4000).skill == "chat"

    def test_control_characters_are_taken_out(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        conversation.reply(ANN, " a\x1b[31mb\x00\r\nc\td 👩‍🎓 ")
        assert pipeline.asked[0].utterance == "a[31mb\nc\td 👩‍🎓"
        assert cleaned("é") == "é"

    def test_what_is_no_session_is_refused(self, conversation: Conversation) -> None:
        for method in (conversation.documents, conversation.export, conversation.forget, conversation.stop):
            with pytest.raises(InvalidSessionId):
                method("nobody")  # type: ignore[operator]
        with pytest.raises(InvalidSessionId):
            conversation.reply("api: x", "hi")

    def test_a_busy_session_is_told_so(
        self, settings: Settings, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        conversation = Conversation(dataclasses.replace(settings, lock_wait_s=0.01), pipeline, store)
        with store.lock(ANN, 1), pytest.raises(SessionBusy):
            conversation.reply(ANN, "hi")

    def test_turns_of_one_session_wait_for_each_other(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        inside = threading.Semaphore()

        def one_at_a_time(asked: Asked, listener: Listener) -> Reply:
            assert inside.acquire(blocking=False)
            time.sleep(0.002)
            inside.release()
            return Reply("ok", "chat", 1.0)

        pipeline.answer = one_at_a_time
        threads = [threading.Thread(target=conversation.reply, args=(ANN, str(i))) for i in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(turn.text for turn in store.load(ANN).turns[::2]) == sorted(map(str, range(10)))
        assert {turn.skill for turn in store.load(ANN).turns[1::2]} == {"chat"}

    def test_nothing_said_is_logged(
        self, conversation: Conversation, pipeline: FakePipeline, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        conversation.reply(ANN, "geheim")
        pipeline.error = PipelineError("RuntimeError")
        conversation.reply(ANN, "geheim too")
        conversation.add_document(ANN, "geheim.txt", b"geheim")
        conversation.reply(ANN, "/persona geheim")
        assert len(caplog.records) >= 3
        assert "geheim" not in caplog.text


class TestStop:
    def test_a_running_reply_is_stopped_from_another_thread(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        begun = threading.Event()
        answers = []

        def endless(asked: Asked, listener: Listener) -> Reply:
            begun.set()
            deadline = time.monotonic() + 20
            while not listener("word "):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            return Reply("word", "chat", 0.5, stopped=True)

        pipeline.answer = endless
        thread = threading.Thread(target=lambda: answers.append(conversation.reply(ANN, "talk")))
        thread.start()
        assert begun.wait(20)
        assert not conversation.stop(BOB)
        assert conversation.reply(ANN, "/stop").text == text("stop.asked", "en")
        thread.join()
        assert answers[0].stopped
        assert not conversation.stop(ANN)

    def test_a_reply_of_another_process_is_stopped(
        self, settings: Settings, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        here, there = Conversation(settings, pipeline, store), Conversation(settings, FakePipeline(), store)

        def long_reply(asked: Asked, listener: Listener) -> Reply:
            assert there.stop(ANN)
            return Reply("word", "chat", 0.5, stopped=listener("word"))

        pipeline.answer = long_reply
        assert here.reply(ANN, "talk").stopped
