"""What tests of the inbox store in it and take out of it."""

from __future__ import annotations

from typing import Any

from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Ticket, Token

BOT = 4242


def ticket(update_id: int, lane: str = "1:0", **options: Any) -> Ticket:
    """A message in a lane, from a user that goes with the lane."""
    update = {"update_id": update_id, "message": {"text": f"said {update_id} — да 🎓"}}
    options.setdefault("ring", "main")
    options.setdefault("user_id", abs(hash(lane)) % 1000 + 1)
    return Ticket(update, lane, **options)


async def take_one(inbox: Inbox) -> Token:
    """The token of the next turn; one comes within a second."""
    (token,) = await inbox.take("main", 1, 1.0)
    return token


async def handle_next(inbox: Inbox) -> int:
    """Serve the next turn to its end; the update's id."""
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    await inbox.finish(turn, 0.1)
    return turn.update_id


async def opened(inbox: Inbox) -> Token:
    """The token of the next turn, which is begun."""
    token = await take_one(inbox)
    assert await inbox.open_turn(token) is not None
    return token
