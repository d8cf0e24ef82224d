"""What a user sees of a reply before it is finished: typing, then the text as it grows.

In private chats the growing text is a draft, a preview that Telegram shows for 30 seconds and that
the finished message replaces. Groups, and servers that know no drafts, get a message that is edited
at a pace Telegram allows. All of it can be done without: a preview that fails is left out, and only
what stands in the chat is noted, so that whoever takes up after a crash goes on with it or removes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass

from bot.telegram.api import Api, Fault
from bot.telegram.delivery import Delivery
from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import TurnLost
from bot.telegram.incoming import Incoming
from bot.telegram.metrics import Metrics
from bot.telegram.pace import Pace
from bot.telegram.patience import persistently
from bot.telegram.preview_messages import LAST_CALL_S, PreviewMessages
from bot.telegram.rendering import tail
from bot.telegram.work import Work

log = logging.getLogger(__name__)


#: Previews of one reply that may fail before no more are tried.
MAX_FAILURES = 4


@dataclass
class Pacing:
    """When what is shown, in seconds. A reply that is there sooner needs none of it.

    Attributes:
        typing_after, typing_every: the sign that somebody types; Telegram shows it for 5 s.
        draft_after, draft_every: until the first draft, and between two.
        message_after, edit_every: until a message that grows is sent, and between its edits.
        stop_after: until a private chat gets a button to stop (a draft can have none).
    """

    typing_after: float = 0.3
    typing_every: float = 4.5
    draft_after: float = 0.05
    draft_every: float = 0.6
    message_after: float = 0.7
    edit_every: float = 3.0
    stop_after: float = 2.0


@dataclass
class Channel:
    """What previews are made with, shared by all chats.

    Attributes:
        drafts: whether the server knows drafts; set to False when it turns out not to.
    """

    api: Api
    delivery: Delivery
    pace: Pace
    metrics: Metrics
    pacing: Pacing
    inbox: Inbox
    drafts: bool = True

    def preview(self, work: Work) -> Preview:
        """A preview of an update's reply."""
        state = work.turn.state
        messages = PreviewMessages(
            self.api, self.delivery, work.incoming, work.language,
            lambda name, value: persistently(lambda: self.inbox.note(work.turn, **{name: value})),
            int(state.get("message_id", 0)), int(state.get("control_id", 0)),
        )  # fmt: skip
        return Preview(self, work.incoming, work.turn.received, messages)


