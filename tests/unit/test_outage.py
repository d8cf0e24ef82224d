"""What a log tells of a server's outage."""

from __future__ import annotations

import logging

import pytest

from bot import outage
from bot.outage import Outage


class Clock:
    """Stands in for the module ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(outage, "time", stopped)
    return stopped


@pytest.fixture
def server(caplog: pytest.LogCaptureFixture) -> Outage:
    caplog.set_level(logging.INFO)
    return Outage(logging.getLogger("test"), "the server")


def test_a_long_outage_is_a_line_a_minute_and_one_at_its_end(
    server: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    server.answered()
    for _ in range(900):  # six callers, each every second
        server.failed("ConnectionError")
        clock.now += 1 / 6
    server.answered()
    server.answered()
    assert caplog.messages == [
        "the server cannot be used (ConnectionError); calls are repeated",
        "the server cannot be used (ConnectionError), for 60 s now; calls are repeated",
        "the server cannot be used (ConnectionError), for 120 s now; calls are repeated",
        "the server answers again, after 150 s",
    ]


def test_a_server_that_comes_and_goes_fills_no_log(
    server: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    server.answered()
    for _ in range(60):
        server.failed("TimeoutError")
        clock.now += 0.1
        server.answered()
        clock.now += 0.9
    assert len(caplog.messages) == 12  # two in ten seconds


def test_one_that_stays_away_right_after_it_came_back_is_told(
    server: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    server.answered()
    server.failed("TimeoutError")
    server.answered()
    server.failed("TimeoutError")
    assert len(caplog.messages) == 2
    clock.now += 11
    server.failed("TimeoutError")
    clock.now += 4
    server.answered()
    assert caplog.messages[2:] == [
        "the server cannot be used (TimeoutError); calls are repeated",
        "the server answers again, after 15 s",
    ]


def test_a_server_that_never_answered_is_its_callers_to_tell(
    server: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    server.failed("ConnectionError")
    clock.now += 100
    server.failed("ConnectionError")
    assert caplog.messages == []
