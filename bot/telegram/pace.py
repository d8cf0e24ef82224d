"""How fast the bot sends over all chats: Telegram allows some 30 messages a second.

A token bucket. Messages wait for their turn; previews of a reply that is being written only go
where there is room to spare, the first of a reply before later ones.
"""

from __future__ import annotations

import asyncio
import time


class Pace:
    """A bucket of ``burst`` calls that fills at ``per_second``."""

    def __init__(self, per_second: float = 28.0, burst: float = 28.0) -> None:
        self._per_second = per_second
        self._burst = burst
        self._level = burst
        self._filled = time.monotonic()

    def _fill(self) -> None:
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._filled) * self._per_second)
        self._filled = now

    async def wait(self) -> None:
        """Wait until a message may go. Those who wait go in the order in which they came."""
        self._fill()
        self._level -= 1
        if self._level < 0:
            await asyncio.sleep(-self._level / self._per_second)

    def spare(self, share: float) -> bool:
        """Whether a preview may go, which it then counts as; ``share`` of the burst must be left."""
        self._fill()
        if self._level < 1 + share * self._burst:
            return False
        self._level -= 1
        return True
