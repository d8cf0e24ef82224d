"""Takes turns from the inbox and has them handled, a bounded number at a time.

A place is held while an update needs the model; sending the reply, which may have to wait for
Telegram, goes on without one. Whatever goes wrong ends in one of four ways: done, put off through no
fault of the update's, tried again, or set aside with a reason after three failures. A program that
dies blames all it had in hand, the innocent with the guilty, so more deaths than failures are borne.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable

from bot.errors import SessionBusy, StoreError, StoreFull
from bot.messages import explain
from bot.telegram import rendering
from bot.telegram.delivery import Undelivered
from bot.telegram.handlers import Handlers
from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Ring, Token, Turn, TurnLost
from bot.telegram.metrics import Metrics
from bot.telegram.patience import briefly, persistently
from bot.telegram.work import Work

log = logging.getLogger(__name__)

MAX_FAILURES = 3
#: Programs that may die with an update in hand before it is held to be what kills them.
MAX_DEATHS = 6
#: How often an update is put off for faults that are not its own (Telegram or Redis away).
MAX_DEFERS = 500
#: How often it is put off for a fault of the network while Telegram answers other calls: ten minutes.
#: There are requests that it never answers but with a fault, and its chat waits for this one.
MAX_SHUNNED = 20
#: Updates whose replies may be being sent while their places are free again.
MAX_SENDING = 200


class Worker:
    """Serves one ring of the inbox.

    Args:
        inbox: where the turns come from.
        ring: which turns.
        places: updates handled at a time.
        handlers: what handles them.
        metrics: counts.
        answered_since: whether Telegram answered any call after a moment of ``time.monotonic``.
    """

    def __init__(
        self, inbox: Inbox, ring: Ring, places: int, handlers: Handlers, metrics: Metrics,
        answered_since: Callable[[float], bool],
    ) -> None:  # fmt: skip
        self._inbox = inbox
        self._ring: Ring = ring
        self._places = places
        self._busy = 0
        self._handlers = handlers
        self._metrics = metrics
        self._answered_since = answered_since
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._freed = asyncio.Event()
        self._stopping = False
        # renewed well within a lease
        self._tick_s = min(1.0, inbox.bounds.lease_s / 4)

    async def run(self) -> None:
        """Take turns until :meth:`stop`."""
        pause, next_tick = 0.1, 0.0
        while not self._stopping:
            try:
                free = max(0, self._places - self._busy) if len(self._tasks) < MAX_SENDING else 0
                tokens: list[Token] = []
                if time.monotonic() >= next_tick:
                    tokens = await self._tick(free)
                    next_tick = time.monotonic() + self._tick_s
                left = max(0.01, next_tick - time.monotonic())
                if not tokens and free:
                    tokens = await self._inbox.take(self._ring, free, left)
                elif not free:
                    await self._wait_for_place(left)
                for token in tokens:
                    self._begin(token)
                pause = 0.1
            except StoreError:  # the inbox's connection tells
                self._metrics.fault("redis")
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                pause = min(2.0, pause * 2)

    async def _tick(self, free: int) -> list[Token]:
        return await self._inbox.tick(self._ring, self._places, free, list(self._tasks))

    async def _wait_for_place(self, seconds: float) -> None:
        self._freed.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(seconds):
                await self._freed.wait()

    async def stop(self, limit_s: float) -> bool:
        """Take no more turns, finish those in hand within the limit, put the others off.

        Returns:
            Whether all were finished.
        """
        self._stopping = True
        self._freed.set()
        deadline = time.monotonic() + limit_s
        while self._tasks and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(list(self._tasks.values()), timeout=min(left, self._tick_s))
            with contextlib.suppress(StoreError, asyncio.TimeoutError):
                # the lease is still needed
                await asyncio.wait_for(self._tick(0), max(0.0, deadline - time.monotonic()))
        unfinished = list(self._tasks.values())
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        return not unfinished

    # One turn -----------------------------------------------------------------------------

    def _begin(self, token: Token) -> None:
        self._busy += 1
        held = True

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self._busy -= 1
                self._freed.set()

        def ended(_: asyncio.Task[None]) -> None:
            release()
            self._tasks.pop(token.id, None)

        task = asyncio.create_task(self._serve(token, release))
        self._tasks[token.id] = task
        task.add_done_callback(ended)

    async def _serve(self, token: Token, release: Callable[[], None]) -> None:
        try:
            turn = await persistently(lambda: self._inbox.open_turn(token))
            if turn is not None:
                await self._attend(turn, release)
        except TurnLost:
            log.warning("a turn was taken over by another process (lane %s)", token.lane)
        except asyncio.CancelledError:
            # the program ends: the update stays, for the next one
            with contextlib.suppress(TurnLost):
                await briefly(self._inbox.defer(token, 0, blameless=True))
            raise
        except Exception as error:
            # nothing may end the worker; the turn comes back when it is missed
            self._metrics.fault("internal")
            log.error("a turn failed with %s (lane %s)", type(error).__name__, token.lane)

    async def _attend(self, turn: Turn, release: Callable[[], None]) -> None:
        began, held_s = time.monotonic(), None

        def release_place() -> None:
            nonlocal held_s
            held_s = held_s or time.monotonic() - began
            release()

        try:
            work = self._handlers.open(turn, release_place)
        except Exception as error:  # stored by another version; there is nobody to tell
            log.error("an update cannot be read: %s (update %d)", type(error).__name__, turn.update_id)
            await persistently(lambda: self._inbox.set_aside(turn, "unreadable"))
            return
        if turn.deaths >= MAX_DEATHS:  # whoever tried before did not live to say why
            await self._give_up(work, "the program ended each time")
            return
        try:
            await self._handlers.handle(work)
        except (TurnLost, asyncio.CancelledError):
            raise
        except Exception as error:
            await self._mend(work, error, began)
            return
        seconds = time.monotonic() - began if held_s is None else held_s
        counters = [f"replies_{work.skill}"] if work.skill else []
        await persistently(lambda: self._inbox.finish(turn, seconds, counters, work.extras))
        if work.skill:
            self._metrics.reply(work.skill, time.time() - turn.received)

    async def _mend(self, work: Work, error: Exception, began: float) -> None:
        """After a failure: drop, put off, try again or set aside."""
        turn = work.turn
        shunned, wait_s = int(turn.state.get("shunned", 0)), 0.0
        if isinstance(error, Undelivered):
            reason = error.fault.reason
            if error.fault.kind == "gone":
                log.info("nobody to answer: %s (%s)", reason, _where(work))
                await persistently(lambda: self._inbox.finish(turn, 0, ["undeliverable"]))
                return
            blameless = error.fault.kind in ("network", "flood", "token", "conflict")
            wait_s = error.fault.seconds  # before that Telegram would refuse again
            if error.fault.kind == "network" and self._answered_since(began):
                shunned += 1
                await persistently(lambda: self._inbox.note(turn, shunned=shunned))
        elif isinstance(error, StoreFull):
            reason, blameless = type(error).__name__, False
        elif isinstance(error, StoreError):
            reason, blameless = type(error).__name__, True
        else:
            reason, blameless = type(error).__name__, False
            self._metrics.fault("internal")
        log.warning(
            "an update was not answered: %s (%s, attempt %d)",
            reason,
            _where(work),
            turn.attempts + turn.defers,
        )
        failures = turn.failures + 1
        deferred_enough = turn.defers >= MAX_DEFERS or shunned >= MAX_SHUNNED
        if deferred_enough if blameless else failures >= MAX_FAILURES:
            await self._give_up(work, reason, error)
            return
        n = turn.defers if blameless else failures
        busy = isinstance(error, SessionBusy)
        delay = (1.0 if busy else min(30.0, 0.5 * 2**n)) * random.uniform(0.75, 1.25)  # noqa: S311
        await persistently(lambda: self._inbox.defer(turn.token, max(delay, wait_s), blameless=blameless))

    async def _give_up(self, work: Work, reason: str, error: Exception | None = None) -> None:
        self._metrics.fault("set_aside")
        log.error("an update is set aside: %s (%s)", reason, _where(work))
        try:
            if isinstance(error, StoreFull):
                await self._handlers.say(work, rendering.plain(explain(error, work.language), work.language))
            else:
                await self._handlers.give_up(work)
        except (TurnLost, asyncio.CancelledError):
            raise
        except Exception as failure:
            log.warning("nor could the user be told: %s (%s)", type(failure).__name__, _where(work))
        await persistently(lambda: self._inbox.set_aside(work.turn, reason))


def _where(work: Work) -> str:
    return f"chat {work.incoming.chat_id}, update {work.turn.update_id}"
