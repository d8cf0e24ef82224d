"""One update being handled: its turn, what it says, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.telegram.inbox_types import Extras, Turn
from bot.telegram.incoming import Incoming


@dataclass
class Work:
    """An update in hand.

    Attributes:
        turn: the right to handle it, and what was noted.
        incoming: what it says; several messages answered together are one.
        language: of the service's sentences.
        release: lets the next update begin while this one's reply is still being sent; the first call does.
        skill: what gave the reply, for the counters; "" where there is none.
        extras: what the buttons under it show.
    """

    turn: Turn
    incoming: Incoming
    language: str
    release: Callable[[], None]
    skill: str = ""
    extras: Extras | None = field(default=None, repr=False)
