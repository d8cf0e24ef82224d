"""Calls to Telegram: faults told apart, repeated with patience, each chat by itself."""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Awaitable
from typing import Any

import pytest
from telegram import error

from bot.telegram import delivery as module
from bot.telegram.access import Access
from bot.telegram.api import fault_of
from bot.telegram.delivery import N_TRIES, Delivery, Undelivered
from bot.telegram.incoming import Incoming
from bot.telegram.metrics import Metrics
from bot.telegram.pace import Pace
from bot.telegram.request import QuietRequest


@pytest.fixture(autouse=True)
def _times_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.001)


def flood(seconds: float) -> error.RetryAfter:
    return error.RetryAfter(datetime.timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (error.TimedOut(), "network"),
        (error.NetworkError("httpx.ReadError: https://api.telegram.org/bot123:secret/x"), "network"),
        (error.TelegramError("unreadable answer"), "network"),
        (KeyError("message_id"), "network"),
        (error.Forbidden("Forbidden: bot was blocked by the user"), "gone"),
        (error.BadRequest("Chat not found"), "gone"),
        (error.BadRequest("Message thread not found"), "gone"),
        (error.BadRequest("Not enough rights to send text messages to the chat"), "gone"),
        (error.BadRequest("Message is not modified: specified new …"), "unchanged"),
        (error.BadRequest("Query is too old and response timeout expired"), "refused"),
        (error.BadRequest("something about what the user said"), "refused"),
        (error.InvalidToken("the token 123:secret was rejected"), "token"),
        (error.Conflict("Conflict: terminated by other getUpdates request"), "conflict"),
        (error.ChatMigrated(-100), "moved"),
    ],
)
def test_faults_are_told_apart_without_a_word_of_what_was_said(exception: Exception, kind: str) -> None:
    fault = fault_of(exception)
    assert fault.kind == kind
    assert "secret" not in fault.reason
    assert "user said" not in fault.reason
    assert "http" not in fault.reason


def test_a_flood_tells_how_long() -> None:
    assert fault_of(flood(7)).seconds == 7


@pytest.mark.parametrize("payload", [b"<html>", b"[]", b'{"ok": true}', b"\xff\xfe", b""])
def test_unreadable_answers_are_faults_and_not_logged(
    payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(error.TelegramError):
        QuietRequest.parse_json_payload(payload)
    assert caplog.text == ""


class Script:
    """A call that fails as planned, then succeeds; keeps the chats it was made with."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.chats: list[int] = []

    async def __call__(self, chat: int) -> str:
        self.chats.append(chat)
        if self.failures:
            raise self.failures.pop(0)
        return "sent"


def deliver(delivery: Delivery, script: Script, chat: int = 5, **options: Any) -> Awaitable[Any]:
    return delivery.must(chat, 77, "sendMessage", script, **options)


@pytest.fixture
async def delivery() -> Delivery:
    return Delivery(Metrics(), Pace(1000, 1000))


async def test_faults_of_the_network_are_outlived(delivery: Delivery) -> None:
    script = Script(error.TimedOut(), error.NetworkError("502"), KeyError("result"))
    assert await deliver(delivery, script) == "sent"
    assert len(script.chats) == 4


async def test_patience_ends(delivery: Delivery) -> None:
    script = Script(*[error.TimedOut()] * 99)
    with pytest.raises(Undelivered) as raised:
        await deliver(delivery, script)
    assert raised.value.fault.kind == "network"
    assert len(script.chats) == N_TRIES


@pytest.mark.parametrize(
    "failure", [error.Forbidden("blocked"), error.BadRequest("no"), error.InvalidToken()]
)
async def test_what_does_not_get_better_is_not_repeated(delivery: Delivery, failure: Exception) -> None:
    script = Script(failure)
    with pytest.raises(Undelivered):
        await deliver(delivery, script)
    assert len(script.chats) == 1


async def test_unchanged_is_as_good_as_done(delivery: Delivery) -> None:
    assert await deliver(delivery, Script(error.BadRequest("Message is not modified"))) is None


async def test_a_flood_closes_its_chat_alone(delivery: Delivery) -> None:
    flooded, other = Script(flood(0.2)), Script()
    waiting = asyncio.ensure_future(deliver(delivery, flooded, chat=5))
    await asyncio.sleep(0.01)
    assert delivery.closed_for(5) > 0
    assert delivery.closed_for(6) == 0
    assert await deliver(delivery, other, chat=6) == "sent"
    preview = Script()
    fault = await delivery.may(5, 77, "sendMessageDraft", preview)
    assert preview.chats == []  # not into a closed chat
    assert getattr(fault, "kind", "") == "flood"
    assert await waiting == "sent"
    assert len(flooded.chats) == 2


async def test_a_group_that_moved_is_followed(delivery: Delivery) -> None:
    script = Script(error.ChatMigrated(-1005))
    assert await deliver(delivery, script, chat=-5) == "sent"
    assert await deliver(delivery, script, chat=-5) == "sent"
    assert script.chats == [-5, -1005, -1005]


async def test_what_must_hold_is_asked_before_every_try(delivery: Delivery) -> None:
    class Lost(Exception):
        pass

    asked = 0

    async def before() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Lost

    script = Script(error.TimedOut(), error.TimedOut())
    with pytest.raises(Lost):
        await deliver(delivery, script, before=before)
    assert len(script.chats) == 1


async def test_a_fault_is_a_line_with_ids_only(delivery: Delivery, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await deliver(delivery, Script(error.NetworkError("https://x/bot1:secret/ said hello")))
    (record,) = caplog.records
    assert record.getMessage() == "sendMessage: NetworkError (chat 5, update 77)"


async def test_the_pace_lets_messages_wait_and_previews_go_only_where_there_is_room() -> None:
    pace = Pace(per_second=100, burst=4)
    assert pace.spare(0.5)
    for _ in range(3):
        await pace.wait()
    assert not pace.spare(0.0)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(pace.wait() for _ in range(10)))
    assert asyncio.get_running_loop().time() - began >= 0.08


def test_who_may_talk() -> None:
    def said(user: int, chat: int) -> Incoming:
        return Incoming(1, "text", chat, user_id=user)

    everybody, some = Access(), Access(frozenset({1, -9}), frozenset({3}))
    assert everybody.permits(said(5, 5))
    assert [some.permits(said(user, chat)) for user, chat in ((1, 1), (2, 2), (2, -9), (3, 3), (1, -8))] == [
        True, False, True, True, True,
    ]  # fmt: skip
    assert some.commands(3)
    assert not some.commands(1)
    assert not everybody.commands(0)
