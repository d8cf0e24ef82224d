"""An inbox on a real server, the place of a shelf, and that no worker of documents is left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Bounds
from skills.generation.engines import Engine, make_engine
from tests.support.inbox import BOT
from tests.support.valkey import Valkey


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    """A server of the test's own."""
    with Valkey(tmp_path) as server:
        yield server


@pytest.fixture
async def inbox(server: Valkey) -> AsyncIterator[Inbox]:
    """An inbox on it whose leases run out soon."""
    inbox = Inbox(server.url, BOT, Bounds(lease_s=0.3))
    await inbox.open()
    yield inbox
    await inbox.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Where a shelf will be, in a folder that is not there yet."""
    return tmp_path / "folder" / "shelf.db"


@pytest.fixture
def no_process_is_left() -> Iterator[None]:
    """Nothing that the test started still runs when it ends."""
    yield
    assert psutil.Process().children() == []


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The llama.cpp engine with the default weights; tests of another engine have their own."""
    # one thread: on a busy machine two wait for each other
    made = make_engine("llama_cpp", "SmolLM2-135M-Instruct", {"n_ctx": 512, "n_slots": 4, "n_threads": 1})
    made.load()
    yield made
    made.close()
