"""A conversation over a chain and a store that tests look into."""

from __future__ import annotations

import pytest

from bot.conversation import Conversation
from bot.settings import Settings
from tests.support.fake_pipeline import FakePipeline
from tests.support.memory_store import MemorySessionStore


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def store() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def conversation(settings: Settings, pipeline: FakePipeline, store: MemorySessionStore) -> Conversation:
    return Conversation(settings, pipeline, store)
