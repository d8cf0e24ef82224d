"""One turn of a conversation: what is asked of the chain, what is answered, what is kept."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time

import pytest

from bot.conversation import Conversation, cleaned
from bot.errors import (
    InvalidSessionId,
    LockLost,
    MessageTooLong,
    MessageUnusable,
    PipelineError,
    PipelineTimeout,
    SessionBusy,
)
from bot.messages import text
from bot.session_codec import encode_session
from bot.sessions import Session
from bot.settings import Settings
from skills.dialog import Considered, Evidence, Listener, Reply, Turn
from skills.retrieval.changes import AddDocument, ListDocuments
from tests.support.fake_pipeline import (
    ANN,
    BOB,
    CLAUSE,
    Asked,
    FakePipeline,
    quote_from,
    quoted,
    replying,
)
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


class TestTurnId:
    def test_the_same_turn_is_answered_once(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        replying(pipeline, quoted())
        first = conversation.reply(ANN, "How long?", turn_id="7")
        conversation.reply(ANN, "And then?", turn_id="8")
        again = conversation.reply(ANN, "How long?", turn_id="7")
        assert again == dataclasses.replace(first, considered=())
        assert len(pipeline.asked) == 2
        assert len(store.load(ANN).turns) == 4

    def test_an_edited_message_is_answered_anew(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        conversation.reply(ANN, "one", turn_id="1")
        conversation.reply(ANN, "two", turn_id="2")
        answer = conversation.reply(ANN, "three", turn_id="2", edited=True)
        assert (answer.text, answer.edited) == ("You said: three", True)
        assert [turn.text for turn in store.load(ANN).turns[::2]] == ["one", "three"]
        assert [turn.text for turn in pipeline.asked[-1].history] == ["one", "You said: one"]

    def test_an_edit_delivered_twice_is_answered_once(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        for _ in range(2):
            conversation.reply(ANN, "one", turn_id="1", edited=True)
        assert len(pipeline.asked) == 1

    def test_a_turn_that_failed_is_tried_again(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        pipeline.error = PipelineError("x")
        assert conversation.reply(ANN, "one", turn_id="1").skill == "failed"
        pipeline.error = None
        assert conversation.reply(ANN, "one", turn_id="1").text == "You said: one"
        assert len(store.load(ANN).turns) == 2

    def test_a_command_is_carried_out_once(
        self, conversation: Conversation, store: MemorySessionStore
    ) -> None:
        conversation.add_document(ANN, "a.txt", b"words")
        first = conversation.reply(ANN, "/drop a.txt", turn_id="5")
        assert conversation.reply(ANN, "/drop a.txt", turn_id="5").text == first.text
        assert "a.txt" in first.text
        assert conversation.reply(ANN, "/drop a.txt", turn_id="6").text != first.text


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


class TestWording:
    def test_a_quoted_answer_is_in_the_document_s_words(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        replying(pipeline, quoted())
        answer = conversation.reply(ANN, "How long?")
        assert (answer.text, answer.skill, answer.confidence) == ("30 days' written notice", "qa", 0.93)
        assert answer.evidence[0].quote == CLAUSE

    def test_an_uncertain_answer_says_so(self, conversation: Conversation, pipeline: FakePipeline) -> None:
        replying(pipeline, quoted(confidence=0.4))
        assert conversation.reply(ANN, "?!").text == "I am not sure, but it may be: 30 days' written notice"

    def test_documents_that_differ_are_both_shown(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        other = quote_from("It is 60 days.", "60 days", name="amendment.pdf")
        replying(pipeline, quoted("30 days", also=(other,)))
        answer = conversation.reply(ANN, "How long?")
        assert answer.text == "The documents differ: “30 days” (contract.pdf), “60 days” (amendment.pdf)"
        assert len(answer.evidence) == 2

    def test_documents_that_agree_are_no_disagreement(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        replying(pipeline, quoted("30 days", also=(quote_from("Also 30 days.", "30 days", name="b.pdf"),)))
        assert conversation.reply(ANN, "How long?").text == "30 days"

    def test_no_answer_is_said_and_the_closest_passage_offered(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        conversation.add_document(ANN, "a.txt", b"words")
        replying(pipeline, Reply("", "none", 0.9))
        assert conversation.reply(ANN, "Who?").text == "The documents don't say."
        replying(pipeline, Reply("", "none", 0.9, quote_from(CLAUSE, "party")))
        answer = conversation.reply(ANN, "Who?")
        assert answer.text == "I'm not sure the documents say. This comes closest:"
        assert len(answer.evidence) == 1

    def test_without_documents_it_says_that_there_are_none(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        replying(pipeline, Reply("", "none", 0.9))
        assert conversation.reply(ANN, "Who?").text == text("answer.no_documents", "en")

    def test_a_reply_stopped_before_its_first_word_is_not_empty(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        replying(pipeline, Reply(" ", "chat", 0.5, stopped=True))
        assert conversation.reply(ANN, "Hi").text == text("turn.stopped", "en")

    def test_the_user_s_language_is_used(self, conversation: Conversation, pipeline: FakePipeline) -> None:
        conversation.add_document(ANN, "a.txt", b"words")
        replying(pipeline, Reply("", "none", 0.9))
        assert conversation.reply(ANN, "Кто?", language="ru-RU").text == text("answer.none", "ru")
        conversation.reply(ANN, "/language ru")
        assert conversation.reply(ANN, "Кто?", language="en").text == text("answer.none", "ru")

    def test_what_was_considered_is_kept_short(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        passages = tuple(Considered("a", None, i, "x" * 5000, 0.5, None, "") for i in range(50))
        replying(pipeline, quoted(considered=passages))
        conversation.reply(ANN, "How long?")
        assert len(store.states[ANN]) < 10_000


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


def test_an_older_session_is_read_and_goes_on(conversation: Conversation, store: MemorySessionStore) -> None:
    store.states[ANN] = encode_session(Session(ANN))
    assert conversation.reply(ANN, "hello").notes == ()


def test_evidence_survives_storage(
    conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
) -> None:
    replying(pipeline, quoted())
    conversation.reply(ANN, "How long?")
    (evidence,) = store.load(ANN).turns[1].evidence
    assert isinstance(evidence, Evidence)
    assert evidence.answer == "30 days' written notice"


def test_a_shelf_is_listed_when_a_process_begins(
    settings: Settings, pipeline: FakePipeline, store: MemorySessionStore
) -> None:
    Conversation(settings, pipeline, store).add_document(ANN, "a.txt", b"words")
    n_added = pipeline.n_changed(AddDocument)
    Conversation(settings, pipeline, store).reply(ANN, "What?")
    assert pipeline.n_changed(ListDocuments) == 1
    assert pipeline.n_changed(AddDocument) == n_added


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