class Preview:
    """One reply that is being written. ``async with`` runs it.

    Args:
        channel: what it is shown with.
        incoming: what it replies to.
        received: when the update was stored, in Unix seconds.
        messages: that show it; :attr:`messages` tells afterwards which of them stand in the chat.
    """

    def __init__(
        self, channel: Channel, incoming: Incoming, received: float, messages: PreviewMessages
    ) -> None:
        self._channel = channel
        self._incoming = incoming
        self._received = received
        self.messages = messages
        self._loop = asyncio.get_running_loop()
        self._pieces: list[str] = []
        self._status = ""
        self._woken = asyncio.Event()
        self._began: float | None = None
        self._closed = False
        self._shown = False
        self._stopped = False
        self._stoppable = False
        self._timers: list[asyncio.TimerHandle] = []
        self._typing: asyncio.Task[None] | None = None
        self._showing: asyncio.Task[None] | None = None
        self._heard = False

    # What is written ----------------------------------------------------------------------

    def listen(self, piece: str) -> bool:
        """A piece of the reply, from whatever thread; returns whether to stop."""
        self._pieces.append(piece)
        if piece and self._began is None:
            self._began = time.monotonic()
            self._stoppable = True
            self._wake()
        return self._stopped

    def status(self, words: str) -> None:
        """A line that tells how far something is, from whatever thread."""
        self._status = words
        if self._began is None:
            self._began = time.monotonic()
        self._wake()

    def stop(self) -> None:
        """Have the reply stopped."""
        self._stopped = True

    def saw_first(self) -> None:
        """The user sees something of the reply."""
        if not self._shown:
            self._shown = True
            self._channel.metrics.first_piece(time.time() - self._received)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends
            self._loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        """There is something to show; a reply that is whole before its time needs no task for it."""
        self._woken.set()
        if not self._heard and not self._closed:
            self._heard = True
            pacing = self._channel.pacing
            delay_s = pacing.draft_after if self._by_draft() else pacing.message_after
            self._timers.append(self._loop.call_later(delay_s, self._begin_showing))

    # Life ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Preview:
        self._timers.append(self._loop.call_later(self._channel.pacing.typing_after, self._begin_typing))
        return self

    def _begin_typing(self) -> None:
        self._typing = asyncio.create_task(self._type())

    def _begin_showing(self) -> None:
        self._showing = asyncio.create_task(self._show())

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends the preview; a call that is under way is waited for, since a late one would stay."""
        self._closed = True
        self._woken.set()
        for timer in self._timers:
            timer.cancel()
        if self._typing is not None:
            self._typing.cancel()
        try:
            if self._showing is not None and kind is not asyncio.CancelledError:
                await asyncio.wait([self._showing])
        finally:
            await self._end_tasks()

    async def _end_tasks(self) -> None:
        if self._showing is not None:
            # where the program ends and Redis is away, a note would be waited for without an end
            await asyncio.wait([self._showing], timeout=LAST_CALL_S)
            self._showing.cancel()
        tasks = [task for task in (self._typing, self._showing) if task is not None]
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, TurnLost):
                continue  # whoever sends the reply finds out, too
            if isinstance(result, Exception):  # a reply does not fail for its preview
                log.error("a preview failed with %s", type(result).__name__)

    async def _type(self) -> None:
        place, failures = self._incoming, 0
        while not self._shown and failures < MAX_FAILURES:
            if self._channel.pace.spare(0.3):
                done = await self._channel.delivery.may(
                    place.chat_id, place.update_id, "sendChatAction",
                    lambda chat: self._channel.api.send_chat_action(
                        chat, "typing", message_thread_id=place.topic or None, read_timeout=5
                    ),
                )  # fmt: skip
                failures = failures + 1 if isinstance(done, Fault) else 0
            await asyncio.sleep(self._channel.pacing.typing_every)

    def _by_draft(self) -> bool:
        return self._incoming.private and self._channel.drafts and not self.messages.message_id

    async def _show(self) -> None:
        pacing = self._channel.pacing
        by_draft = self._by_draft()
        last, failures = "", 0
        while not self._closed:
            words = tail("".join(self._pieces)) or self._status
            if words.strip() and words != last and self._channel.pace.spare(0.3 if self._shown else 0.0):
                fault = await self._display(words, by_draft)
                if fault is None:
                    self.saw_first()
                    last = words
                elif by_draft and fault.kind in ("token", "refused"):
                    # an older server, or a chat that takes no drafts
                    by_draft, self._channel.drafts = False, fault.kind != "token"
                    continue
                elif fault.kind in ("gone", "refused"):
                    return
                else:
                    failures += 1
                    if failures == MAX_FAILURES:
                        return
            if by_draft and self._stop_is_due():
                await self.messages.offer_stop()
            await self._pause(pacing.draft_every if by_draft else pacing.edit_every)

    async def _display(self, words: str, by_draft: bool) -> Fault | None:
        if by_draft:
            return await self.messages.draft(words)
        return await self.messages.grow(words, stoppable=self._stoppable)

    def _stop_is_due(self) -> bool:
        """Whether a reply takes its time and has no button to stop yet."""
        if self.messages.control_id or not self._stoppable or self._began is None:
            return False
        return time.monotonic() - self._began >= self._channel.pacing.stop_after

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        self._woken.clear()
        if not self._closed:
            deadline = time.monotonic() + seconds
            while not self._closed and (left := deadline - time.monotonic()) > 0:
                with contextlib.suppress(asyncio.TimeoutError):
                    async with asyncio.timeout(left):
                        await self._woken.wait()
                if not self._closed:
                    self._woken.clear()
