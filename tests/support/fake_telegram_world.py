"""What stands behind a fake Bot API server: users, chats, messages, files and waiting updates.

Tests act here as people do (say, edit, press, upload, block) and look here at what the bot did.
Everything is guarded by one lock, and ``wait_for`` waits until something is true.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.fake_telegram_rules import found_entities

Json = dict[str, Any]


@dataclass
class Chat:
    """A chat as the server knows it."""

    id: int
    type: str
    card: Json
    topics: set[int] = field(default_factory=set)
    blocked: bool = False
    closed_until: float = 0.0


@dataclass(frozen=True)
class Event:
    """One thing the bot did, in order: ``message`` is a copy as it was at that moment.

    ``hidden`` is True where a fault kept the outcome from the bot. ``began`` is when the request
    came, ``at`` when it took effect: a slow server carries out what a program asked that is dead.
    """

    method: str
    chat_id: int | None
    at: float
    fields: Json
    message: Json | None = None
    hidden: bool = False
    began: float = 0.0


class World:
    """The state, and what people do."""

    def __init__(self, username: str = "quoth_bot") -> None:
        self.changed = threading.Condition(threading.RLock())
        self.me: Json = {
            "id": 4242, "is_bot": True, "first_name": "Quoth", "username": username,
            "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": True,
        }  # fmt: skip
        self.chats: dict[int, Chat] = {}
        self.users: dict[int, Json] = {}
        self.messages: dict[tuple[int, int], Json] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.updates: list[Json] = []
        self.events: list[Event] = []
        self.queries: dict[str, Json | None] = {}
        self.wake: Callable[[], None] = lambda: None
        self._update_id = 700_000_000
        self._message_id = 100
        self._next_id = 5000

    # People -------------------------------------------------------------------------------

    def user(self, name: str = "Ann", language: str = "en") -> Json:
        """A new person with an open private chat with the bot."""
        with self.changed:
            self._next_id += 1
            person: Json = {
                "id": self._next_id, "is_bot": False, "first_name": name, "language_code": language,
            }  # fmt: skip
            self.users[person["id"]] = person
            card = {"id": person["id"], "type": "private", "first_name": name}
            self.chats[person["id"]] = Chat(person["id"], "private", card)
            return person

    def group(self, title: str = "Team", topics: tuple[int, ...] = ()) -> Chat:
        """A new group (a supergroup with topics where there are any)."""
        with self.changed:
            self._next_id += 1
            kind = "supergroup" if topics else "group"
            card: Json = {"id": -self._next_id, "type": kind, "title": title}
            if topics:
                card["is_forum"] = True
            self.chats[card["id"]] = Chat(card["id"], kind, card, topics=set(topics))
            return self.chats[card["id"]]

    def compose(self, user: Json, chat: Chat | None = None, topic: int | None = None, **content: Any) -> Json:
        """A message of this person, stored, not yet on its way to the bot."""
        with self.changed:
            chat = chat or self.chats[user["id"]]
            message: Json = {
                "message_id": self.next_message_id(), "from": user, "chat": chat.card,
                "date": int(time.time()), **content,
            }  # fmt: skip
            if topic is not None:
                message |= {"message_thread_id": topic, "is_topic_message": True}
            if message.get("text") and "entities" not in content:
                message["entities"] = found_entities(message["text"])
            if message.get("caption") and "caption_entities" not in content:
                message["caption_entities"] = found_entities(message["caption"])
            self.messages[chat.id, message["message_id"]] = message
            return message

    def say(self, user: Json, text: str, chat: Chat | None = None, **content: Any) -> Json:
        """The person sends a text; the message is returned."""
        message = self.compose(user, chat, text=text, **content)
        self.push({"message": message})
        return message

    def send(self, user: Json, chat: Chat | None = None, **content: Any) -> Json:
        """The person sends anything else: ``sticker=…``, ``voice=…``, ``caption=…``."""
        message = self.compose(user, chat, **content)
        self.push({"message": message})
        return message

    def upload(
        self,
        user: Json,
        name: str,
        data: bytes,
        chat: Chat | None = None,
        size: int | None = None,
        **content: Any,
    ) -> Json:
        """The person sends a file; ``size`` is what Telegram claims, for files too big to have."""
        with self.changed:
            file_id = f"file{len(self.files)}"
            self.files[file_id] = (name, data)
        document = {
            "file_id": file_id, "file_unique_id": file_id, "file_name": name,
            "file_size": len(data) if size is None else size,
        }  # fmt: skip
        return self.send(user, chat, document=document, **content)

    def edit(self, message: Json, text: str) -> Json:
        """The person edits a text of theirs."""
        with self.changed:
            message = {
                **message,
                "text": text,
                "edit_date": int(time.time()),
                "entities": found_entities(text),
            }
            self.messages[message["chat"]["id"], message["message_id"]] = message
        self.push({"edited_message": message})
        return message

    def press(self, user: Json, message: Json, label: str) -> str:
        """The person presses the button with this label under a message; returns the query's id."""
        with self.changed:
            current = self.messages[message["chat"]["id"], message["message_id"]]
            rows = current.get("reply_markup", {}).get("inline_keyboard", [])
            found = [button for row in rows for button in row if label in button["text"]]
            assert found, f"no button {label!r} under {current}"
            query_id = f"q{len(self.queries) + 1}"
            self.queries[query_id] = None
        query = {
            "id": query_id, "from": user, "message": current, "chat_instance": "1",
            "data": found[0]["callback_data"],
        }  # fmt: skip
        self.push({"callback_query": query})
        return query_id

    def ask_inline(self, user: Json, text: str) -> str:
        """The person types after the bot's name in some other chat; returns the query's id."""
        with self.changed:
            query_id = f"i{len(self.queries) + 1}"
            self.queries[query_id] = None
        self.push({"inline_query": {"id": query_id, "from": user, "query": text, "offset": ""}})
        return query_id

    def block(self, user: Json) -> None:
        """The person blocks the bot."""
        with self.changed:
            self.chats[user["id"]].blocked = True
        member = {"user": self.me, "status": "member"}
        change = {
            "chat": self.chats[user["id"]].card, "from": user, "date": int(time.time()),
            "old_chat_member": member, "new_chat_member": {**member, "status": "kicked", "until_date": 0},
        }  # fmt: skip
        self.push({"my_chat_member": change})

    def push(self, update: Json) -> int:
        """An update waits for the bot from now on; returns its id."""
        with self.changed:
            self._update_id += 1
            self.updates.append({"update_id": self._update_id, **update})
            self.changed.notify_all()
        self.wake()
        return self._update_id

    # What the bot did ---------------------------------------------------------------------

    def next_message_id(self) -> int:
        """A message id nobody has yet."""
        self._message_id += 1
        return self._message_id

    def record(self, event: Event) -> None:
        """Keep what the bot did."""
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def shown(self, chat_id: int) -> list[Json]:
        """The bot's messages that stand in a chat now, in order."""
        with self.changed:
            return [
                message
                for (chat, _), message in sorted(self.messages.items())
                if chat == chat_id and message["from"]["id"] == self.me["id"]
            ]

    def texts(self, chat_id: int) -> list[str]:
        """Their texts."""
        return [message.get("text") or message.get("caption") or "" for message in self.shown(chat_id)]

    def called(self, method: str, chat_id: int | None = None) -> list[Event]:
        """The calls of one method that took effect."""
        with self.changed:
            return [
                event
                for event in self.events
                if event.method.lower() == method.lower() and chat_id in (None, event.chat_id)
            ]

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 20.0, what: str = "") -> Any:
        """The condition's value once it is true; an error after the time-out."""
        deadline = time.monotonic() + timeout_s
        with self.changed:
            while not (value := condition()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"waited {timeout_s} s in vain for {what or condition}")
                self.changed.wait(min(left, 0.5))
            return value

    def wait_text(self, chat_id: int, part: str, count: int = 1, timeout_s: float = 20.0) -> Json:
        """The last message of a chat that holds this text, once ``count`` of them stand there."""

        def found() -> Json | None:
            hits = [message for message in self.shown(chat_id) if part in (message.get("text") or "")]
            return hits[-1] if len(hits) >= count else None

        try:
            message = self.wait_for(found, timeout_s, f"{part!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; shown: {self.texts(chat_id)}") from None
        assert isinstance(message, dict)
        return message
