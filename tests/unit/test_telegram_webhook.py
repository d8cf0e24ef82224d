"""The ASGI application by itself: bodies that come in pieces, senders that go away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from bot.errors import StoreUnavailable
from bot.telegram.intake import Intake
from bot.telegram.metrics import Metrics
from bot.telegram.webhook import MAX_BODY, WebApplication

SECRET = (b"x-telegram-bot-api-secret-token", b"s")


class FakeIntake:
    def __init__(self, failing: bool = False) -> None:
        self.taken: list[Any] = []
        self.failing = failing

    async def take_in(self, updates: Sequence[Any]) -> None:
        if self.failing:
            raise StoreUnavailable("away")
        self.taken += updates


async def ready() -> None:
    return None


async def post(
    intake: FakeIntake, messages: Sequence[Mapping[str, Any]], *headers: tuple[bytes, bytes]
) -> int:
    application = WebApplication(Metrics(), ready, cast(Intake, intake), "https://bot.example/hook", "s")
    coming, sent = list(messages), []

    async def receive() -> Mapping[str, Any]:
        return coming.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/hook", "headers": list(headers)}
    await application(scope, receive, send)
    return int(sent[0]["status"])


def piece(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_pieces_is_put_together() -> None:
    intake = FakeIntake()
    assert await post(intake, [piece(b'{"update_', True), piece(b'id": 1}', False)], SECRET) == 200
    assert intake.taken == [{"update_id": 1}]


async def test_a_body_without_an_end_is_cut_off() -> None:
    intake = FakeIntake()
    assert await post(intake, [piece(b" " * (MAX_BODY // 2), True)] * 9, SECRET) == 413
    assert intake.taken == []


@pytest.mark.parametrize("length", [b"1000001", b"-1", b"x"])
async def test_a_body_that_claims_too_much_is_not_read(length: bytes) -> None:
    assert await post(FakeIntake(), [], SECRET, (b"content-length", length)) == 413


async def test_half_a_body_is_not_taken() -> None:
    intake = FakeIntake()
    assert await post(intake, [piece(b'{"update_id": 1}', True), {"type": "http.disconnect"}], SECRET) == 413
    assert intake.taken == []


@pytest.mark.parametrize(
    "headers", [(), ((SECRET[0], b""),), ((SECRET[0], b"t"),), ((SECRET[0], "é".encode()),)]
)
async def test_without_the_secret_nothing_is_read(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert await post(FakeIntake(), [], *headers) == 403


async def test_what_is_not_stored_is_not_acknowledged() -> None:
    assert await post(FakeIntake(failing=True), [piece(b'{"update_id": 1}', False)], SECRET) == 503


async def test_nesting_without_end_is_refused() -> None:
    assert await post(FakeIntake(), [piece(b"[" * 100_000, False)], SECRET) == 400
