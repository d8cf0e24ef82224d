"""A fake Telegram and a running service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fake_telegram import FakeTelegram


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    """A Bot API server of the test's own."""
    with FakeTelegram() as server:
        yield server
