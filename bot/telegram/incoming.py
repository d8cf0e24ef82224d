"""What an update means: who said what to the bot, where, and whether the bot was meant.

Reads the JSON as Telegram sent it, without python-telegram-bot's types: an update is looked at
before it is stored, and one that cannot be read must not keep the others of its batch. Pure; it
knows neither Redis nor the conversation. Offsets of entities count UTF-16 code units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = Mapping[str, Any]
Kind = Literal["text", "document", "unreadable", "forwarded", "button", "inline", "left", "broadcast"]

#: The kinds of update that are asked of Telegram.
ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "inline_query", "my_chat_member")

#: Content the bot cannot read, by the message's key; the order matters where a message has two.
UNREADABLE = (
    "sticker", "voice", "video_note", "animation", "audio", "video", "photo", "contact", "venue",
    "location", "poll", "dice", "game", "story", "paid_media", "checklist", "invoice",
)  # fmt: skip

#: Commands that do not wait behind the reply that is being written.
URGENT_COMMANDS = frozenset({"stop"})
#: How the data of the buttons under a forwarded text begin. They ask for a reply, or for a text to be
#: taken in, and wait like a message: what stops the reply must be able to overtake it.
FORWARDED = "fwd:"


class Malformed(ValueError):
    """An update that is not of the shape the Bot API documents."""


@dataclass(frozen=True)
class Me:
    """The bot itself."""

    id: int
    username: str


@dataclass(frozen=True)
class Attachment:
    """A file sent to the bot.

    Attributes:
        file_id: to download it with.
        name: what the user calls it.
        size: in bytes as Telegram claims it, 0 where it does not.
        unique_id: the same for the same file, in whatever message and update.
    """

    file_id: str
    name: str
    size: int
    unique_id: str


@dataclass(frozen=True)
class Incoming:
    """An update that wants something of the bot.

    Attributes:
        update_id: Telegram's number of the update.
        kind: what it is; ``left`` means that the bot was blocked or removed.
        chat_id, topic, private: where; ``topic`` 0 outside topics.
        user_id, language: who, and the language of their Telegram ("" where unknown).
        message_id: of the message that was sent, or the one whose button was pressed; 0 for none.
        text: what was said, a caption or a query included, the bot's own name taken out.
        edited: whether the message was edited.
        attachment: the file of a document.
        what: the content of an unreadable message, the name of who wrote a forwarded one, or the
            data of a button.
        query_id: of a button or an inline query.
        album: the album the message belongs to, or "".
        quoted: text of the message that this one replies to, or whose button was pressed replied to.
    """

    update_id: int
    kind: Kind
    chat_id: int
    topic: int = 0
    private: bool = True
    user_id: int = 0
    language: str = ""
    message_id: int = 0
    text: str = ""
    edited: bool = False
    attachment: Attachment | None = None
    what: str = ""
    query_id: str = ""
    album: str = ""
    quoted: str = ""

    @property
    def session_id(self) -> str:
        """The conversation it belongs to. An inline query belongs to nobody's chat."""
        if self.kind == "inline":
            return f"telegram:inline:{self.user_id}"
        return f"telegram:{self.chat_id}:{self.topic}"

    @property
    def turn_id(self) -> str:
        """The exchange it belongs to: an edited message's is that of the message."""
        return f"m{self.message_id}"

    @property
    def urgent(self) -> bool:
        """Whether it overtakes what waits in its chat."""
        if self.kind == "button":
            return not self.what.startswith(FORWARDED)
        return self.kind in ("inline", "left") or self.command[0] in URGENT_COMMANDS

    @property
    def lane(self) -> str:
        """The queue it waits in: updates of one lane are handled one at a time, in order."""
        if self.kind == "inline":
            return f"inline:{self.user_id}"
        return f"{self.chat_id}:{self.topic}{':aside' if self.urgent else ''}"

    @property
    def command(self) -> tuple[str, str]:
        """The command without its slash, in lower case, and what follows it; ("", text) for none."""
        if self.kind != "text" or not self.text.startswith("/"):
            return "", self.text
        name, *rest = self.text[1:].split(maxsplit=1)[:2] or [""]
        return name.lower(), rest[0].strip() if rest else ""


def understand(update: Json, me: Me) -> Incoming | None:
    """What an update wants of the bot; None where it wants nothing.

    Raises:
        Malformed: if it has not the documented shape.
    """
    try:
        update_id = update["update_id"]
        if not isinstance(update_id, int):
            raise Malformed("update_id is not a number")
        if "quoth_broadcast" in update:
            place = {"chat_id": update["chat_id"], "topic": update["topic"]}
            return Incoming(update_id, "broadcast", what=str(update["quoth_broadcast"]), **place)
        if "message" in update:
            return _message(update_id, update["message"], me, edited=False)
        if "edited_message" in update:
            return _message(update_id, update["edited_message"], me, edited=True)
        if "callback_query" in update:
            return _button(update_id, update["callback_query"])
        if "inline_query" in update:
            query = update["inline_query"]
            return Incoming(
                update_id, "inline", 0, **_sender(query["from"]), text=query["query"], query_id=query["id"]
            )
        if "my_chat_member" in update:
            return _membership(update_id, update["my_chat_member"])
        return None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise Malformed(f"an update lacks or garbles a field ({type(error).__name__})") from error


