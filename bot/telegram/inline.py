"""Inline mode: somebody types after the bot's name in any chat and picks an answer from the library."""

from __future__ import annotations

import hashlib
import time

from telegram import InlineQueryResultArticle, InputTextMessageContent

from bot.answers import Answer
from bot.conversation import Conversation
from bot.messages import text
from bot.rendering import place_of
from bot.telegram import rendering
from bot.telegram.api import NO_PREVIEW
from bot.telegram.messenger import Messenger
from bot.telegram.threads import Threads
from bot.telegram.work import Work

#: Telegram forgets a query after some seconds.
MAX_AGE_S = 15.0
MIN_CHARS = 3


class Inline:
    """Answers inline queries from the shared libraries alone; nothing of it is kept."""

    def __init__(self, conversation: Conversation, threads: Threads, messenger: Messenger) -> None:
        self._conversation = conversation
        self._threads = threads
        self._messenger = messenger

    async def answer(self, work: Work) -> None:
        """Answer a query, unless the user has typed on or does not wait any more."""
        query, turn = work.incoming, work.turn
        if turn.behind or time.time() - turn.received > MAX_AGE_S or len(query.text.strip()) < MIN_CHARS:
            return
        answer = await self._threads.run(self._conversation.ask_libraries, query.text, work.language)
        work.skill = "inline"
        results = [self._result(answer)] if answer.skill == "qa" else [self._nothing(answer, work.language)]
        await self._messenger.delivery.may(
            query.user_id, query.update_id, "answerInlineQuery",
            lambda _: self._messenger.api.answer_inline_query(
                query.query_id, results, cache_time=30, is_personal=False
            ),
        )  # fmt: skip

    def _result(self, answer: Answer) -> InlineQueryResultArticle:
        message = rendering.render(answer, answer.language)[0]
        content = InputTextMessageContent(
            message.text, entities=message.entities(), link_preview_options=NO_PREVIEW
        )
        place = place_of(answer.evidence[0], answer.language) if answer.evidence else None
        return InlineQueryResultArticle(
            _id(message.text), answer.text[:200], content, description=(place or "")[:200] or None
        )

    def _nothing(self, answer: Answer, language: str) -> InlineQueryResultArticle:
        title = text("telegram.inline.nothing", language)
        return InlineQueryResultArticle(_id(title), title, InputTextMessageContent(title))


def _id(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:32]
