"""What the Bot API accepts and refuses, as far as it can be told from one request alone.

Lengths and offsets are in UTF-16 code units, as Telegram counts them. Refusals carry the
sentences the real server uses, since clients tell faults apart by them.
"""

from __future__ import annotations

import json
import re
from typing import Any

MESSAGE_LIMIT = 4096
CAPTION_LIMIT = 1024
DOWNLOAD_LIMIT = 20 * 1024 * 1024
MAX_ENTITIES = 100

#: Entities that a sender may set, with what each needs beside its place.
ENTITY_TYPES = {
    "bold": (), "italic": (), "underline": (), "strikethrough": (), "spoiler": (), "blockquote": (),
    "expandable_blockquote": (), "code": (), "pre": (), "text_link": ("url",), "text_mention": ("user",),
    "custom_emoji": ("custom_emoji_id",), "mention": (), "hashtag": (), "cashtag": (), "bot_command": (),
    "url": (), "email": (), "phone_number": (),
}  # fmt: skip


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad_request(description: str) -> Refused:
    """A 400 with Telegram's wording."""
    return Refused(400, f"Bad Request: {description}")


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse_json(fields: dict[str, str], name: str, default: Any = None) -> Any:
    """A field that holds JSON."""
    if name not in fields:
        return default
    try:
        return json.loads(fields[name])
    except ValueError:
        raise bad_request(f"can't parse {name}: not JSON") from None


def check_text(
    fields: dict[str, str], name: str = "text", entities_name: str = "entities", limit: int = MESSAGE_LIMIT
) -> tuple[str, list[dict[str, Any]]]:
    """The text as it will stand in the message (trimmed), with its entities moved along.

    Raises:
        Refused: for an empty or too long text, markup, or entities that don't fit.
    """
    raw = fields.get(name, "")
    if fields.get("parse_mode"):
        raise bad_request("can't parse entities: this fake refuses markup, so that a test sees it used")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in raw):
        raise bad_request("strings must be encoded in UTF-8")
    text = raw.strip()
    if not re.sub(r"[\s\u200b-\u200f\u2060-\u2064\ufeff\u00ad\x00-\x1f]", "", text):
        raise bad_request(f"{'message ' if name == 'text' else ''}{name} is empty")
    if utf16_length(text) > limit:
        raise bad_request("message is too long" if name == "text" else "message caption is too long")
    moved = utf16_length(raw[: len(raw) - len(raw.lstrip())])
    return text, _check_entities(raw, text, moved, parse_json(fields, entities_name, []))


def _check_entities(raw: str, text: str, moved: int, entities: Any) -> list[dict[str, Any]]:
    if not isinstance(entities, list):
        raise bad_request("can't parse entities: expected an Array")
    if len(entities) > MAX_ENTITIES:
        raise bad_request("too many entities")
    units = raw.encode("utf-16-le")
    checked = []
    for entity in entities:
        kind, offset, length = entity.get("type"), entity.get("offset"), entity.get("length")
        if kind not in ENTITY_TYPES or not isinstance(offset, int) or not isinstance(length, int):
            raise bad_request("can't parse MessageEntity")
        if any(needed not in entity for needed in ENTITY_TYPES[kind]):
            raise bad_request(f"can't parse MessageEntity: {kind} lacks a field")
        end = offset + length
        if offset < 0 or length <= 0 or end * 2 > len(units):
            raise bad_request(
                f"entity beginning at UTF-16 offset {offset} ends after the end of the text at "
                f"UTF-16 offset {end}"
            )
        for place in (offset, end):
            if place * 2 < len(units) and 0xDC <= units[place * 2 + 1] <= 0xDF:
                raise bad_request(f"entity beginning at UTF-16 offset {offset} ends in a middle of a symbol")
        start = max(0, offset - moved)
        end = min(utf16_length(text), end - moved)
        if end > start:
            checked.append({**entity, "offset": start, "length": end - start})
    return checked


def check_keyboard(fields: dict[str, str]) -> dict[str, Any] | None:
    """An inline keyboard (or the request to remove it: an empty one)."""
    markup = parse_json(fields, "reply_markup")
    if markup is None:
        return None
    if "inline_keyboard" not in markup:
        return dict(markup)
    rows = [row for row in markup["inline_keyboard"] if row]
    for button in (button for row in rows for button in row):
        if not str(button.get("text", "")).strip():
            raise bad_request("can't parse inline keyboard button: text buttons are not allowed in it")
        data = button.get("callback_data")
        if data is not None and not 1 <= len(data.encode()) <= 64:
            raise bad_request("BUTTON_DATA_INVALID")
    return {"inline_keyboard": rows} if rows else None


def check_commands(commands: Any) -> list[dict[str, str]]:
    """The list of ``setMyCommands``."""
    if not isinstance(commands, list) or len(commands) > 100:
        raise bad_request("can't parse commands: expected an Array of at most 100")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command.get("command", "")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command.get("description", "")) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return commands


def found_entities(text: str) -> list[dict[str, Any]]:
    """The commands and mentions Telegram finds in what a user types."""
    found = []
    patterns = (
        ("bot_command", r"(?<![\w/])/[a-zA-Z0-9_]{1,64}(?:@\w{3,32})?"),
        ("mention", r"(?<!\w)@\w{3,32}"),
    )
    for kind, pattern in patterns:
        for match in re.finditer(pattern, text):
            offset = utf16_length(text[: match.start()])
            found.append({"type": kind, "offset": offset, "length": utf16_length(match.group())})
    return sorted(found, key=lambda entity: int(str(entity["offset"])))
