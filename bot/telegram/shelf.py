"""Files and forwarded texts that go to a conversation's shelf."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bot.conversation import Conversation
from bot.errors import DocumentError, StoreFull
from bot.messages import explain, text
from bot.settings import Settings
from bot.telegram import rendering
from bot.telegram.api import fault_of
from bot.telegram.delivery import Undelivered
from bot.telegram.incoming import Attachment
from bot.telegram.messenger import Messenger
from bot.telegram.patience import persistently
from bot.telegram.request import TooLarge
from bot.telegram.streaming import Channel
from bot.telegram.threads import Threads
from bot.telegram.work import Work

#: The most that Telegram gives a bot; a server of one's own gives more.
TELEGRAM_LIMIT = 20 * 1024 * 1024
TELEGRAM_ROOT = "https://api.telegram.org"


@dataclass(frozen=True)
class Said:
    """What came of a document: a sentence ("" where it is known), whether it was taken, and the message
    to put it into."""

    sentence: str
    taken: bool
    message_id: int = 0


class Shelf:
    """Takes documents in."""

    def __init__(
        self, settings: Settings, conversation: Conversation, threads: Threads, messenger: Messenger,
        channel: Channel,
    ) -> None:  # fmt: skip
        self._conversation = conversation
        self._threads = threads
        self._messenger = messenger
        self._channel = channel
        self._kept_s = settings.session_ttl_s
        self._limit = settings.max_document_bytes
        if settings.telegram_api_url.rstrip("/") == TELEGRAM_ROOT:
            self._limit = min(self._limit, TELEGRAM_LIMIT)

    async def take_in(self, work: Work) -> Said:
        """Put the update's file on the shelf, showing how far it is; an edit that leaves it does nothing.

        Raises:
            Undelivered: if Telegram cannot be reached for the file.
        """
        incoming, file = work.incoming, work.incoming.attachment
        assert file is not None
        records, place = self._messenger.inbox.records, (incoming.lane, incoming.message_id)
        if incoming.edited and work.turn.is_first:
            name, _, taken = (await records.file(*place) or "").rpartition(" ")
            if name == file.unique_id:
                return Said("", taken == "taken")
        said = await self._read(work, file)
        record = f"{file.unique_id} {'taken' if said.taken else 'refused'}"
        await persistently(lambda: records.keep_file(*place, record, self._kept_s))
        return said

    async def _read(self, work: Work, file: Attachment) -> Said:
        language = work.language
        limit_mb = self._limit // (1024 * 1024)
        too_large = text("telegram.document.too_large", language, name=file.name, limit=limit_mb)
        if file.size > self._limit:
            return Said(too_large, False)
        async with self._channel.preview(work) as preview:
            preview.status(text("telegram.document.reading", language, name=file.name, percent=0))
            try:
                data = await self._messenger.api.download(file.file_id, self._limit)
            except TooLarge:
                return Said(too_large, False, preview.messages.message_id)
            except Exception as error:
                fault = fault_of(error)
                if fault.kind in ("network", "flood"):
                    raise Undelivered(fault) from None
                if fault.reason == "file is too big":
                    return Said(too_large, False, preview.messages.message_id)
                unavailable = text("telegram.document.unavailable", language)
                return Said(unavailable, False, preview.messages.message_id)

            def progress(share: float) -> None:
                percent = round(100 * share)
                preview.status(text("telegram.document.reading", language, name=file.name, percent=percent))

            sentence, taken = await self._add(work, file.name, data, progress)
        return Said(sentence, taken, preview.messages.message_id)

    async def keep(self, work: Work) -> None:
        """Put the text of the message that this one replies to on the shelf."""
        incoming, language = work.incoming, work.language
        work.skill = "command"
        if not incoming.quoted.strip():
            sentence = text("telegram.keep.usage", language)
        else:
            sentence = await self.keep_text(work, incoming.quoted, "")
        await self._messenger.send(work, rendering.plain(sentence, language))

    async def keep_text(self, work: Work, words: str, writer: str) -> str:
        """Put a text on the shelf; the sentence that tells."""
        # with the message's number: several are kept within a second, and a name replaces its like
        received = time.strftime("%Y-%m-%d %H.%M", time.localtime(work.turn.received))
        date = f"{received} ({work.incoming.message_id})"
        key = "telegram.forwarded.name" if writer else "telegram.forwarded.unnamed"
        name = text(key, work.language, name=writer, date=date)
        sentence, _ = await self._add(work, name, words.encode("utf-8", "replace"), None)
        return sentence

    async def _add(self, work: Work, name: str, data: bytes, progress: object) -> tuple[str, bool]:
        try:
            added = await self._threads.run(
                self._conversation.add_document, work.incoming.session_id, name, data,
                progress=progress, language=work.language,
            )  # fmt: skip
        except (DocumentError, StoreFull) as error:
            return explain(error, work.language), False
        sentence = text(
            f"document.{added.outcome}", work.language, name=added.name, n_chars=added.n_chars
        )  # fmt: skip
        return sentence, True
