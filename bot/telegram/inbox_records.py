"""What is kept in Redis beside the turns: who wrote, what buttons show, small texts under a name."""

from __future__ import annotations

import json
import time

from bot.telegram.inbox_link import InboxLink
from bot.telegram.inbox_types import milliseconds


class Records:
    """The records of one bot. Every method raises :class:`~bot.errors.StoreUnavailable` while Redis is away.

    Args:
        link: to the server that the inbox is in.
    """

    def __init__(self, link: InboxLink) -> None:
        self._link = link

    async def chats(self, newer_than_s: float) -> list[str]:
        """The "<chat>:<topic>" that wrote within so many seconds."""
        oldest_ms = milliseconds(time.time() - newer_than_s)
        await self._link.call("zremrangebyscore", self._link.key("chats"), 0, oldest_ms)
        return list(await self._link.call("zrange", self._link.key("chats"), 0, -1))

    async def extras(self, lane: str, name: str) -> dict[str, str] | None:
        """What a button under a reply shows; None where it is no longer kept."""
        found = await self._link.call("hget", self._link.key(f"extras:{lane}"), name)
        return None if found is None else dict(json.loads(found))

    async def keep_file(self, lane: str, message_id: int, file: str, ttl_s: float) -> None:
        """Keep which file a message brought."""
        key = self._link.key(f"files:{lane}")
        await self._link.call("hset", key, message_id, file)
        await self._link.call("pexpire", key, milliseconds(ttl_s))

    async def file(self, lane: str, message_id: int) -> str | None:
        """Which file a message brought, as it was kept."""
        found = await self._link.call("hget", self._link.key(f"files:{lane}"), message_id)
        return None if found is None else str(found)

    async def first(self, name: str, by: int, ttl_s: float) -> bool:
        """Whether ``by`` was the first to ask for a name, now or before."""
        key = self._link.key(name)
        await self._link.call("set", key, by, nx=True, px=milliseconds(ttl_s))
        return str(await self._link.call("get", key)) == str(by)

    async def keep(self, name: str, value: str, ttl_s: float) -> None:
        """Keep a small text under a name for a while."""
        await self._link.call("set", self._link.key(name), value, px=milliseconds(ttl_s))

    async def kept(self, name: str) -> str | None:
        """A text that was kept."""
        found = await self._link.call("get", self._link.key(name))
        return None if found is None else str(found)
