"""The documents of a conversation: taken in, and on the shelf."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from bot.conversation import Conversation
from bot.errors import (
    DocumentError,
    PipelineError,
    StoreFull,
)
from bot.messages import text
from bot.settings import Settings
from bot.shelves import Shelves
from skills.dialog import Document
from skills.retrieval.changes import AddDocument, DropDocument, ListDocuments
from tests.support.fake_pipeline import (
    ANN,
    BOB,
    FakePipeline,
    shelf_documents,
)
from tests.support.memory_store import MemorySessionStore


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

    def test_a_question_lists_it_and_changes_nothing(
        self, conversation: Conversation, pipeline: FakePipeline, shelf: Path
    ) -> None:
        n_before = len(pipeline.changes)
        for _ in range(3):
            conversation.reply(ANN, "What?")
        assert pipeline.changes[n_before:] == [ListDocuments()] * 3

    def test_what_another_process_put_there_and_did_not_save_is_put_right(
        self, settings: Settings, conversation: Conversation, pipeline: FakePipeline,
        store: MemorySessionStore, shelf: Path,
    ) -> None:  # fmt: skip
        killed = Shelves(settings, pipeline, store)
        killed.add(ANN, Document("new", "a.txt", "a new version"))
        conversation.reply(ANN, "What?")
        assert [kept["text"] for kept in shelf_documents(shelf).values()] == ["words"]

    def test_what_another_process_could_not_take_off_is_taken_off(
        self, settings: Settings, conversation: Conversation, pipeline: FakePipeline,
        store: MemorySessionStore, shelf: Path,
    ) -> None:  # fmt: skip
        conversation.add_document(ANN, "b.txt", b"others")
        conversation.reply(ANN, "What?")
        before = shelf.read_bytes()
        Conversation(settings, pipeline, store).drop_document(ANN, "b.txt")
        conversation.reply(ANN, "What?")
        shelf.write_bytes(before)
        conversation.reply(ANN, "What?")
        assert self.names(shelf) == ["a.txt"]

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
