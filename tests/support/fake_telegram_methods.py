"""The Bot API methods of the fake server: each checks what the real one checks, then acts.

Called with the world's lock held.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.support.fake_telegram_rules import (
    CAPTION_LIMIT,
    DOWNLOAD_LIMIT,
    Refused,
    bad_request,
    check_commands,
    check_keyboard,
    check_text,
    parse_json,
    utf16_length,
)
from tests.support.fake_telegram_world import Chat, Event, Json

if TYPE_CHECKING:
    from tests.support.fake_telegram import FakeTelegram

Files = Mapping[str, tuple[str, bytes]]
Fields = dict[str, str]


class Methods:
    """Everything but updates and webhooks."""

    def __init__(self, server: FakeTelegram) -> None:
        self._world = server
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}
        self._known = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        }

    def call(self, method: str, fields: Fields, files: Files, hidden: bool, began: float) -> Any:
        """Run a method by its name in lower case.

        Raises:
            Refused: with the real server's sentence.
        """
        if method not in self._known:
            raise Refused(404, "Not Found")
        result, message = self._known[method](fields, files)
        chat_id = int(fields["chat_id"]) if "chat_id" in fields else None
        event = Event(method, chat_id, time.monotonic(), dict(fields), copy.deepcopy(message), hidden, began)
        self._world.record(event)
        return result

    def _chat(self, fields: Fields) -> Chat:
        chat = self._world.chats.get(int(fields.get("chat_id", "0") or 0))
        if chat is None:
            raise bad_request("chat not found")
        if chat.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return chat

    def _topic(self, chat: Chat, fields: Fields) -> Json:
        if "message_thread_id" not in fields:
            return {}
        topic = int(fields["message_thread_id"])
        if topic not in chat.topics:
            raise bad_request("message thread not found")
        return {"message_thread_id": topic, "is_topic_message": True}

    def _replied(self, chat: Chat, fields: Fields) -> Json:
        wanted = parse_json(fields, "reply_parameters")
        if not wanted:
            return {}
        original = self._world.messages.get((chat.id, wanted["message_id"]))
        if original is None:
            if wanted.get("allow_sending_without_reply"):
                return {}
            raise bad_request("message to be replied not found")
        return {"reply_to_message": {k: v for k, v in original.items() if k != "reply_to_message"}}

    def _sent(self, chat: Chat, fields: Fields, content: Json) -> tuple[Json, Json]:
        message = {
            "message_id": self._world.next_message_id(), "from": self._world.me, "chat": chat.card,
            "date": int(time.time()), **self._topic(chat, fields), **self._replied(chat, fields), **content,
        }  # fmt: skip
        if (markup := check_keyboard(fields)) is not None:
            message["reply_markup"] = markup
        self._world.messages[chat.id, message["message_id"]] = message
        return message, message

    def _own(self, chat: Chat, fields: Fields, verb: str) -> Json:
        message = self._world.messages.get((chat.id, int(fields.get("message_id", "0"))))
        if message is None:
            raise bad_request(f"message to {verb} not found")
        if message["from"]["id"] != self._world.me["id"]:
            raise bad_request(f"message can't be {verb}ed")
        return message

    # Messages -----------------------------------------------------------------------------

    def do_sendmessage(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        chat = self._chat(fields)
        text, entities = check_text(fields)
        return self._sent(chat, fields, {"text": text, "entities": entities})

    def do_senddocument(self, fields: Fields, files: Files) -> tuple[Any, Json | None]:
        chat = self._chat(fields)
        name, data = (
            files.get(fields.get("document", "").removeprefix("attach://"))
            or files.get("document")
            or ("", b"")
        )
        if not data:
            raise bad_request("there is no document in the request")
        content: Json = {"document": {"file_id": f"sent{len(self._world.files)}", "file_unique_id": "u",
                                      "file_name": name, "file_size": len(data)}}  # fmt: skip
        if "caption" in fields:
            content["caption"], content["caption_entities"] = check_text(
                fields, "caption", "caption_entities", CAPTION_LIMIT
            )
        self._world.files[content["document"]["file_id"]] = (name, data)
        return self._sent(chat, fields, content)

    def do_sendmessagedraft(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        chat = self._chat(fields)
        if chat.type != "private":
            raise bad_request("TEXTDRAFT_PEER_INVALID")
        if int(fields.get("draft_id", "0")) == 0:
            raise bad_request("DRAFT_ID_INVALID")
        self._topic(chat, fields)
        if fields.get("text"):
            text, entities = check_text(fields)
            return True, {"text": text, "entities": entities}
        return True, None

    def do_editmessagetext(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        chat = self._chat(fields)
        message = self._own(chat, fields, "edit")
        text, entities = check_text(fields)
        markup = check_keyboard(fields)
        if (text, entities, markup) == (message["text"], message["entities"], message.get("reply_markup")):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message"
            )
        message |= {"text": text, "entities": entities, "edit_date": int(time.time())}
        return self._marked(message, markup)

    def do_editmessagereplymarkup(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        chat = self._chat(fields)
        message = self._own(chat, fields, "edit")
        markup = check_keyboard(fields)
        if markup == message.get("reply_markup"):
            raise bad_request("message is not modified")
        return self._marked(message, markup)

    @staticmethod
    def _marked(message: Json, markup: Json | None) -> tuple[Json, Json]:
        message.pop("reply_markup", None)
        if markup is not None:
            message["reply_markup"] = markup
        return message, message

    def do_deletemessage(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        chat = self._chat(fields)
        message = self._own(chat, fields, "delete")
        del self._world.messages[chat.id, message["message_id"]]
        return True, message

    def do_sendchataction(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        self._topic(self._chat(fields), fields)
        return True, None

    # Queries ------------------------------------------------------------------------------

    def do_answercallbackquery(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        if utf16_length(fields.get("text", "")) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        return self._answer_query(fields["callback_query_id"], fields)

    def do_answerinlinequery(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        results = parse_json(fields, "results", [])
        ids = [result.get("id", "") for result in results]
        if len(ids) > 50 or len(set(ids)) != len(ids) or any(not 1 <= len(i.encode()) <= 64 for i in ids):
            raise bad_request("RESULT_ID_INVALID")
        for result in results:
            content = result.get("input_message_content", {})
            shape = {"text": content.get("message_text", "")}
            check_text(shape)
        return self._answer_query(fields["inline_query_id"], {**fields, "results": results})

    def _answer_query(self, query_id: str, answer: Json) -> tuple[Any, Json | None]:
        if self._world.queries.get(query_id, answer) is not None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        self._world.queries[query_id] = dict(answer)
        return True, None

    # The rest -----------------------------------------------------------------------------

    def do_getme(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        return self._world.me, None

    def do_getchat(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        return {**self._chat(fields).card, "accent_color_id": 0, "max_reaction_count": 11}, None

    def do_getfile(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        file_id = fields.get("file_id", "")
        if file_id not in self._world.files:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        _, data = self._world.files[file_id]
        size = max(len(data), self._claimed(file_id))
        if size > DOWNLOAD_LIMIT:
            raise bad_request("file is too big")
        return {"file_id": file_id, "file_unique_id": file_id, "file_size": len(data),
                "file_path": f"documents/{file_id}"}, None  # fmt: skip

    def _claimed(self, file_id: str) -> int:
        documents = (message.get("document", {}) for message in self._world.messages.values())
        return max((d.get("file_size", 0) for d in documents if d.get("file_id") == file_id), default=0)

    def do_setmycommands(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        scope = parse_json(fields, "scope", {"type": "default"})["type"]
        commands = check_commands(parse_json(fields, "commands"))
        self.commands[scope, fields.get("language_code", "")] = commands
        return True, None

    def do_getmycommands(self, fields: Fields, _: Files) -> tuple[Any, Json | None]:
        scope = parse_json(fields, "scope", {"type": "default"})["type"]
        return self.commands.get((scope, fields.get("language_code", "")), []), None
