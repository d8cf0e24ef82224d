"""Tells those who wait their place in the line, and those who were not taken why.

One process at a time does this for all. In private chats the place is a draft, which the reply
replaces; groups get a message that is removed when their turn comes. None of it is essential: what
fails is left out. But what was sent must not stay: it is noted, and whoever has the role next, should
this process die, removes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import math
import random
import time
from dataclasses import dataclass
from typing import Any

from bot.errors import StoreError
from bot.messages import known_language, text
from bot.settings import Settings
from bot.telegram.api import Fault
from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Line, Waiting
from bot.telegram.incoming import Incoming, Malformed, Me, understand
from bot.telegram.metrics import Metrics
from bot.telegram.patience import briefly, persistently
from bot.telegram.preview_messages import draft_id, reply_to
from bot.telegram.streaming import Channel
from bot.telegram_messages import ordinal

log = logging.getLogger(__name__)

EVERY_S = 0.8
#: Who waits longer than this is told, in a group (where it takes a message that goes again) a little
#: later; again when the place has changed, and before a draft fades.
TELL_AFTER_S = 0.5
TELL_GROUP_AFTER_S = 1.0
CHANGED_AFTER_S = 4.0
TELL_AGAIN_S = 20.0
#: How many of those who wait are told.
MAX_TOLD = 50
#: How long taking back what stands may take when the program ends; the next one goes on with it.
REMOVAL_S = 5.0
#: How long the note of what stands in the chats is kept; Telegram lets a bot delete for two days.
KEPT_S = 2 * 24 * 3600.0


@dataclass
class _Told:
    """Who was told their place, and how many seconds it would take: when is of the monotonic clock, 0
    where another process did."""

    lane: str
    update_id: int
    chat_id: int
    place: int
    at: float
    message_id: int = 0
    seconds: int = 0


class Herald:
    """Runs in every process; works in one."""

    def __init__(self, settings: Settings, inbox: Inbox, channel: Channel, me: Me, metrics: Metrics) -> None:
        self._settings = settings
        self._inbox = inbox
        self._channel = channel
        self._me = me
        self._metrics = metrics
        self._told: dict[str, _Told] = {}
        self._over: list[_Told] = []  # to be removed
        self._noted: str | None = None  # None while another process has the role

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                self._metrics.waiting(await self._inbox.length())
                if await self._inbox.roles.take("herald"):
                    await self._remember()
                    for kind, to in await self._inbox.notices():
                        await self._refuse(kind, to)
                    await self._tell(await self._inbox.line())
                else:
                    self._told, self._over, self._noted = {}, [], None
            except StoreError:  # the inbox's connection tells
                self._metrics.fault("redis")
            except Exception as error:
                self._metrics.fault("internal")
                log.error("herald: %s", type(error).__name__)
            await asyncio.sleep(EVERY_S * random.uniform(0.8, 1.2))  # noqa: S311 - jitter

    # Refusals -----------------------------------------------------------------------------

    async def _refuse(self, kind: str, to: dict[str, Any]) -> None:
        language = to["language"] or self._settings.language
        n, user_id = self._settings.telegram_rate_per_minute, to["user_id"]
        words = text(f"telegram.{kind}", language, n=n, user_id=user_id)
        api, update_id = self._channel.api, to["update_id"]
        if to["query_id"]:
            await self._channel.delivery.may(
                to["chat_id"], update_id, "answerCallbackQuery",
                lambda _: api.answer_callback_query(to["query_id"], words[:200]),
            )  # fmt: skip
        if to["chat_id"] and not to["query_id"]:
            await self._channel.delivery.may(
                to["chat_id"], update_id, "sendMessage",
                lambda chat: api.send_text(chat, words, topic=to["topic"]),
            )  # fmt: skip

    # Places -------------------------------------------------------------------------------

    async def _tell(self, line: Line) -> None:
        waiting = [each for each in line.waiting[:MAX_TOLD] if each.since_s >= TELL_AFTER_S]
        for lane in set(self._told) - {each.lane for each in line.waiting}:
            self._over.append(self._told.pop(lane))
        await self._withdraw()
        for each in waiting:
            try:
                incoming = understand(each.update, self._me)
            except Malformed:
                continue
            if incoming is None or incoming.kind == "broadcast":
                continue
            if incoming.private or each.since_s >= TELL_GROUP_AFTER_S:
                await self._tell_one(each, incoming, line)

    async def _tell_one(self, waiting: Waiting, incoming: Incoming, line: Line) -> None:
        told, now = self._told.get(waiting.lane), time.monotonic()
        if told is not None and told.update_id != incoming.update_id:
            self._over.append(self._told.pop(waiting.lane))
            told = None
        if told is not None:
            age = now - told.at
            changed = told.place != waiting.place and age > CHANGED_AFTER_S
            faded = incoming.private and age > TELL_AGAIN_S
            overdue = age > max(told.seconds, CHANGED_AFTER_S)
            if not (changed or faded or overdue):
                return
        if not self._channel.pace.spare(0.5):
            return
        entry = _Told(
            waiting.lane, incoming.update_id, incoming.chat_id, waiting.place, now,
            told.message_id if told else 0, estimate(waiting.place, line),
        )  # fmt: skip
        self._told[waiting.lane] = entry
        language = known_language(incoming.language or self._settings.language)
        place = ordinal(entry.place, language)
        await self._show(
            entry, incoming, text("telegram.place", language, ordinal=place, seconds=entry.seconds)
        )

    async def _show(self, told: _Told, place: Incoming, words: str) -> None:
        api = self._channel.api
        topic = place.topic or None
        if place.private and self._channel.drafts:
            await self._channel.delivery.may(
                place.chat_id, place.update_id, "sendMessageDraft",
                lambda chat: api.send_message_draft(
                    chat, draft_id(place.update_id), words, message_thread_id=topic, read_timeout=5
                ),
            )  # fmt: skip
        elif told.message_id:
            await self._channel.delivery.may(
                place.chat_id, place.update_id, "editMessageText",
                lambda chat: api.edit_text(chat, told.message_id, words),
            )  # fmt: skip
        else:
            sent = await self._channel.delivery.may(
                place.chat_id, place.update_id, "sendMessage",
                lambda chat: api.send_text(
                    chat, words, topic=place.topic, silent=True, reply_to=reply_to(place)
                ),
            )  # fmt: skip
            if not isinstance(sent, Fault):
                told.message_id = sent
                await persistently(self._note)

    async def _withdraw(self) -> None:
        """Their turns have come. What cannot be removed now is tried again the next time."""
        await self._remove_over()
        await self._note()

    async def _remove_over(self) -> None:
        for told in list(self._over):
            if not told.message_id or await self._removed(told):
                self._over.remove(told)

    async def _removed(self, told: _Told) -> bool:
        done = await self._channel.delivery.may(
            told.chat_id, told.update_id, "deleteMessage",
            lambda chat: self._channel.api.delete_message(chat, told.message_id),
        )  # fmt: skip
        return not isinstance(done, Fault) or done.kind in ("gone", "refused", "unchanged")

    # For whoever has the role next --------------------------------------------------------

    async def _remember(self) -> None:
        """What another process told before this one got the role."""
        if self._noted is None:
            noted = await self._inbox.records.kept("told") or "[]"
            try:
                before = [_Told(**fields) for fields in json.loads(noted)]
            except (TypeError, ValueError):  # noted by another version
                before = []
            for told in before:
                if told.lane in self._told:
                    self._over.append(told)
                else:
                    self._told[told.lane] = told
            self._noted = noted

    async def _note(self) -> None:
        standing = [told for told in (*self._told.values(), *self._over) if told.message_id]
        noted = json.dumps([dataclasses.asdict(dataclasses.replace(told, at=0.0)) for told in standing])
        if noted != self._noted:
            await self._inbox.records.keep("told", noted, KEPT_S)
            self._noted = noted

    async def close(self) -> None:
        """Take back what was told, as far as messages stand there, and leave the role to others."""
        if self._noted is not None:
            self._over += self._told.values()
            self._told = {}
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._remove_over(), REMOVAL_S)
            await briefly(self._note())
        await briefly(self._inbox.roles.drop("herald"))


def estimate(place: int, line: Line) -> int:
    """Seconds until a place's turn: as if all before it, those in hand included, were slow ones."""
    seconds = max(1, math.ceil(place * line.pace_s / line.slots))
    return seconds if seconds <= 10 else 5 * math.ceil(seconds / 5)  # and it should look like an estimate
