"""What admins may do: see numbers, and send a text to all chats."""

from __future__ import annotations

import hashlib

from bot.messages import text
from bot.telegram import rendering
from bot.telegram.access import Access
from bot.telegram.inbox_types import Ticket
from bot.telegram.messenger import Messenger
from bot.telegram.work import Work

#: A broadcast that could not be delivered for so long is not delivered any more.
_KEEP_S = 24 * 3600.0


class Admin:
    """The admins' commands.

    Args:
        access: who is an admin.
        messenger: sends.
        chats_ttl_s: chats that wrote within so many seconds hear broadcasts.
    """

    def __init__(self, access: Access, messenger: Messenger, chats_ttl_s: float) -> None:
        self._access = access
        self._messenger = messenger
        self._inbox = messenger.inbox
        self._chats_ttl_s = chats_ttl_s

    async def command(self, work: Work, name: str, argument: str) -> None:
        """/stats or /broadcast."""
        work.skill = "command"
        if not self._access.commands(work.incoming.user_id):
            words = text("telegram.admins_only", work.language)
        elif name == "stats":
            words = await self._stats(work.language)
        else:
            words = await self._broadcast(work, argument)
        await self._messenger.send(work, rendering.plain(words, work.language))

    async def _stats(self, language: str) -> str:
        numbers = await self._inbox.stats()
        by_skill = {
            skill: int(numbers.get(f"replies_{skill}", 0)) for skill in ("qa", "chat", "none", "command")
        }
        replies = sum(int(n) for name, n in numbers.items() if name.startswith("replies_"))
        whole = {name: int(numbers[name]) for name in ("waiting", "chats", "dead")}
        pace = f"{numbers.get('pace_s', 0):.1f}"
        return text("telegram.stats", language, replies=replies, pace=pace, **by_skill, **whole)

    async def _broadcast(self, work: Work, argument: str) -> str:
        """Into every chat's queue, where it waits its turn and outlives crashes like any message."""
        if not argument:
            return text("telegram.broadcast.usage", work.language)
        name = f"{work.incoming.update_id}"
        await self._inbox.records.keep(f"broadcast:{name}", argument, _KEEP_S)
        lanes = await self._inbox.records.chats(self._chats_ttl_s)
        tickets = [_ticket(work.incoming.update_id, lane, name) for lane in lanes]
        for i in range(0, len(tickets), 100):
            await self._inbox.store(tickets[i : i + 100])
        return text("telegram.broadcast.begun", work.language, n=len(tickets))

    async def deliver(self, work: Work) -> None:
        """Send a broadcast to one chat."""
        words = await self._inbox.records.kept(f"broadcast:{work.incoming.what}")
        if words is not None:
            work.skill = "broadcast"
            await self._messenger.send(work, rendering.plain(words, work.language))


def _ticket(update_id: int, lane: str, name: str) -> Ticket:
    """An update of our own. Its id is made of the command's and the lane, so that a repetition adds
    nothing, in whatever order the chats come then."""
    chat, _, topic = lane.partition(":")
    digest = int.from_bytes(hashlib.sha256(lane.encode()).digest()[:8], "big")
    update = {
        "update_id": -(update_id << 64 | digest), "quoth_broadcast": name,
        "chat_id": int(chat), "topic": int(topic or 0),
    }  # fmt: skip
    return Ticket(update, lane, "main", limited=False)
