"""One turn of a conversation: what is asked of the chain, what is answered, what is kept."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import threading
import time
from pathlib import Path

import pytest

from bot.conversation import Conversation, cleaned
from bot.errors import (
    DocumentError,
    InvalidSessionId,
    LockLost,
    PipelineError,
    PipelineTimeout,
    SessionBusy,
    StoreFull,
)
from bot.messages import text
from bot.session_codec import encode_session
from bot.sessions import Session
from bot.settings import Settings
from skills.dialog import Considered, Evidence, Listener, Reply, Turn
from skills.retrieval.changes import AddDocument, DropDocument, ListDocuments
from tests.support.fake_pipeline import Asked, FakePipeline, quote_from, shelf_documents
from tests.support.memory_store import MemorySessionStore

ANN, BOB = "console:ann", "api:bob"
CLAUSE = "Either party may terminate this Agreement on 30 days' written notice."


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def store() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def conversation(settings: Settings, pipeline: FakePipeline, store: MemorySessionStore) -> Conversation:
    return Conversation(settings, pipeline, store)


def replying(pipeline: FakePipeline, reply: Reply) -> None:
    pipeline.answer = lambda asked, listener: reply


def quoted(answer: str = "30 days' written notice", confidence: float = 0.93, **options: object) -> Reply:
    evidence = quote_from(CLAUSE, answer)
    return Reply(answer, "qa", confidence, evidence, **options)  # type: ignore[arg-type]


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
        assert answer.text == "The documents don't say it plainly. This comes closest:"
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


class TestDocuments:
    def test_a_document_is_stored_and_put_on_the_shelf(
        self,
        conversation: Conversation,
        pipeline: FakePipeline,
        store: MemorySessionStore,
        settings: Settings,
    ) -> None:
        shares: list[float] = []
        added = conversation.add_document(ANN, "a.txt", b"Some words.", progress=shares.append)
        assert (added.name, added.n_chars, added.outcome) == ("a.txt", 11, "added")
        assert store.document_ids(ANN) == {added.id}
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        conversation.reply(ANN, "What?")
        (shelf,) = pipeline.asked[0].knowledge.shelves
        assert Path(shelf).parent == settings.shelves_dir
        assert "ann" not in shelf
        assert shelf_documents(Path(shelf))[added.id]["text"] == "Some words."
        assert (settings.shelves_dir.stat().st_mode & 0o777) == 0o700

    def test_the_same_document_twice_is_one(self, conversation: Conversation, pipeline: FakePipeline) -> None:
        first = conversation.add_document(ANN, "a.txt", b"words")
        second = conversation.add_document(ANN, "copy.txt", b"words")
        assert (second.id, second.name, second.outcome) == (first.id, "a.txt", "unchanged")
        assert len(conversation.documents(ANN)) == 1
        assert pipeline.n_changed(AddDocument) == 1

    def test_a_new_version_takes_the_place_of_the_old(
        self, conversation: Conversation, store: MemorySessionStore, pipeline: FakePipeline
    ) -> None:
        conversation.add_document(ANN, "a.txt", b"old words")
        conversation.add_document(ANN, "b.txt", b"others")
        new = conversation.add_document(ANN, "a.txt", b"new words")
        assert new.outcome == "replaced"
        assert [info.name for info in conversation.documents(ANN)] == ["b.txt", "a.txt"]
        assert len(store.document_ids(ANN)) == 2
        conversation.reply(ANN, "What?")
        (shelf,) = pipeline.asked[0].knowledge.shelves
        assert {kept["text"] for kept in shelf_documents(Path(shelf)).values()} == {"others", "new words"}

    def test_bounds_are_kept_and_named(
        self, settings: Settings, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        settings = dataclasses.replace(settings, max_documents=2, max_shelf_chars=100)
        conversation = Conversation(settings, pipeline, store)
        conversation.add_document(ANN, "a.txt", b"a" * 60)
        with pytest.raises(DocumentError) as caught:
            conversation.add_document(ANN, "b.txt", b"b" * 60)
        assert (caught.value.code, caught.value.values) == ("document.shelf_full", {"limit": 100})
        conversation.add_document(ANN, "a.txt", b"c" * 90)  # a new version counts instead of the old
        conversation.add_document(ANN, "b.txt", b"b")
        with pytest.raises(DocumentError) as caught:
            conversation.add_document(ANN, "c.txt", b"c")
        assert caught.value.code == "document.too_many"
        assert len(store.document_ids(ANN)) == 2

    def test_a_document_the_shelf_refuses_is_not_kept(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        def broken(*_: object) -> None:
            raise PipelineError("disk full")

        monkeypatch.setattr(pipeline, "change_shelf", broken)
        with pytest.raises(DocumentError):
            conversation.add_document(ANN, "a.txt", b"words")
        assert store.document_ids(ANN) == frozenset()
        assert conversation.documents(ANN) == ()

    def test_a_document_the_store_refuses_does_not_stay_on_the_shelf(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        conversation.add_document(ANN, "a.txt", b"words")
        store.full = True
        with pytest.raises(StoreFull):
            conversation.add_document(ANN, "b.txt", b"more words")
        store.full = False
        conversation.reply(ANN, "What?")
        (shelf,) = pipeline.asked[0].knowledge.shelves
        assert [kept["name"] for kept in shelf_documents(Path(shelf)).values()] == ["a.txt"]

    def test_dropping_by_name_or_number(
        self, conversation: Conversation, store: MemorySessionStore, pipeline: FakePipeline
    ) -> None:
        for name in ("a.txt", "B.txt", "2"):
            conversation.add_document(ANN, name, name.encode())
        assert conversation.drop_document(ANN, "no such") is None
        assert conversation.drop_document(ANN, "0") is None
        dropped = [conversation.drop_document(ANN, which) for which in ("2", "b.TXT", "1")]
        assert [info.name for info in dropped if info] == ["2", "B.txt", "a.txt"]
        assert store.document_ids(ANN) == frozenset()
        conversation.reply(ANN, "What?")
        assert pipeline.asked[0].knowledge.shelves == ()


class TestShelf:
    @pytest.fixture
    def shelf(self, conversation: Conversation, pipeline: FakePipeline) -> Path:
        """The path of a shelf that holds a.txt and was used once."""
        conversation.add_document(ANN, "a.txt", b"words")
        conversation.reply(ANN, "What?")
        return Path(pipeline.asked[-1].knowledge.shelves[0])

    def names(self, shelf: Path) -> list[str]:
        return [kept["name"] for kept in shelf_documents(shelf).values()]

    def test_it_is_compared_once_and_not_before_every_question(
        self, conversation: Conversation, pipeline: FakePipeline, shelf: Path
    ) -> None:
        n_before = len(pipeline.changes)
        for _ in range(3):
            conversation.reply(ANN, "What?")
        assert len(pipeline.changes) == n_before

    def test_one_that_is_missing_is_made_again(
        self, conversation: Conversation, pipeline: FakePipeline, shelf: Path
    ) -> None:
        shelf.unlink()
        assert conversation.reply(ANN, "What?").skill == "chat"
        assert self.names(shelf) == ["a.txt"]

    def test_one_that_is_damaged_is_made_again(
        self, conversation: Conversation, pipeline: FakePipeline, shelf: Path
    ) -> None:
        shelf.write_text("damaged")
        answer = conversation.reply(ANN, "What?")
        assert answer.skill == "chat"
        assert self.names(shelf) == ["a.txt"]

    def test_a_chain_that_fails_over_a_good_shelf_does_not_cost_the_shelf(
        self, conversation: Conversation, pipeline: FakePipeline, shelf: Path
    ) -> None:
        pipeline.error = PipelineError("x")
        n_added = pipeline.n_changed(AddDocument)
        assert conversation.reply(ANN, "What?").skill == "failed"
        assert pipeline.n_changed(AddDocument) == n_added

    def test_on_another_machine_it_is_made_from_the_store(
        self,
        settings: Settings,
        pipeline: FakePipeline,
        store: MemorySessionStore,
        shelf: Path,
        data_dir: Path,
    ) -> None:
        elsewhere = Conversation(dataclasses.replace(settings, data_dir=data_dir / "b"), pipeline, store)
        elsewhere.reply(ANN, "What?")
        (other,) = pipeline.asked[-1].knowledge.shelves
        assert Path(other) != shelf
        assert self.names(Path(other)) == ["a.txt"]

    def test_what_another_machine_changed_is_put_right(
        self, settings: Settings, conversation: Conversation, pipeline: FakePipeline,
        store: MemorySessionStore, shelf: Path, data_dir: Path,
    ) -> None:  # fmt: skip
        elsewhere = Conversation(dataclasses.replace(settings, data_dir=data_dir / "b"), pipeline, store)
        elsewhere.drop_document(ANN, "a.txt")
        elsewhere.add_document(ANN, "b.txt", b"others")
        conversation.reply(ANN, "What?")
        assert self.names(shelf) == ["b.txt"]
        assert pipeline.n_changed(DropDocument) >= 1

    def test_a_text_that_is_lost_is_told_and_taken_off_the_list(
        self, conversation: Conversation, store: MemorySessionStore, shelf: Path
    ) -> None:
        shelf.unlink()
        store.documents_of[ANN] = {key: b"damaged" for key in store.documents_of[ANN]}
        answer = conversation.reply(ANN, "What?")
        assert answer.notes == (text("note.document_lost", "en", name="a.txt"),)
        assert conversation.documents(ANN) == ()
        assert conversation.reply(ANN, "What?").notes == ()

    def test_shelves_of_expired_sessions_are_swept(
        self, settings: Settings, pipeline: FakePipeline, store: MemorySessionStore, shelf: Path
    ) -> None:
        other = shelf.with_name("0" * 64 + ".db")
        for name in (other.name, other.name + "-wal"):
            other.with_name(name).write_text("{}")
            os.utime(other.with_name(name), (0, 0))
        os.utime(shelf, (0, 0))
        store.states.pop(ANN)  # expired
        Conversation(settings, pipeline, store).reply(BOB, "hello")
        assert list(settings.shelves_dir.iterdir()) == []

    def test_a_shelf_in_use_is_not_swept(
        self, settings: Settings, conversation: Conversation, pipeline: FakePipeline,
        store: MemorySessionStore, shelf: Path,
    ) -> None:  # fmt: skip
        os.utime(shelf, (0, 0))
        conversation.reply(ANN, "What?")
        Conversation(settings, pipeline, store).reply(BOB, "hello")
        assert shelf.exists()


class TestLibraries:
    @pytest.fixture(autouse=True)
    def libraries(self, settings: Settings) -> None:
        settings.libraries_dir.mkdir(parents=True)
        for name in ("laws", "handbook"):
            (settings.libraries_dir / f"{name}.db").write_text("{}")

    def asked(self, pipeline: FakePipeline) -> list[str]:
        return [Path(shelf).stem for shelf in pipeline.asked[-1].knowledge.shelves]

    def test_every_session_searches_those_that_are_allowed(
        self, settings: Settings, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        for allowed, expected in [
            (("*",), ["handbook", "laws"]),
            (("laws", "no such"), ["laws"]),
            ((), []),
        ]:
            conversation = Conversation(dataclasses.replace(settings, libraries=allowed), pipeline, store)
            conversation.reply(ANN, "What?")
            assert self.asked(pipeline) == expected

    def test_a_session_may_choose_among_them(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        conversation.set_preferences(ANN, libraries=("laws",))
        conversation.reply(ANN, "What?")
        assert self.asked(pipeline) == ["laws"]
        conversation.set_preferences(ANN, libraries=())
        conversation.reply(ANN, "What?")
        assert self.asked(pipeline) == []

    def test_they_are_asked_without_a_session(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        replying(pipeline, quoted())
        answer = conversation.ask_libraries("How long?")
        assert answer.text == "30 days' written notice"
        assert self.asked(pipeline) == ["handbook", "laws"]
        assert pipeline.asked[-1].preferences.only_documents
        assert store.states == {}
        pipeline.error = PipelineError("x")
        assert conversation.ask_libraries("How long?").skill == "failed"
        assert conversation.ask_libraries(" ").skill == "refused"


class TestPreferences:
    def test_they_reach_the_chain(self, conversation: Conversation, pipeline: FakePipeline) -> None:
        conversation.set_preferences(ANN, style="precise", persona="a pirate", only_documents=True)
        conversation.reply(ANN, "hi")
        preferences = pipeline.asked[0].preferences
        assert (preferences.style, preferences.persona, preferences.only_documents) == (
            "precise",
            "a pirate",
            True,
        )
        assert conversation.preferences(ANN).style == "precise"
        assert conversation.preferences(BOB).style == "balanced"

    @pytest.mark.parametrize("changes", [{"style": "wild"}, {"language": "xx"}, {"libraries": ("no such",)}])
    def test_what_there_is_not_is_refused(
        self, conversation: Conversation, changes: dict[str, object]
    ) -> None:
        with pytest.raises(ValueError, match=r"style|language|librar"):
            conversation.set_preferences(ANN, **changes)
        with pytest.raises(TypeError):
            conversation.set_preferences(ANN, colour="red")


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


class TestExport:
    def test_everything_is_in_it(self, conversation: Conversation, store: MemorySessionStore) -> None:
        store.states[ANN] = b"unreadable words"
        conversation.reply(ANN, "hello", turn_id="1")
        conversation.add_document(ANN, "a.txt", b"Some words.")
        conversation.set_preferences(ANN, persona="a pirate")
        exported = conversation.export(ANN)
        assert json.loads(json.dumps(exported)) == exported
        assert [turn["text"] for turn in exported["turns"]] == ["hello", "You said: hello"]
        assert exported["turns"][0]["time"].endswith("+00:00")
        assert exported["documents"][0]["text"] == "Some words."
        assert exported["preferences"]["persona"] == "a pirate"
        assert exported["set_aside"] == ["unreadable words"]

    def test_of_nothing_it_is_empty(self, conversation: Conversation) -> None:
        assert conversation.export(ANN)["turns"] == []


class TestForget:
    def test_everything_is_deleted_and_counted(
        self, conversation: Conversation, store: MemorySessionStore, settings: Settings
    ) -> None:
        conversation.reply(ANN, "hello")
        conversation.add_document(ANN, "a.txt", b"words")
        conversation.reply(BOB, "hello")
        forgotten = conversation.forget(ANN)
        assert (forgotten.n_turns, forgotten.n_documents) == (2, 1)
        assert (forgotten.n_keys, forgotten.n_files, forgotten.leftovers) == (2, 1, ())
        assert list(settings.shelves_dir.iterdir()) == []
        assert set(store.states) == {BOB}
        assert conversation.documents(ANN) == ()

    def test_what_cannot_be_deleted_is_told(
        self, conversation: Conversation, store: MemorySessionStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conversation.reply(ANN, "hello")
        monkeypatch.setattr(store, "forget", lambda session_id: 0)
        assert conversation.reply(ANN, "/forget").text == text("forget.leftovers", "en")

    def test_an_unreadable_session_can_be_forgotten(
        self, conversation: Conversation, store: MemorySessionStore
    ) -> None:
        store.states[ANN] = b"\x00"
        assert conversation.forget(ANN).leftovers == ()
        assert store.states == {}
        assert store.aside(ANN) == ()


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
