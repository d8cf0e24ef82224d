"""The Bot API as this service calls it: python-telegram-bot's Bot, made quiet and bounded.

python-telegram-bot logs answers it cannot parse, which hold what was said, and its exceptions hold
URLs, which hold the token. Here nothing is logged, and a fault is told by its kind alone.
Knows neither Redis nor the conversation.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, ReplyParameters, error

from bot.telegram.request import Fields, QuietRequest, TooLarge

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_NO_PREVIEW_JSON = NO_PREVIEW.to_dict()

FaultKind = Literal["flood", "network", "gone", "moved", "unchanged", "token", "conflict", "refused"]

#: What Telegram says of a chat the bot cannot write to, now or ever. Nobody is there to be told.
_GONE = (
    "chat not found", "thread not found", "topic_closed", "topic_deleted", "user is deactivated",
    "not enough rights", "have no rights", "need administrator rights", "chat_write_forbidden",
    "bot was kicked", "bot was blocked", "peer_id_invalid", "chat_restricted", "group is deactivated",
)  # fmt: skip
_STALE_QUERY = ("query is too old", "query id is invalid")


@dataclass(frozen=True)
class Fault:
    """What went wrong in a call.

    Attributes:
        kind: ``flood`` wait ``seconds``; ``network`` nobody knows, try again; ``gone`` the chat
            cannot be written to; ``moved`` to ``chat_id``; ``unchanged`` the message is already
            so; ``token`` it is not (or no longer) a bot's, or the server lacks the method;
            ``conflict`` somebody else polls; ``refused`` Telegram does not like the request.
        reason: for the log: nothing of what was said, no URL.
    """

    kind: FaultKind
    reason: str
    seconds: float = 0.0
    chat_id: int = 0


def fault_of(exception: Exception) -> Fault:
    """The kind of fault behind an exception of a call."""
    name = type(exception).__name__
    if isinstance(exception, error.RetryAfter):
        wait: Any = exception.retry_after
        seconds = wait.total_seconds() if isinstance(wait, datetime.timedelta) else float(wait)
        return Fault("flood", f"flood, wait {seconds:g} s", seconds=seconds)
    if isinstance(exception, error.ChatMigrated):
        return Fault("moved", "the group became a supergroup", chat_id=exception.new_chat_id)
    if isinstance(exception, error.Forbidden):
        return Fault("gone", "forbidden")
    if isinstance(exception, error.BadRequest):
        said = exception.message.lower()
        if "message is not modified" in said:
            return Fault("unchanged", "not modified")
        if any(part in said for part in _GONE):
            return Fault("gone", next(part for part in _GONE if part in said))
        if any(part in said for part in _STALE_QUERY):
            return Fault("refused", "stale query")
        return Fault("refused", _known_words(said))
    if isinstance(exception, (error.InvalidToken, error.EndPointNotFound)):
        return Fault("token", name)
    if isinstance(exception, error.Conflict):
        return Fault("conflict", name)
    # Time-outs, lost connections, 5xx, and whatever cannot be parsed, an answer without its
    # result included: nobody can tell whether the request was carried out.
    return Fault("network", name)


#: Telegram's sentences of which nothing is the user's; others are told as "bad request".
_SENTENCES = (
    "message is too long", "message text is empty", "message to edit not found",
    "message to delete not found",
    "message can't be edited", "message to be replied not found", "file is too big", "wrong file_id",
    "button_data_invalid", "textdraft_peer_invalid", "can't parse entities", "entity beginning",
    "strings must be encoded in utf-8",
)  # fmt: skip


def _known_words(said: str) -> str:
    return next((sentence for sentence in _SENTENCES if sentence in said), "bad request")


class Api(Bot):
    """The Bot API of one bot.

    Args:
        token: of the bot.
        root: of the Bot API server, such as https://api.telegram.org.
        timeout_s: for an answer. Generous: a call that timed out may have been carried out, and
            repeating it may send a message twice.
    """

    def __init__(self, token: str, root: str, timeout_s: float = 30.0) -> None:
        root = root.rstrip("/")
        self._file_root = f"{root}/file/bot{token}"
        # getUpdates has a connection of its own: all others may be taken
        self._polls, self._calls = (
            QuietRequest(root, size, read_timeout=timeout_s, pool_timeout=timeout_s) for size in (1, 64)
        )
        super().__init__(
            token, base_url=f"{root}/bot", base_file_url=f"{root}/file/bot",
            get_updates_request=self._polls, request=self._calls,
        )  # fmt: skip

    def answered_since(self, moment: float) -> bool:
        """Whether Telegram carried out anything at all after a moment of ``time.monotonic``."""
        return any(request.answered_since(moment) for request in (self._polls, self._calls))

    async def open_connections(self) -> None:
        """Get ready to call."""
        await self._polls.initialize()
        await self._calls.initialize()

    async def close_connections(self) -> None:
        """Let go of all connections."""
        await self._polls.shutdown()
        await self._calls.shutdown()

    async def who(self) -> tuple[int, str]:
        """The bot's id and its username; ``get_me`` wants more of the answer than we need.

        Raises:
            telegram.error.TelegramError: if it is no bot's token, or Telegram does not answer.
        """
        me = await self._post("getMe")
        return int(me["id"]), str(me.get("username") or "")

    async def raw_updates(
        self, offset: int | None, timeout_s: int, allowed: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Updates as they came: one that python-telegram-bot cannot read must not stop the others."""
        asked = Fields.of({"timeout": timeout_s, "allowed_updates": list(allowed), "offset": offset})
        result: Any = await self._polls.post(
            f"{self.base_url}/getUpdates", asked, read_timeout=timeout_s + 10  # type: ignore[arg-type]
        )  # fmt: skip
        if not isinstance(result, list):
            raise error.TelegramError("unreadable answer")
        return result

    async def send_text(
        self, chat_id: int, words: str, *, topic: int = 0, entities: Sequence[MessageEntity] = (),
        keyboard: InlineKeyboardMarkup | None = None, reply_to: ReplyParameters | None = None,
        silent: bool = False,
    ) -> int:  # fmt: skip
        """Send a message without a preview of its links; its id.

        Of what Telegram answers nothing else is needed, and ``send_message`` would build a Message
        of all of it: a tenth of what a reply costs.
        """
        sent = await self._call(
            "sendMessage",
            chat_id=chat_id,
            text=words,
            entities=[entity.to_dict() for entity in entities] or None,
            message_thread_id=topic or None,
            reply_markup=keyboard and keyboard.to_dict(),
            reply_parameters=reply_to and reply_to.to_dict(),
            disable_notification=silent or None,
            link_preview_options=_NO_PREVIEW_JSON,
        )
        return int(sent["message_id"])

    async def edit_text(
        self, chat_id: int, message_id: int, words: str, *, entities: Sequence[MessageEntity] = (),
        keyboard: InlineKeyboardMarkup | None = None,
    ) -> None:  # fmt: skip
        """Change a message of ours; without a keyboard the one it has goes."""
        await self._call(
            "editMessageText",
            chat_id=chat_id,
            message_id=message_id,
            text=words,
            entities=[entity.to_dict() for entity in entities] or None,
            reply_markup=keyboard and keyboard.to_dict(),
            link_preview_options=_NO_PREVIEW_JSON,
        )

    async def _call(self, method: str, **values: Any) -> Any:
        """Call a method with plain values; what it answers, as it came."""
        # (a request takes whatever has RequestData's two properties)
        return await self._calls.post(f"{self.base_url}/{method}", Fields.of(values))  # type: ignore[arg-type]

    async def download(self, file_id: str, limit: int) -> bytes:
        """A file of at most ``limit`` bytes.

        Raises:
            TooLarge: if it is larger.
            telegram.error.TelegramError: if it cannot be had.
        """
        file = await self.get_file(file_id)
        if (file.file_size or 0) > limit:
            raise TooLarge
        # the path comes as an absolute address, made of this server's root
        path = (file.file_path or "").removeprefix(self._file_root)
        return await self._calls.fetch(f"{self._file_root}/{path.lstrip('/')}", limit)
