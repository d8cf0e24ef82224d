"""Shared libraries, as conversations search them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from bot.conversation import Conversation
from bot.errors import PipelineError
from bot.settings import Settings
from tests.support.fake_pipeline import ANN, FakePipeline, quoted, replying
from tests.support.memory_store import MemorySessionStore


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

    def test_one_that_cannot_be_read_is_left_out_and_told_of_once(
        self, settings: Settings, conversation: Conversation, pipeline: FakePipeline,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        damaged = settings.libraries_dir / "laws.db"
        damaged.write_text("no shelf")
        for _ in range(3):
            conversation.reply(ANN, "What?")
            assert self.asked(pipeline) == ["handbook"]
        assert [r.message for r in caplog.records if "The library laws is left out" in r.message] != []
        assert len([r for r in caplog.records if "laws" in r.message]) == 1
        damaged.unlink()  # made again
        damaged.write_text("{}")
        os.utime(damaged, (1, 1))
        conversation.reply(ANN, "What?")
        assert self.asked(pipeline) == ["handbook", "laws"]

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
