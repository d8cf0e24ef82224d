"""What is done about an update: which kind of thing goes to whom, and how a message is answered.

The conversation is synchronous and runs in threads; everything else here is asynchronous. Wiring
stands in ``bot.telegram.application``.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from bot.answers import Answer
from bot.commands import COMMANDS, parse_command
from bot.conversation import Conversation
from bot.messages import text
from bot.settings import Settings
from bot.telegram import keyboards, rendering
from bot.telegram.admin import Admin
from bot.telegram.buttons import Buttons
from bot.telegram.inbox_types import Extras, Turn
from bot.telegram.incoming import Incoming, Me, understand
from bot.telegram.inline import Inline
from bot.telegram.messenger import Messenger
from bot.telegram.shelf import Shelf
from bot.telegram.streaming import Channel, Preview
from bot.telegram.threads import Threads
from bot.telegram.work import Work

log = logging.getLogger(__name__)

#: Commands of Telegram's own, beside the conversation's.
OWN_COMMANDS = ("settings", "keep")
ADMIN_COMMANDS = ("stats", "broadcast")
_UNREADABLE = {
    "sticker": "sticker",
    "voice": "voice",
    "video_note": "voice",
    "audio": "voice",
    "photo": "photo",
}
#: So long is remembered that an album was spoken of.
_ALBUM_S = 600.0
#: Larger exports are packed; Telegram takes files of 50 MB.
_MAX_PLAIN_EXPORT = 40_000_000
#: How much longer than its time limit a reply is waited for.
_GRACE_S = 5.0


class Handlers:
    """Handles updates, one call each.

    Args:
        settings: of the service.
        conversation: that answers.
        threads: it runs in.
        me: the bot.
        messenger: sends replies.
        channel: shows what is being written.
    """

    def __init__(
        self, settings: Settings, conversation: Conversation, threads: Threads, me: Me,
        messenger: Messenger, channel: Channel, admin: Admin,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._conversation = conversation
        self._threads = threads
        self._me = me
        self._messenger = messenger
        self._channel = channel
        self._inbox = messenger.inbox
        self._running: dict[str, Preview] = {}
        self._shelf = Shelf(settings, conversation, threads, messenger, channel)
        self._inline = Inline(conversation, threads, messenger)
        self._admin = admin
        self._buttons = Buttons(
            conversation, threads, messenger, self._shelf, self.converse, self.stop_writing
        )
        self._kinds: dict[str, Callable[[Work], Awaitable[None]]] = {
            "text": self._text,
            "document": self._document,
            "forwarded": self._forwarded,
            "unreadable": self._unreadable,
            "button": self._buttons.press,
            "inline": self._inline.answer,
            "left": self._left,
            "broadcast": self._admin.deliver,
        }

    def open(self, turn: Turn, release: Callable[[], None]) -> Work:
        """What a turn is about. Raises Malformed, which what was stored never is."""
        found = [understand(update, self._me) for update in turn.updates]
        said = [incoming for incoming in found if incoming is not None]
        incoming = said[0]
        if len(said) > 1:  # quick messages of one user, answered together
            incoming = dataclasses.replace(incoming, text="\n".join(each.text for each in said))
        return Work(turn, incoming, incoming.language or self._settings.language, release)

    async def handle(self, work: Work) -> None:
        """Do what the update asks for."""
        await self._kinds[work.incoming.kind](work)

    async def give_up(self, work: Work) -> None:
        """Tell the user that their message was set aside."""
        if work.incoming.kind in ("text", "document", "forwarded", "unreadable"):
            key = "telegram.set_aside"
            await self.say(work, rendering.plain(text(key, work.language), work.language))

    async def say(self, work: Work, messages: list[rendering.Rich]) -> None:
        """Say something instead of the reply, of which parts may have been sent."""
        work.turn.state.pop("sent", None)
        await self._messenger.send(work, messages)

    # Messages -----------------------------------------------------------------------------

    async def _text(self, work: Work) -> None:
        incoming = work.incoming
        command = parse_command(incoming.text) if incoming.text.startswith("/") else None
        name = command[0] if command else ""
        if name in ADMIN_COMMANDS:
            await self._admin.command(work, name, command[1] if command else "")
        elif name == "settings":
            await self._buttons.show_settings(work)
        elif name == "keep":
            await self._shelf.keep(work)
        elif name == "stop":
            await self.stop(work)
        elif name == "export":
            await self._export(work)
        elif command and name not in COMMANDS and not incoming.private:
            return  # in groups other bots have their commands
        else:
            await self.converse(work)

    async def converse(self, work: Work, before: str = "") -> None:
        """Answer what was said.

        Args:
            work: the update.
            before: a sentence that comes before the answer.
        """
        incoming = work.incoming
        command = parse_command(incoming.text)
        forgetting = bool(command and command[0] == "forget")
        if forgetting:
            await self._forget(incoming)
        async with self._preview(work) as preview:
            call = self._threads.run(
                self._conversation.reply,
                incoming.session_id,
                incoming.text,
                listener=preview.listen,
                language=work.language,
                turn_id=incoming.turn_id,
                edited=incoming.edited,
            )
            # The chain keeps its time limit itself; this is for a thread that hangs all the same.
            patience = self._settings.reply_timeout_s + _GRACE_S
            try:
                answer = await asyncio.wait_for(call, patience)
            except TimeoutError:
                preview.stop()
                limit = self._settings.reply_timeout_s
                answer = Answer(
                    text("turn.timeout", work.language, n=limit), "failed", language=work.language
                )
            work.release()
        if forgetting:
            await self._forget(incoming)  # also what this very message left
        if _is_answered(work, answer):
            return
        work.skill = answer.skill
        # where the conversation tells its commands, which is also where it knows none of the name
        listed = bool(command and (command[0] == "help" or command[0] not in COMMANDS))
        await self._send_answer(work, answer, preview, before, own_too=listed)

    async def _send_answer(
        self, work: Work, answer: Answer, preview: Preview, before: str, own_too: bool
    ) -> None:
        language = answer.language
        messages = rendering.render(answer, language, before)
        if own_too:
            lines = (f"/{name} — {text(f'telegram.help.{name}', language)}" for name in OWN_COMMANDS)
            messages = rendering.plain("\n".join([answer.text, *lines]), language)
        keyboard = None
        if answer.skill in ("qa", "chat", "none"):
            more = rendering.more(answer, language)
            keyboard = keyboards.under_reply(work.incoming.turn_id, language, more=bool(more))
            texts = {"why": rendering.why(answer, work.incoming.text, language), "more": more}
            work.extras = Extras(work.incoming.turn_id, texts, self._settings.session_ttl_s)
        if preview.messages.control_id > 0:
            await self._messenger.delete(work, preview.messages.control_id)
        await self._messenger.send(work, messages, keyboard, preview.messages.message_id)
        preview.saw_first()

    @contextlib.asynccontextmanager
    async def _preview(self, work: Work) -> AsyncIterator[Preview]:
        """A preview that a stop button finds."""
        async with self._channel.preview(work) as preview:
            self._running[work.incoming.session_id] = preview
            try:
                yield preview
            finally:
                self._running.pop(work.incoming.session_id, None)

    async def stop(self, work: Work) -> None:
        """Stop the reply that is being written in this chat."""
        key = "stop.asked" if await self.stop_writing(work.incoming.session_id) else "stop.nothing"
        work.skill = "command"
        await self._messenger.send(work, rendering.plain(text(key, work.language), work.language))

    async def stop_writing(self, session_id: str) -> bool:
        """Stop a session's reply, in whatever process it is written; whether there was one."""
        running = self._running.get(session_id)
        if running is not None:
            running.stop()
        return await self._threads.run(self._conversation.stop, session_id) or running is not None

    async def _document(self, work: Work) -> None:
        said = await self._shelf.take_in(work)
        if work.incoming.text and said.taken:
            # the caption is a question, asked of the document among others
            await self.converse(work, before=said.sentence)
        elif said.sentence:
            work.skill = "command"
            messages = rendering.plain(said.sentence, work.language)
            await self._messenger.send(work, messages, message_id=said.message_id)

    async def _forwarded(self, work: Work) -> None:
        if not work.incoming.private:
            return await self._text(work)
        work.skill = "command"
        question = rendering.plain(text("telegram.forwarded.ask", work.language), work.language)
        # as a reply to the text, so that a button finds it there
        work.incoming = dataclasses.replace(work.incoming, private=False)
        await self._messenger.send(work, question, keyboards.forwarded(work.language))

    async def _unreadable(self, work: Work) -> None:
        incoming = work.incoming
        if incoming.album:
            name = f"album:{incoming.chat_id}:{incoming.album}"
            if not await self._inbox.records.first(name, incoming.update_id, _ALBUM_S):
                return
        work.skill = "command"
        key = f"telegram.unreadable.{_UNREADABLE.get(incoming.what, 'other')}"
        await self._messenger.send(work, rendering.plain(text(key, work.language), work.language))

    # The rest -----------------------------------------------------------------------------

    async def _export(self, work: Work) -> None:
        work.skill = "command"
        exported = await self._threads.run(self._conversation.export, work.incoming.session_id)
        data = json.dumps(exported, ensure_ascii=False, indent=2).encode("utf-8", "replace")
        name = "quoth.json"
        if len(data) > _MAX_PLAIN_EXPORT:
            data, name = gzip.compress(data), "quoth.json.gz"
        await self._messenger.send_file(work, name, data, text("telegram.export.caption", work.language))

    async def _forget(self, incoming: Incoming) -> None:
        """What this adapter keeps of a chat."""
        for lane in (f"{incoming.chat_id}:{incoming.topic}", f"{incoming.chat_id}:{incoming.topic}:aside"):
            await self._inbox.forget(lane)

    async def _left(self, work: Work) -> None:
        """The bot was blocked or removed: nobody waits for what waits."""
        await self._inbox.forget(f"{work.incoming.chat_id}:{work.incoming.topic}", waiting=True)


def _is_answered(work: Work, answer: Answer) -> bool:
    """Whether an edit changed nothing that the bot reads, such as when Telegram adds the preview of a link.

    The stored answer was then sent for the update before. One that this very update made, and did not
    live to send, is for an edited message and found at another attempt.
    """
    if not (work.incoming.edited and answer.repeated):
        return False
    return work.turn.is_first or (answer.skill != "command" and not answer.edited)
