"""How the reply to an update is sent exactly once.

Each message of a reply is noted in the inbox as soon as Telegram has taken it (the last one by
finishing the update); a repetition goes on after the last one noted. The only window in which a
message can be sent twice lies between Telegram taking it and the note (a crash, or an answer of
Telegram's that got lost): the Bot API offers no way to ask whether a message was sent, nor to send
it under a name of ours.

Whoever sends has done with the model and lets the next update begin: Telegram may have the chat wait.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from telegram import InlineKeyboardMarkup, InputFile

from bot.telegram.api import Api
from bot.telegram.delivery import Delivery, Undelivered
from bot.telegram.inbox import Inbox
from bot.telegram.patience import persistently
from bot.telegram.preview_messages import reply_to
from bot.telegram.rendering import Rich
from bot.telegram.work import Work


class Messenger:
    """Sends what an update's handling comes to."""

    def __init__(self, api: Api, delivery: Delivery, inbox: Inbox) -> None:
        self.api = api
        self.delivery = delivery
        self.inbox = inbox

    async def send(
        self, work: Work, messages: Sequence[Rich], keyboard: InlineKeyboardMarkup | None = None,
        message_id: int = 0,
    ) -> None:  # fmt: skip
        """Send a reply's messages, those that were not sent yet; the keyboard goes under the last.

        Args:
            work: whose reply it is.
            messages: of the reply.
            keyboard: under the last message.
            message_id: of a message of ours that becomes the first one, or 0.

        Raises:
            Undelivered: if Telegram does not take one.
            TurnLost: if the update is another's now.
        """
        work.release()
        for i in range(int(work.turn.state.get("sent", 0)), len(messages)):
            markup = keyboard if i == len(messages) - 1 else None
            if not (i == 0 and message_id and await self._edit(work, message_id, messages[0], markup)):
                await self._send_one(work, messages[i], markup, answers=i == 0)
            if i < len(messages) - 1:  # the last one is noted by finishing the update
                await self._sent(work, i + 1)

    async def send_file(self, work: Work, name: str, data: bytes, caption: str) -> None:
        """Send a file as a reply."""
        work.release()
        place = work.incoming
        await self.delivery.must(
            place.chat_id, place.update_id, "sendDocument",
            lambda chat: self.api.send_document(
                chat, InputFile(data, name), caption=caption, message_thread_id=place.topic or None,
                reply_parameters=reply_to(place),
            ),
            before=lambda: self.inbox.hold(work.turn),
        )  # fmt: skip

    async def delete(self, work: Work, message_id: int) -> None:
        """Remove a message of ours, with the patience of a reply: one that says that the reply is
        being written must not stay. A reply does not fail for it."""
        work.release()
        place = work.incoming
        with contextlib.suppress(Undelivered):  # somebody deleted it, or it is too old
            await self.delivery.must(
                place.chat_id, place.update_id, "deleteMessage",
                lambda chat: self.api.delete_message(chat, message_id),
                before=lambda: self.inbox.hold(work.turn),
            )  # fmt: skip

    async def _send_one(
        self, work: Work, message: Rich, markup: InlineKeyboardMarkup | None, answers: bool
    ) -> None:
        place = work.incoming
        await self.delivery.must(
            place.chat_id, place.update_id, "sendMessage",
            lambda chat: self.api.send_text(
                chat, message.text, entities=message.entities(), topic=place.topic, keyboard=markup,
                reply_to=reply_to(place) if answers else None,
            ),
            before=lambda: self.inbox.hold(work.turn),
        )  # fmt: skip

    async def _edit(
        self, work: Work, message_id: int, message: Rich, markup: InlineKeyboardMarkup | None
    ) -> bool:
        place = work.incoming
        try:
            await self.delivery.must(
                place.chat_id, place.update_id, "editMessageText",
                lambda chat: self.api.edit_text(
                    chat, message_id, message.text, entities=message.entities(), keyboard=markup
                ),
                before=lambda: self.inbox.hold(work.turn),
            )  # fmt: skip
        except Undelivered as error:
            if error.fault.kind != "refused":
                raise
            return False  # somebody deleted it
        return True

    async def _sent(self, work: Work, n: int) -> None:
        """Note how much was sent. Where Redis is away now, the note waits for it: not to note it
        would be to send it twice."""
        await persistently(lambda: self.inbox.note(work.turn, sent=n))
