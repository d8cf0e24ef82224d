"""What a person sets, takes away and has deleted."""

from __future__ import annotations

import json

import pytest

from bot.conversation import Conversation
from bot.messages import text
from bot.settings import Settings
from tests.support.fake_pipeline import (
    ANN,
    BOB,
    FakePipeline,
)
from tests.support.memory_store import MemorySessionStore


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