def _sender(user: Json) -> dict[str, Any]:
    return {"user_id": int(user["id"]), "language": str(user.get("language_code") or "")}


def _place(message: Json) -> dict[str, Any]:
    chat = message["chat"]
    topic = message.get("message_thread_id", 0) if message.get("is_topic_message") else 0
    return {"chat_id": int(chat["id"]), "topic": int(topic), "private": chat["type"] == "private"}


def _button(update_id: int, query: Json) -> Incoming | None:
    message = query.get("message")
    if not message or "data" not in query:
        return None
    return Incoming(
        update_id, "button", **_place(message), **_sender(query["from"]),
        message_id=int(message["message_id"]), what=str(query["data"]), query_id=str(query["id"]),
        quoted=_said(message.get("reply_to_message") or {}),
    )  # fmt: skip


def _membership(update_id: int, change: Json) -> Incoming | None:
    if change["new_chat_member"]["status"] not in ("kicked", "left"):
        return None
    return Incoming(update_id, "left", **_place(change), **_sender(change["from"]))


def _message(update_id: int, message: Json, me: Me, edited: bool) -> Incoming | None:
    if message["chat"]["type"] == "channel" or "from" not in message:
        return None
    if message.get("via_bot", {}).get("id") == me.id or message["from"]["id"] == me.id:
        return None
    text, meant = _addressed(message, me)
    if not meant:
        return None
    common: dict[str, Any] = {
        **_place(message), **_sender(message["from"]), "message_id": int(message["message_id"]),
        "text": text, "edited": edited, "album": str(message.get("media_group_id") or ""),
        "quoted": _said(message.get("reply_to_message") or {}),
    }  # fmt: skip
    # An animation carries a document too; it is none that can be read.
    if "document" in message and "animation" not in message:
        document = message["document"]
        size, name = int(document.get("file_size") or 0), str(document.get("file_name") or "document")
        file_id = str(document["file_id"])
        unique_id = str(document.get("file_unique_id") or file_id)
        attachment = Attachment(file_id, name, size, unique_id)
        return Incoming(update_id, "document", attachment=attachment, **common)
    if "text" in message:
        if "forward_origin" in message:
            if edited:  # by nobody: a preview of its link was added
                return None
            return Incoming(update_id, "forwarded", what=_origin(message["forward_origin"]), **common)
        return Incoming(update_id, "text", **common)
    what = next((name for name in UNREADABLE if name in message), "")
    if not what or edited:  # a service message; or a live location that moved
        return None
    return Incoming(update_id, "unreadable", what=what, **common)


def _said(message: Json) -> str:
    return str(message.get("text") or message.get("caption") or "")


def _origin(origin: Json) -> str:
    """The name of who wrote a forwarded message."""
    user, chat = origin.get("sender_user"), origin.get("chat") or origin.get("sender_chat")
    if user:
        return " ".join(str(part) for part in (user.get("first_name"), user.get("last_name")) if part)
    return str((chat or {}).get("title") or origin.get("sender_user_name") or "")


def _addressed(message: Json, me: Me) -> tuple[str, bool]:
    """The text without the bot's name, and whether the bot is meant.

    In a private chat it always is; elsewhere when it is mentioned, replied to or commanded.
    """
    text = _said(message)
    entities = message.get("entities") or message.get("caption_entities") or ()
    units = text.encode("utf-16-le", "surrogatepass")
    meant = message["chat"]["type"] == "private"
    name = f"@{me.username}".lower()
    removed: list[tuple[int, int]] = []
    for entity in entities:
        start, end = entity["offset"] * 2, (entity["offset"] + entity["length"]) * 2
        words = units[start:end].decode("utf-16-le", "replace")
        if entity["type"] == "bot_command":
            if start > 0:
                continue
            command, at, addressee = words.partition("@")
            if at and f"@{addressee}".lower() != name:
                return text, False  # another bot's
            meant = True
            removed.append((start + len(command.encode("utf-16-le")), end))
        elif (entity["type"] == "mention" and words.lower() == name) or (
            entity["type"] == "text_mention" and entity["user"]["id"] == me.id
        ):
            meant = True
            removed.append((start, end))
    replied = message.get("reply_to_message") or {}
    meant = meant or (replied.get("from") or {}).get("id") == me.id
    for start, end in reversed(removed):
        units = units[:start] + units[end:]
    return units.decode("utf-16-le", "replace").strip(), meant
