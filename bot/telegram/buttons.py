"""What the buttons do. Pressing one is always acknowledged, also when it is too late for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

from telegram import InlineKeyboardMarkup

from bot.conversation import Conversation
from bot.messages import text
from bot.sessions import STYLES, SessionPreferences
from bot.telegram import keyboards, rendering
from bot.telegram.api import Fault
from bot.telegram.messenger import Messenger
from bot.telegram.shelf import Shelf
from bot.telegram.threads import Threads
from bot.telegram.work import Work


class Buttons:
    """Handles presses.

    Args:
        conversation: for the settings.
        threads: where it runs.
        messenger: sends replies.
        shelf: takes a forwarded text in.
        converse: answers an update as a message.
        stop_writing: stops the reply that a session's model is writing; whether there was one.
    """

    def __init__(
        self, conversation: Conversation, threads: Threads, messenger: Messenger, shelf: Shelf,
        converse: Callable[[Work], Awaitable[None]], stop_writing: Callable[[str], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self._conversation = conversation
        self._threads = threads
        self._messenger = messenger
        self._shelf = shelf
        self._converse = converse
        self._stop_writing = stop_writing

    async def press(self, work: Work) -> None:
        """Do what a button says."""
        action, _, rest = work.incoming.what.partition(":")
        if action == "stop":
            await self._stop(work, rest)
        elif action in ("why", "more"):
            await self._extra(work, action, rest)
        elif action == "set":
            await self._set(work, rest)
        elif action == "fwd":
            await self._forwarded(work, rest)
        else:
            await self._acknowledge(work)

    async def _stop(self, work: Work, update_id: str) -> None:
        lane = f"{work.incoming.chat_id}:{work.incoming.topic}"
        in_hand = await self._messenger.inbox.in_hand(lane)
        stopped = str(in_hand) == update_id and await self._stop_writing(work.incoming.session_id)
        await self._acknowledge(work, text("stop.asked" if stopped else "stop.nothing", work.language))

    async def _extra(self, work: Work, action: str, turn_id: str) -> None:
        lane = f"{work.incoming.chat_id}:{work.incoming.topic}"
        texts = await self._messenger.inbox.records.extras(lane, turn_id)
        words = (texts or {}).get(action, "")
        if not words:
            await self._acknowledge(work, text("telegram.gone", work.language))
            return
        await self._acknowledge(work)
        work.skill = "command"
        # under the reply that it is about
        work.incoming = dataclasses.replace(work.incoming, private=False)
        await self._messenger.send(work, rendering.plain(words, work.language))

    async def _forwarded(self, work: Work, choice: str) -> None:
        """A forwarded text stands in the message that ours, with the buttons, replies to."""
        words, language = work.incoming.quoted, work.language
        if not words.strip():
            await self._acknowledge(work, text("telegram.gone", language))
            return
        await self._acknowledge(work)
        question_id = work.incoming.message_id
        if choice == "answer":
            place = work.incoming
            removed = await self._messenger.delivery.may(
                place.chat_id, place.update_id, "deleteMessage",
                lambda chat: self._messenger.api.delete_message(chat, question_id),
            )  # fmt: skip
            work.incoming = dataclasses.replace(place, kind="text", text=words)
            await self._converse(work)
            if isinstance(removed, Fault):  # with patience only now: the place is needed for the model
                await self._messenger.delete(work, question_id)
            return
        sentence = await self._shelf.keep_text(work, words, "")
        work.skill = "command"
        await self._messenger.send(work, rendering.plain(sentence, language), message_id=question_id)

    # Settings -----------------------------------------------------------------------------

    async def show_settings(self, work: Work) -> None:
        """Send the settings with their buttons."""
        work.skill = "command"
        preferences = await self._threads.run(self._conversation.preferences, work.incoming.session_id)
        words, markup, _ = self._settings_message(preferences, work)
        await self._messenger.send(work, rendering.plain(words, work.language), markup)

    def _settings_message(
        self, preferences: SessionPreferences, work: Work
    ) -> tuple[str, InlineKeyboardMarkup, str]:
        language = preferences.language or work.language
        libraries = self._conversation.libraries()
        known = {words: name for name, words in keyboards.PERSONAS.items()}
        persona = text(f"telegram.settings.persona.{known.get(preferences.persona, 'own')}", language)
        lines = [
            text("telegram.settings.title", language),
            text(
                "telegram.settings.style",
                language,
                style=text(f"telegram.settings.{preferences.style}", language),
            ),
            text("telegram.settings.persona", language, persona=persona),
        ]
        if libraries:
            lines.append(text("telegram.settings.libraries", language))
        return "\n".join(lines), keyboards.settings(preferences, libraries, language), language

    async def _set(self, work: Work, rest: str) -> None:
        session_id = work.incoming.session_id
        before = await self._threads.run(self._conversation.preferences, session_id)
        changes = self._changes(before, rest)
        if changes is None:
            await self._acknowledge(work, text("telegram.gone", work.language))
            return
        after = await self._threads.run(self._conversation.set_preferences, session_id, **changes)
        words, markup, language = self._settings_message(after, work)
        await self._acknowledge(work, text("telegram.settings.saved", language))
        message = rendering.plain(words, language)[0]
        place = work.incoming
        await self._messenger.delivery.may(
            place.chat_id, place.update_id, "editMessageText",
            lambda chat: self._messenger.api.edit_text(
                chat, place.message_id, message.text, keyboard=markup
            ),
        )  # fmt: skip

    def _changes(self, before: SessionPreferences, rest: str) -> dict[str, Any] | None:
        """What a settings button changes; None for a button that there no longer is."""
        name, _, value = rest.partition(":")
        if name == "style" and value in STYLES:
            return {"style": value}
        if name == "persona" and value in keyboards.PERSONAS:
            return {"persona": keyboards.PERSONAS[value]}
        if name == "only" and value in ("on", "off"):
            return {"only_documents": value == "on"}
        if name == "library":
            number, _, wanted = value.partition(":")
            libraries = self._conversation.libraries()
            if not number.isdecimal() or int(number) >= len(libraries):
                return None
            chosen = set(libraries if before.libraries is None else before.libraries) & set(libraries)
            chosen = (
                chosen | {libraries[int(number)]} if wanted == "on" else chosen - {libraries[int(number)]}
            )
            return {"libraries": None if chosen == set(libraries) else tuple(sorted(chosen))}
        return None

    async def _acknowledge(self, work: Work, words: str = "") -> None:
        """Tell Telegram that the press arrived; its clock stops turning, ``words`` show for a moment."""
        press = work.incoming
        await self._messenger.delivery.may(
            press.chat_id, press.update_id, "answerCallbackQuery",
            lambda _: self._messenger.api.answer_callback_query(press.query_id, words[:200] or None),
        )  # fmt: skip
