"""A fake Telegram and a running service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_telegram import FakeTelegram
from tests.support.telegram_program import Program, let_out


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    """A Bot API server of the test's own."""
    with FakeTelegram() as server:
        yield server


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeTelegram, Program]]:
    """One service for all of a file that need no service of their own; each test has users of its own.

    In the end its log tells nothing that was said, and its data have stayed in their folder.
    """
    with (
        FakeTelegram() as server,
        Program(server, tmp_path_factory.mktemp("telegram"), QUOTH_TELEGRAM_WORKERS=4) as program,
    ):
        yield server, program.wait_started()
        assert let_out(server, program.output()) == []
    assert not (Path.cwd() / "data").exists()


@pytest.fixture
def tg(program: tuple[FakeTelegram, Program]) -> FakeTelegram:
    """The server that this service talks to."""
    return program[0]
