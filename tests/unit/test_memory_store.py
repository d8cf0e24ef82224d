"""The store that tests use keeps the same promises as the real one."""

from __future__ import annotations

import pytest

from bot.sessions import SessionLock, SessionStore
from tests.support.memory_store import MemorySessionStore
from tests.support.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> SessionStore:  # type: ignore[override]
        return MemorySessionStore()

    def lose(self, store: SessionStore, lock: SessionLock) -> None:
        assert isinstance(store, MemorySessionStore)
        store.take_away(lock)

    def damage(self, store: SessionStore, session_id: str, state: bytes) -> None:
        assert isinstance(store, MemorySessionStore)
        store.states[session_id] = state
