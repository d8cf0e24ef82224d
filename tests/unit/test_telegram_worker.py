"""How the worker ends what failed: put off, or set aside, with its chat going on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bot.telegram import worker as module
from bot.telegram.api import Fault, FaultKind
from bot.telegram.delivery import Undelivered
from bot.telegram.inbox_types import Token, Turn
from bot.telegram.metrics import Metrics
from bot.telegram.worker import MAX_DEFERS, MAX_FAILURES, MAX_SHUNNED, Worker


class OneUpdate:
    """An inbox with one update, which comes back at once however long it is put off."""

    def __init__(self) -> None:
        self.turn = Turn(Token("main", "1:0", "t"), ({"update_id": 7},), 0.0, 0, 0, {})
        self.bounds = SimpleNamespace(lease_s=10.0)
        self.ended = asyncio.Event()
        self.reason = ""
        #: What Telegram has the bot wait.
        self.wait_s = 0.0

    async def tick(self, ring: str, places: int, free: int, held: list[str]) -> list[Token]:
        return [self.turn.token] if free and not held and not self.ended.is_set() else []

    async def take(self, ring: str, free: int, wait_s: float) -> list[Token]:
        await asyncio.sleep(0)
        return await self.tick(ring, 1, free, [])

    async def open_turn(self, token: Token) -> Turn:
        self.turn.attempts += 1
        return self.turn

    async def note(self, turn: Turn, **fields: Any) -> None:
        turn.state.update({name: str(value) for name, value in fields.items()})

    async def defer(self, token: Token, delay_s: float, *, blameless: bool) -> None:
        assert self.wait_s <= delay_s <= max(self.wait_s, 37.5)
        if blameless:
            self.turn.attempts -= 1
            self.turn.defers += 1
        else:
            self.turn.failures += 1

    async def set_aside(self, turn: Turn, reason: str) -> None:
        self.reason = reason
        self.ended.set()


class Refusing:
    """Handlers of which none gets its reply through."""

    def __init__(self, kind: FaultKind, seconds: float = 0.0) -> None:
        self.kind: FaultKind = kind
        self.seconds = seconds
        self.told = 0

    def open(self, turn: Turn, release: Any) -> Any:
        return SimpleNamespace(turn=turn, incoming=SimpleNamespace(chat_id=1), language="en", extras=None)

    async def handle(self, work: Any) -> None:
        raise Undelivered(Fault(self.kind, "it did not get through", seconds=self.seconds))

    async def give_up(self, work: Any) -> None:
        self.told += 1


async def until_set_aside(kind: FaultKind, *, others_answered: bool, wait_s: float = 0.0) -> OneUpdate:
    inbox, handlers = OneUpdate(), Refusing(kind, wait_s)
    inbox.wait_s = wait_s
    worker = Worker(inbox, "main", 1, handlers, Metrics(), lambda moment: others_answered)  # type: ignore[arg-type]
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(inbox.ended.wait(), 20)
    await worker.stop(1)
    await running
    assert handlers.told == 1
    assert inbox.reason == "it did not get through"
    return inbox


async def test_what_telegram_alone_never_answers_does_not_hold_its_chat_up_for_hours() -> None:
    inbox = await until_set_aside("network", others_answered=True)
    assert inbox.turn.defers == MAX_SHUNNED - 1


async def test_while_telegram_is_away_nothing_is_given_up_for_long() -> None:
    inbox = await until_set_aside("network", others_answered=False)
    assert inbox.turn.defers == MAX_DEFERS


async def test_an_outage_does_not_count_against_an_update_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SHUNNED", 3)
    inbox, handlers = OneUpdate(), Refusing("network")
    inbox.turn.defers = 100  # an outage has passed
    worker = Worker(inbox, "main", 1, handlers, Metrics(), lambda moment: True)  # type: ignore[arg-type]
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(inbox.ended.wait(), 20)
    await worker.stop(1)
    await running
    assert inbox.turn.defers == 102


@pytest.mark.parametrize("wait_s", [7.0, 90.0])
async def test_a_flood_is_nobody_s_fault_and_waited_for(wait_s: float) -> None:
    inbox = await until_set_aside("flood", others_answered=True, wait_s=wait_s)
    assert (inbox.turn.failures, inbox.turn.defers) == (0, MAX_DEFERS)


async def test_what_is_refused_is_tried_three_times() -> None:
    inbox = await until_set_aside("refused", others_answered=False)
    assert (inbox.turn.failures, inbox.turn.defers) == (MAX_FAILURES - 1, 0)
