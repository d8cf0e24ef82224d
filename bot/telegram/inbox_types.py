"""What goes into the inbox and what comes out of it: plain data, and how it is written.

Knows neither Redis nor Telegram's methods.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Ring = Literal["main", "aside"]
#: Turns of ``aside`` overtake: most buttons, /stop, inline queries.
RINGS: tuple[Ring, ...] = ("main", "aside")
Stored = Literal["new", "dup", "full", "limited", "stranger"]


@dataclass(frozen=True)
class Bounds:
    """How much the inbox takes.

    Attributes:
        total, lane: updates waiting in all, and in one lane.
        per_minute: messages of one user in a minute.
        join_s: how long a lane waits for more of the same user to answer them together; 0 never.
        keep_s: how long an unanswered update is kept, and one that was set aside.
        notice_s: time between two sentences of refusal in one lane.
        lease_s: how long a process that was killed keeps its turns.
    """

    total: int = 1000
    lane: int = 30
    per_minute: int = 20
    join_s: float = 0.0
    keep_s: float = 2 * 24 * 3600.0
    notice_s: float = 5.0
    lease_s: float = 10.0


@dataclass(frozen=True)
class Ticket:
    """An update on its way into the inbox.

    Attributes:
        update: as Telegram sent it.
        lane, ring: where it waits.
        user_id: whose allowance it counts against.
        limited: whether the bounds apply to it (a button press is always taken).
        joinable: whether it may be answered together with the same user's next message.
        refuse: why it is not to be taken, such as "stranger"; the update itself is not stored then.
        to: what a sentence of refusal needs: where it goes and in which language.
        chat: "<chat>:<topic>" for those who hear broadcasts, or None.
    """

    update: Mapping[str, Any] = field(repr=False)
    lane: str
    ring: Ring
    user_id: int = 0
    limited: bool = True
    joinable: bool = False
    refuse: str = ""
    to: Mapping[str, Any] = field(default_factory=dict)
    chat: str | None = None


@dataclass(frozen=True)
class Token:
    """A turn of a lane that this process holds."""

    ring: Ring
    lane: str
    id: str


@dataclass
class Turn:
    """The update (or the few that are answered together) at the head of a lane.

    Attributes:
        token: the right to handle it.
        updates: as Telegram sent them, oldest first.
        received: when the first was stored, in Unix seconds.
        attempts: how often it was begun, this time included.
        failures: how many of those failed and lived to say so.
        defers: how often it was put off through no fault of its own.
        state: what was noted of it.
        behind: how many more wait in the lane.
        lease_no: which of the process's leases it was last seen to be ours under.
    """

    token: Token
    updates: tuple[Mapping[str, Any], ...] = field(repr=False)
    received: float
    attempts: int
    defers: int
    state: dict[str, str]
    behind: int = 0
    lease_no: int = 0
    failures: int = 0

    @property
    def deaths(self) -> int:
        """How often whoever had it in hand was not heard of again."""
        return max(0, self.attempts - 1 - self.failures)

    @property
    def is_first(self) -> bool:
        """Whether it was never begun before."""
        return self.attempts + self.defers == 1

    @property
    def update_id(self) -> int:
        """Of the first update."""
        return int(self.updates[0]["update_id"])


@dataclass(frozen=True)
class Waiting:
    """A lane whose turn has not come: its place (from 1), its next update, and since when."""

    place: int
    lane: str
    update: Mapping[str, Any] = field(repr=False)
    since_s: float


@dataclass(frozen=True)
class Line:
    """Who waits, how many updates are handled at a time, and how long one takes, if not less."""

    waiting: tuple[Waiting, ...]
    slots: int
    pace_s: float


@dataclass(frozen=True)
class Extras:
    """What the buttons under a reply show: texts by button, under the reply's name, for a while."""

    name: str
    texts: Mapping[str, str] = field(repr=False)
    ttl_s: float


class TurnLost(Exception):
    """The turn belongs to another process now; whatever is in hand must be dropped."""


def encode_ticket(ticket: Ticket) -> dict[str, Any]:
    """As the script that stores it takes it. Ids are text: Lua's numbers hold 14 digits."""
    item: dict[str, Any] = {
        "id": str(ticket.update["update_id"]),
        "lane": ticket.lane,
        "ring": ticket.ring,
        "user": str(ticket.user_id),
        "limit": ticket.limited,
        "to": json.dumps(dict(ticket.to)),
        "join": str(ticket.user_id) if ticket.joinable else "",
    }
    if ticket.chat is not None:
        item["chat"] = ticket.chat
    if ticket.refuse:
        item["refuse"] = ticket.refuse
    else:
        text = json.dumps(ticket.update, ensure_ascii=False, separators=(",", ":"))
        item["update"] = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no UTF-8
    return item


def decode_entry(entry: str) -> tuple[float, Mapping[str, Any]]:
    """When an update was stored, in Unix seconds, and the update."""
    _, _, when, update = entry.split("|", 3)
    return int(when) / 1000, json.loads(update)


def milliseconds(duration_s: float) -> int:
    """Whole milliseconds, at least none."""
    return max(0, round(duration_s * 1000))
