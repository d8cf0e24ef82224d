"""The durable inbox: what people sent, in Redis, until it is answered.

An update is in Redis, and on its disk, before Telegram is told that it arrived. From there any
number of processes take *turns*: a turn is the right to handle the update at the head of one lane
(a chat, or a topic of one), given out by a stream's consumer group, round-robin over the lanes.
See ``bot.telegram.inbox_scripts`` for what is stored and why nothing is lost or done twice.

It knows nothing of Telegram's methods nor of the conversation.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Collection, Sequence
from typing import Any

from bot.errors import StoreError
from bot.telegram import inbox_scripts
from bot.telegram.inbox_link import InboxLink
from bot.telegram.inbox_records import Records
from bot.telegram.inbox_roles import Roles
from bot.telegram.inbox_types import (
    RINGS,
    Bounds,
    Extras,
    Line,
    Ring,
    Stored,
    Ticket,
    Token,
    Turn,
    TurnLost,
    Waiting,
    decode_entry,
    encode_ticket,
    milliseconds,
)
from bot.telegram.patience import briefly

log = logging.getLogger(__name__)

#: Telegram keeps an update for a day; ids are remembered for two.
SEEN_MS = 2 * 24 * 3600 * 1000
#: Most messages that are answered together.
MAX_JOINED = 8


class Inbox:
    """The updates of one bot. Open it before use; for one event loop.

    Every method raises :class:`~bot.errors.StoreUnavailable` while Redis is away.

    Args:
        url: of the Redis server.
        bot_id: keeps two bots on one server apart.
        bounds: how much is taken.
        timeout_s: how long an answer of Redis is waited for.
    """

    def __init__(self, url: str, bot_id: int, bounds: Bounds, timeout_s: float = 10.0) -> None:
        self.bounds = bounds
        #: This process among those that share the work.
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._link = InboxLink(url, f"quoth:telegram:{{{bot_id}}}:", RINGS, timeout_s)
        #: What is kept beside the turns.
        self.records = Records(self._link)
        self._in_touch_since: float | None = None
        self._last_touch = float("-inf")
        #: Grows whenever our lease may have run out: turns taken before may be another's by now.
        self._lease_no = 0
        #: What one process does for all.
        self.roles = Roles(self._link, self.name, bounds.lease_s)

    async def open(self) -> None:
        """Make the rings, and see whether the server keeps what it acknowledges."""
        if not await self._link.open():
            log.warning("the Redis server keeps no append-only file: if it crashes, messages are lost")

    async def close(self) -> None:
        """Give the lease back and let go of the connections."""
        await briefly(self._link.call("delete", self._link.key(f"alive:{self.name}")))
        await self._link.close()

    async def ping(self) -> None:
        """See whether Redis answers."""
        await self._link.call("ping")

    # Taking in ----------------------------------------------------------------------------

    async def store(self, tickets: Sequence[Ticket]) -> list[Stored]:
        """Store updates so that a crash of this program or of Redis does not lose them.

        Returns:
            For each ticket what became of it: ``new``, ``dup`` (it is known already), or refused
            with a sentence to the user: ``full``, ``limited``, or the ticket's own reason.

        Raises:
            StoreError: if they are not stored for certain.
        """
        bounds = self.bounds
        limits = {
            "total": bounds.total,
            "lane": bounds.lane,
            "per_minute": bounds.per_minute,
            "join_ms": milliseconds(bounds.join_s),
            "keep_ms": milliseconds(bounds.keep_s),
            "notice_ms": milliseconds(bounds.notice_s),
            "seen_ms": SEEN_MS,
        }
        items = [encode_ticket(ticket) for ticket in tickets]
        return list(await self._link.run_durably("STORE", [json.dumps(limits), json.dumps(items)]))

    async def notices(self) -> list[tuple[str, dict[str, Any]]]:
        """Take the refusals that people have not been told of: why, and the ticket's ``to``."""
        taken = await self._link.call("lpop", self._link.key("notices"), 50)
        notices = (json.loads(notice) for notice in taken or ())
        return [(notice["kind"], json.loads(notice["to"])) for notice in notices]

    # Turns --------------------------------------------------------------------------------

    async def take(self, ring: Ring, count: int, wait_s: float) -> list[Token]:
        """Take up to ``count`` turns; waits up to ``wait_s`` for the first."""
        streams = {self._link.key(f"ready:{ring}"): ">"}
        try:
            answer = await self._link.call(
                "xreadgroup",
                inbox_scripts.GROUP,
                self.name,
                streams,
                count=count,
                block=max(1, milliseconds(min(wait_s, self._link.longest_wait_s))),
            )
        except StoreError:
            self._in_touch_since = None
            raise
        return [
            Token(ring, fields["lane"], token_id)
            for _, entries in answer or ()
            for token_id, fields in entries
        ]

    async def tick(self, ring: Ring, slots: int, free: int, in_hand: Collection[str]) -> list[Token]:
        """Renew this process's lease and take over turns of processes that died, up to ``free``.

        Call it every second or so. Nobody's turns are taken over before this process was in touch
        with Redis for as long as a lease lasts: after an outage the others must be given the time
        to renew theirs.

        Args:
            ring: whose turns are taken over.
            slots: how many updates this process handles at a time.
            free: how many more it could take now.
            in_hand: ids of the tokens it holds.
        """
        since, sent = self._in_touch_since, time.monotonic()
        may_take_over = since is not None and sent - since > self.bounds.lease_s
        lease_ms = milliseconds(self.bounds.lease_s)
        try:
            answer = await self._link.run(
                "TICK", [self.name, lease_ms, slots, int(may_take_over), ring, free, *in_hand]
            )
        except StoreError:
            self._in_touch_since = None
            raise
        if self._in_touch_since is None:
            self._in_touch_since = sent
        if self._is_stale(sent):
            self._lease_no += 1
        self._last_touch = sent
        return [Token(ring, lane, token) for token, lane in zip(answer[::2], answer[1::2], strict=True)]

    async def open_turn(self, token: Token) -> Turn | None:
        """What is to be done in this turn; None where there is nothing or the turn is lost."""
        most, lease_no = MAX_JOINED if self.bounds.join_s else 1, self._lease_no
        answer = await self._link.run("OPEN", [*self._claim(token), most, milliseconds(self.bounds.keep_s)])
        if not answer:
            return None
        state = dict(zip(answer[0][::2], answer[0][1::2], strict=True))
        entries = [decode_entry(entry) for entry in answer[1]]
        return Turn(
            token,
            updates=tuple(update for _, update in entries),
            received=entries[0][0],
            attempts=int(state.get("attempts", 1)),
            defers=int(state.get("defers", 0)),
            state=state,
            behind=int(answer[2]),
            lease_no=lease_no,
            failures=int(state.get("failures", 0)),
        )

    async def note(self, turn: Turn, **fields: str | int) -> None:
        """Keep something about the update in hand, for whoever takes it up should we die.

        Raises:
            TurnLost: if the turn is another's now.
        """
        pairs = [part for name, value in fields.items() for part in (name, value)]
        lease_no = self._lease_no
        if not await self._link.run("NOTE", [*self._claim(turn.token), *pairs]):
            raise TurnLost
        turn.lease_no = lease_no
        turn.state.update({name: str(value) for name, value in fields.items()})

    async def hold(self, turn: Turn) -> None:
        """Make sure the turn is still ours before something that cannot be undone.

        Costs nothing while this process's lease is good and was since the turn was last seen to be
        ours; asks Redis where it may have run out, even if it was renewed after that.

        Raises:
            TurnLost: if the turn is another's now.
        """
        if turn.lease_no != self._lease_no or self._is_stale(time.monotonic()):
            await self.note(turn)

    def _is_stale(self, now: float) -> bool:
        """Whether the lease, renewed when two thirds of it are left, may run out soon or has."""
        return now - self._last_touch > 0.6 * self.bounds.lease_s

    async def finish(
        self, turn: Turn, seconds: float, counters: Sequence[str] = (), extras: Extras | None = None
    ) -> None:
        """The update is done: remove it and give the lane's next turn.

        Args:
            turn: of the update.
            seconds: how long it kept others waiting, for telling them how long they will.
            counters: names of the counters that grow by one.
            extras: what the buttons under its reply show.

        Raises:
            TurnLost: if the turn is another's now.
        """
        kept: list[str | int] = [0, "", ""]
        if extras is not None:
            kept = [milliseconds(extras.ttl_s), extras.name, json.dumps(dict(extras.texts))]
        arguments = [*self._claim(turn.token), f"{seconds:.3f}", "", *kept, *counters]
        if not await self._link.run("FINISH", arguments):
            raise TurnLost

    async def set_aside(self, turn: Turn, reason: str) -> None:
        """Give the update up, keeping it apart with the reason, and go on with the lane.

        Raises:
            TurnLost: if the turn is another's now.
        """
        keep_ms = milliseconds(self.bounds.keep_s)
        if not await self._link.run("FINISH", [*self._claim(turn.token), "1", reason, keep_ms, "", ""]):
            raise TurnLost

    async def defer(self, token: Token, delay_s: float, *, blameless: bool) -> None:
        """Put the update off; ``blameless`` keeps the attempt from being counted.

        Raises:
            TurnLost: if the turn is another's now.
        """
        if not await self._link.run("DEFER", [*self._claim(token), milliseconds(delay_s), int(blameless)]):
            raise TurnLost

    def _claim(self, token: Token) -> list[str]:
        return [token.ring, token.lane, token.id, self.name]

    # The rest -----------------------------------------------------------------------------

    async def line(self, most: int = 200) -> Line:
        """Who waits in the main ring."""
        lanes, slots, pace_s, now_ms = await self._link.run("LINE", [most])
        waiting = []
        for place, (lane, entry) in enumerate(zip(lanes[::2], lanes[1::2], strict=True), start=1):
            if entry:
                since, update = decode_entry(entry)
                waiting.append(Waiting(place, lane, update, int(now_ms) / 1000 - since))
        return Line(tuple(waiting), max(1, int(slots)), float(pace_s))

    async def in_hand(self, lane: str) -> int | None:
        """Id of the update that is being handled in a lane, if any is."""
        found = await self._link.call("hget", self._link.key(f"state:{lane}"), "update_id")
        return None if found is None else int(found)

    async def forget(self, lane: str, *, waiting: bool = False) -> int:
        """Delete what was set aside of a lane, and with ``waiting`` what waits in it; how many."""
        return int(await self._link.run("FORGET", [lane, int(waiting)]))

    async def length(self) -> int:
        """Updates waiting or in hand."""
        return int(await self._link.call("get", self._link.key("total")) or 0)

    async def stats(self) -> dict[str, float]:
        """Counters over all processes since the bot first ran, and what is in the inbox now."""
        counted = await self._link.call("hgetall", self._link.key("stats"))
        aside = await self._link.call("llen", self._link.key("dead"))
        chats = await self._link.call("zcard", self._link.key("chats"))
        numbers = {name: float(value) for name, value in counted.items()}
        return {**numbers, "dead": aside, "chats": chats, "waiting": await self.length()}
