"""Gets updates by long polling. The offset moves only after everything before it is stored.

Telegram serves one poller a bot; of several processes one has the role, and another takes it over
when that one goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bot.errors import StoreError
from bot.telegram.api import Api, fault_of
from bot.telegram.inbox import Inbox
from bot.telegram.incoming import ALLOWED_UPDATES
from bot.telegram.intake import Intake
from bot.telegram.metrics import Metrics

log = logging.getLogger(__name__)

POLL_S = 20
#: Between two polls that bring something: where much comes in, several updates come at a time.
BETWEEN_S = 0.1
MAX_PAUSE_S = 30.0
#: Redis is ours: asking it often costs nobody anything, and people wait.
MAX_STORE_PAUSE_S = 2.0


class TokenRevoked(Exception):
    """Telegram does not know the token any more."""


class Polling:
    """Runs in every process; polls in one.

    Args:
        api: to get updates with.
        intake: where they go.
        inbox: where the role is kept.
        metrics: counts faults.
    """

    def __init__(self, api: Api, intake: Intake, inbox: Inbox, metrics: Metrics) -> None:
        self._api = api
        self._intake = intake
        self._inbox = inbox
        self._metrics = metrics
        self._offset: int | None = None
        self._pause_s = 0.0
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Poll until :meth:`stop`.

        Raises:
            TokenRevoked: when there is no use in going on.
        """
        while not self._stopping.is_set():
            try:
                if not await self._inbox.roles.take("poller"):
                    self._offset = None  # whoever polls now confirms what it stored
                    await self._rest(self._inbox.bounds.lease_s / 3)
                    continue
                await self._poll()
                self._pause_s = 0.0
            except StoreError:  # the inbox's connection tells; Telegram keeps the updates meanwhile
                self._metrics.fault("redis")
                await self._back_off(0.0, MAX_STORE_PAUSE_S)
            except Exception as error:
                await self._after(error)

    async def _poll(self) -> None:
        began = time.monotonic()
        updates = await self._while_renewing(self._offset)
        if updates is None:
            return
        await self._intake.take_in(updates)
        ids = [update.get("update_id") for update in updates if isinstance(update, Mapping)]
        known = [number for number in ids if isinstance(number, int)]
        if known:
            self._offset = max(known) + 1
        elif updates:
            raise ValueError("updates without ids")  # they would come again at once
        # a message after a quiet while is taken in at once; only haste is slowed
        await self._rest(BETWEEN_S - (time.monotonic() - began))

    async def _while_renewing(self, offset: int | None) -> Sequence[Mapping[str, Any]] | None:
        """A long poll, during which the role is renewed; None if we are to stop or lost the role."""
        poll = asyncio.create_task(self._api.raw_updates(offset, POLL_S, ALLOWED_UPDATES))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            while True:
                await asyncio.wait(
                    {poll, stop}, timeout=self._inbox.bounds.lease_s / 3, return_when=asyncio.FIRST_COMPLETED
                )
                if poll.done():
                    return poll.result()
                if stop.done() or not await self._inbox.roles.take("poller"):
                    return None
        finally:
            stop.cancel()
            if not poll.done():
                poll.cancel()  # what it would have brought comes again
            await asyncio.gather(poll, stop, return_exceptions=True)

    async def _after(self, error: Exception) -> None:
        fault = fault_of(error)
        self._metrics.fault(fault.kind)
        if fault.kind == "token":
            raise TokenRevoked from None
        if fault.kind == "conflict":
            log.warning("getUpdates: another program polls with this token, or a webhook is set")
        else:
            log.warning("getUpdates: %s", fault.reason)
        await self._back_off(fault.seconds, MAX_PAUSE_S)

    async def _back_off(self, at_least_s: float, at_most_s: float) -> None:
        self._pause_s = min(at_most_s, max(0.25, self._pause_s * 2))
        await self._rest(max(at_least_s, self._pause_s * random.uniform(0.5, 1.5)))  # noqa: S311 - jitter

    async def _rest(self, seconds: float) -> None:
        if seconds <= 0:
            return
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def stop(self) -> None:
        """Poll no more."""
        self._stopping.set()
