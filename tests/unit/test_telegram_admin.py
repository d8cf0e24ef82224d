"""A text to all chats: each hears it once, also where the program dies while it queues it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from bot.errors import StoreUnavailable
from bot.telegram.access import Access
from bot.telegram.admin import Admin
from bot.telegram.inbox_types import Ticket, Token, Turn
from bot.telegram.incoming import Incoming
from bot.telegram.work import Work


class Chats:
    """An inbox that goes away after the first hundred, and its records."""

    def __init__(self, lanes: list[str]) -> None:
        self.lanes = lanes
        self.records = self
        self.seen: set[int] = set()
        self.queued: Counter[str] = Counter()
        self.n_good = 1

    async def keep(self, name: str, value: str, ttl_s: float) -> None:
        pass

    async def chats(self, newer_than_s: float) -> list[str]:
        return list(self.lanes)

    async def store(self, tickets: Sequence[Ticket]) -> None:
        if not self.n_good:
            raise StoreUnavailable("away")
        self.n_good -= 1
        for ticket in tickets:
            if ticket.update["update_id"] not in self.seen:
                self.seen.add(ticket.update["update_id"])
                self.queued[ticket.lane] += 1


async def test_a_broadcast_that_is_repeated_reaches_every_chat_once() -> None:
    inbox, sent = Chats([f"{-n if n % 2 else n}:{n % 3}" for n in range(1, 251)]), []

    async def send(work: Work, messages: Any) -> None:
        sent.append(messages[0].text)

    messenger = SimpleNamespace(inbox=inbox, send=send)
    admin = Admin(Access(frozenset(), frozenset({3})), messenger, 60)  # type: ignore[arg-type]
    turn = Turn(Token("main", "3:0", "t"), ({"update_id": 7},), 0.0, 1, 0, {})
    work = Work(turn, Incoming(7, "text", 3, user_id=3), "en", lambda: None)
    with pytest.raises(StoreUnavailable):
        await admin.command(work, "broadcast", "Back at noon.")
    inbox.lanes.append(inbox.lanes.pop(0))  # it wrote meanwhile
    inbox.n_good = 3
    await admin.command(work, "broadcast", "Back at noon.")
    assert inbox.queued == dict.fromkeys(inbox.lanes, 1)
    assert "250" in sent[0]
