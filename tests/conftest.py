"""Fixtures that several test files use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from bot.embedded_redis import EmbeddedRedis
from bot.settings import Settings
from tests.support.servers import running_server, short_folder

# how long an example takes says something of the machine only
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[EmbeddedRedis]:
    """A real server for the whole run; tests keep to sessions of their own."""
    with running_server() as server:
        yield server


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder with a short path, as a unix socket needs."""
    with short_folder() as folder:
        yield folder


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """The default settings with a data folder of the test's own."""
    return Settings(data_dir=data_dir)
