"""Calls to Telegram that must succeed, or whose failure must be known: repeated with patience.

A 429 closes one chat until Telegram takes it again; others go on. Faults that nobody is to blame
for are repeated with growing, jittered pauses. Each fault is a line in the log with chat and update
ids and nothing that was said.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.telegram.api import Fault, fault_of
from bot.telegram.metrics import Metrics
from bot.telegram.pace import Pace

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Calls that are repeated after faults of the network, and the pause before the first repetition.
N_TRIES = 5
FIRST_PAUSE_S = 0.5


class Undelivered(Exception):
    """A call was given up.

    Attributes:
        fault: the last one. With ``network`` it may well have been carried out.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.kind)
        self.fault = fault


class Delivery:
    """Calls with patience, for one bot.

    Args:
        metrics: counts faults.
        pace: how fast the bot may send over all chats.
    """

    def __init__(self, metrics: Metrics, pace: Pace) -> None:
        self._metrics = metrics
        self._pace = pace
        self._closed_until: dict[int, float] = {}
        self._moved: dict[int, int] = {}

    def closed_for(self, chat_id: int) -> float:
        """Seconds until Telegram takes messages to a chat again; 0 if it does."""
        return max(0.0, self._closed_until.get(chat_id, 0.0) - time.monotonic())

    def address(self, chat_id: int) -> int:
        """Where a chat is now: a group that became a supergroup has another id."""
        return self._moved.get(chat_id, chat_id)

    async def must(
        self, chat_id: int, update_id: int, what: str, call: Callable[[int], Awaitable[T]],
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> T | None:  # fmt: skip
        """Carry out a call, however long Telegram has the chat wait.

        Args:
            chat_id: where to.
            update_id: for the log.
            what: the method's name, for the log.
            call: takes the chat's id, which may have changed.
            before: awaited before every try; what it raises ends the call.

        Returns:
            What the call returned; None where the message already was as it should be.

        Raises:
            Undelivered: if the chat is gone, Telegram refuses, or the network stays away.
        """
        pause = FIRST_PAUSE_S
        tries = 0
        while True:
            while (wait := self.closed_for(chat_id)) > 0:
                await asyncio.sleep(min(wait, 5.0))
                if before is not None:
                    await before()
            await self._pace.wait()
            if before is not None:
                await before()
            fault = await self._try(chat_id, update_id, what, call)
            if not isinstance(fault, Fault):
                return fault
            if fault.kind == "unchanged":
                return None
            if fault.kind in ("flood", "moved"):
                continue
            tries += 1
            if fault.kind != "network" or tries >= N_TRIES:
                raise Undelivered(fault)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            pause *= 2

    async def may(
        self, chat_id: int, update_id: int, what: str, call: Callable[[int], Awaitable[T]]
    ) -> T | Fault:
        """Try a call that can be done without, such as a preview, once; not into a closed chat."""
        if (wait := self.closed_for(chat_id)) > 0:
            return Fault("flood", "still closed", seconds=wait)
        return await self._try(chat_id, update_id, what, call)

    async def _try(
        self, chat_id: int, update_id: int, what: str, call: Callable[[int], Awaitable[T]]
    ) -> T | Fault:
        try:
            return await call(self.address(chat_id))
        except Exception as exception:  # python-telegram-bot parses answers with whatever they break
            fault = fault_of(exception)
        if fault.kind == "flood":
            # a little more, so that many waiting chats don't come back in the same moment
            wait = fault.seconds + random.uniform(0.1, 0.4)  # noqa: S311
            self._closed_until[chat_id] = time.monotonic() + wait
            if len(self._closed_until) > 10_000:
                now = time.monotonic()
                self._closed_until = {c: t for c, t in self._closed_until.items() if t > now}
        elif fault.kind == "moved":
            self._moved[chat_id] = fault.chat_id
        if fault.kind != "unchanged":
            self._metrics.fault(fault.kind)
            log.warning("%s: %s (chat %d, update %d)", what, fault.reason, chat_id, update_id)
        return fault
