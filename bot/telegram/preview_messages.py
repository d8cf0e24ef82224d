"""The messages that show a reply before it is finished: a draft, one that grows, a button to stop.

What is sent with which call, and what of it is noted, so that whoever takes up after a crash goes on
with it or removes it. When it is sent stands in ``bot.telegram.streaming``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from telegram import ReplyParameters

from bot.errors import StoreError
from bot.messages import text
from bot.telegram import keyboards
from bot.telegram.api import Api, Fault
from bot.telegram.delivery import Delivery, Undelivered
from bot.telegram.inbox_types import TurnLost
from bot.telegram.incoming import Incoming

log = logging.getLogger(__name__)

#: When the program ends: how long a call that is under way is waited for, and one that takes back
#: what could not be noted.
LAST_CALL_S = 2.0


class PreviewMessages:
    """The messages of one reply.

    Args:
        api, delivery: what they are sent with.
        incoming: what is replied to.
        language: of the button.
        note: keeps a field about the update in hand, waiting for Redis if need be; raises
            TurnLost if the update is no longer ours.
        message_id: of a message that grows, from an attempt before this one, or 0.
        control_id: of a message with a stop button, likewise; -1 where it is not known.
    """

    def __init__(
        self, api: Api, delivery: Delivery, incoming: Incoming, language: str,
        note: Callable[[str, int], Awaitable[None]], message_id: int = 0, control_id: int = 0,
    ) -> None:  # fmt: skip
        self._api = api
        self._delivery = delivery
        self._incoming = incoming
        self._language = language
        self._note = note
        self.message_id = message_id
        self.control_id = control_id

    async def draft(self, words: str) -> Fault | None:
        """Show a draft, or change it; what went wrong, if anything did."""
        place = self._incoming
        done = await self._delivery.may(
            place.chat_id, place.update_id, "sendMessageDraft",
            lambda chat: self._api.send_message_draft(
                chat, draft_id(place.update_id), words, message_thread_id=place.topic or None,
                read_timeout=5,
            ),
        )  # fmt: skip
        return done if isinstance(done, Fault) else None

    async def grow(self, words: str, *, stoppable: bool) -> Fault | None:
        """Send the message that grows, or change it; what went wrong, if anything did.

        Args:
            words: what it says now.
            stoppable: whether it has a button to stop.
        """
        place, api = self._incoming, self._api
        markup = keyboards.stop(place.update_id, self._language) if stoppable else None
        if self.message_id:
            done = await self._delivery.may(
                place.chat_id, place.update_id, "editMessageText",
                lambda chat: api.edit_text(chat, self.message_id, words, keyboard=markup),
            )  # fmt: skip
            return done if isinstance(done, Fault) and done.kind != "unchanged" else None
        sent = await self._delivery.may(
            place.chat_id, place.update_id, "sendMessage",
            lambda chat: api.send_text(
                chat, words, topic=place.topic, keyboard=markup, reply_to=reply_to(place)
            ),
        )  # fmt: skip
        if isinstance(sent, Fault):
            # it may stand there all the same; another would be one too many
            return Fault("refused", sent.reason) if sent.kind == "network" else sent
        self.message_id = sent
        await self._keep("message_id", sent)
        return None

    async def offer_stop(self) -> None:
        """A private chat's button to stop, which a draft cannot have; once."""
        place = self._incoming
        sent = await self._delivery.may(
            place.chat_id, place.update_id, "sendMessage",
            lambda chat: self._api.send_text(
                chat, text("telegram.writing", self._language), topic=place.topic, silent=True,
                keyboard=keyboards.stop(place.update_id, self._language),
            ),
        )  # fmt: skip
        self.control_id = -1  # not again, whatever came of it
        if not isinstance(sent, Fault):
            self.control_id = sent
            await self._keep("control_id", sent)

    async def _keep(self, name: str, message_id: int) -> None:
        """Note a message that stands in the chat; where nobody would find it, it is removed."""
        place = self._incoming
        try:
            await self._note(name, message_id)
        except (TurnLost, StoreError, asyncio.CancelledError) as error:
            log.warning("a note was not kept (%s, update %d)", type(error).__name__, place.update_id)
            ending = isinstance(error, asyncio.CancelledError)
            with contextlib.suppress(Undelivered, asyncio.TimeoutError):
                removal = self._delivery.must(
                    place.chat_id, place.update_id, "deleteMessage",
                    lambda chat: self._api.delete_message(chat, message_id),
                )  # fmt: skip
                await asyncio.wait_for(removal, LAST_CALL_S if ending else None)
            raise


def draft_id(update_id: int) -> int:
    """A draft's id: not zero, and the same for all previews of one reply."""
    return update_id % 2_000_000_000 + 1


def reply_to(incoming: Incoming) -> ReplyParameters | None:
    """In groups a reply points at its message, as long as that is there."""
    if incoming.private or not incoming.message_id:
        return None
    return ReplyParameters(incoming.message_id, allow_sending_without_reply=True)
