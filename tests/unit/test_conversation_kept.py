"""What is kept of a turn: it is answered once, edited in its place, and read by the next process."""

from __future__ import annotations

import dataclasses

from bot.conversation import Conversation
from bot.errors import PipelineError
from bot.messages import text
from bot.session_codec import encode_session
from bot.sessions import CommandRecord, Session
from bot.settings import Settings
from skills.dialog import Evidence
from skills.retrieval.changes import AddDocument, ListDocuments
from tests.support.fake_pipeline import ANN, FakePipeline, quoted, replying
from tests.support.memory_store import MemorySessionStore


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

    def test_an_edited_command_is_carried_out(self, conversation: Conversation) -> None:
        refused = conversation.reply(ANN, "/style precize", turn_id="5")
        for _ in range(2):
            answer = conversation.reply(ANN, "/style precise", turn_id="5", edited=True)
            assert answer.text == text("style.set", "en", style="precise") != refused.text
        assert conversation.preferences(ANN).style == "precise"

    def test_an_edited_command_is_carried_out_once(self, conversation: Conversation) -> None:
        for name in ("a.txt", "b.txt", "c.txt"):
            conversation.add_document(ANN, name, name.encode())
        conversation.reply(ANN, "/drop 9", turn_id="5")
        for _ in range(2):
            conversation.reply(ANN, "/drop 1", turn_id="5", edited=True)
        assert [info.name for info in conversation.documents(ANN)] == ["b.txt", "c.txt"]

    def test_a_command_that_an_older_version_answered_is_not_carried_out_again(
        self, conversation: Conversation, store: MemorySessionStore
    ) -> None:
        conversation.add_document(ANN, "a.txt", b"words")
        record = CommandRecord("5", "I no longer have b.txt.", None)
        store.states[ANN] = encode_session(dataclasses.replace(store.load(ANN), last_command=record))
        assert conversation.reply(ANN, "/drop 1", turn_id="5").text == record.text
        assert len(conversation.documents(ANN)) == 1


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
