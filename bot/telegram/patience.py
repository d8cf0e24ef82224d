"""Waiting for Redis: what must be noted is noted as soon as it is back; at the end of the program
nothing waits for long.

Knows neither Telegram nor what is noted.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.errors import StoreError, StoreUnavailable

T = TypeVar("T")

#: A note must be there before others may take the turn over, a lease after Redis is back.
MAX_PAUSE_S = 0.5
#: Redis answers at once or is away; then what it was not told runs out by itself.
BRIEFLY_S = 1.0


async def persistently(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call to the inbox until Redis is there."""
    pause = 0.05
    while True:
        try:
            return await call()
        except StoreUnavailable:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            pause = min(MAX_PAUSE_S, pause * 2)


async def briefly(call: Awaitable[object]) -> None:
    """A call to the inbox that spares others a wait, where the program ends: no matter if it fails."""
    with contextlib.suppress(StoreError, asyncio.TimeoutError):
        await asyncio.wait_for(call, BRIEFLY_S)
