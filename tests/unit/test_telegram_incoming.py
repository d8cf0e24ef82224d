"""What updates mean to the bot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot.telegram import keyboards
from bot.telegram.access import Access
from bot.telegram.inbox_types import Bounds
from bot.telegram.incoming import Incoming, Malformed, Me, understand
from bot.telegram.intake import Intake
from bot.telegram.metrics import Metrics
from tests.support.fake_telegram_world import Json, World

ME = Me(4242, "quoth_bot")


@pytest.fixture
def world() -> World:
    return World()


def read(world: World) -> list[Incoming | None]:
    return [understand(update, ME) for update in world.updates]


def test_a_private_text_is_always_meant_for_the_bot(world: World) -> None:
    user = world.user(language="ru")
    message = world.say(user, "hello there")
    (incoming,) = read(world)
    assert incoming is not None
    assert (incoming.kind, incoming.text, incoming.private) == ("text", "hello there", True)
    assert (incoming.chat_id, incoming.user_id, incoming.language) == (user["id"], user["id"], "ru")
    assert incoming.message_id == message["message_id"]
    assert incoming.session_id == f"telegram:{user['id']}:0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what did they decide?", None),
        ("@quoth_bot what is due?", "what is due?"),
        ("so 🎓🎓 @Quoth_Bot, what is due?", "so 🎓🎓 , what is due?"),
        ("@other_bot what is due?", None),
        ("/help@quoth_bot", "/help"),
        ("/style@QUOTH_BOT precise", "/style precise"),
        ("/help@other_bot", None),
        ("/help", "/help"),
        ("please use /help", None),
    ],
)
def test_in_a_group_it_listens_when_it_is_meant(world: World, text: str, expected: str | None) -> None:
    world.say(world.user(), text, world.group())
    (incoming,) = read(world)
    assert (incoming.text if incoming else None) == expected


def test_a_reply_to_the_bot_is_meant_for_it_and_one_to_a_person_is_not(world: World) -> None:
    user, other, group = world.user(), world.user("Bob"), world.group()
    own = {"message_id": 7, "from": world.me, "chat": group.card, "date": 0, "text": "thirty days"}
    world.say(user, "where does it say so?", group, reply_to_message=own)
    world.say(user, "what do you think?", group, reply_to_message={**own, "from": other})
    meant, not_meant = read(world)
    assert meant is not None
    assert meant.quoted == "thirty days"
    assert not_meant is None


def test_a_mention_without_a_username_counts(world: World) -> None:
    entity = {"type": "text_mention", "offset": 3, "length": 5, "user": world.me}
    world.say(world.user(), "hi Quoth!", world.group(), entities=[entity])
    (incoming,) = read(world)
    assert incoming is not None
    assert incoming.text == "hi !"


def test_topics_are_conversations_of_their_own(world: World) -> None:
    group, user = world.group(topics=(11, 12)), world.user()
    world.say(user, "/help", group, topic=11)
    world.say(user, "/help", group, topic=12)
    # a reply thread outside a forum is no topic
    world.say(user, "/help", group, message_thread_id=99)
    assert [incoming and incoming.session_id for incoming in read(world)] == [
        f"telegram:{group.id}:11",
        f"telegram:{group.id}:12",
        f"telegram:{group.id}:0",
    ]


def test_an_edited_message_keeps_its_turn(world: World) -> None:
    message = world.say(world.user(), "what is it?")
    world.edit(message, "what is that?")
    first, second = read(world)
    assert first is not None
    assert second is not None
    assert second.edited
    assert not first.edited
    assert first.turn_id == second.turn_id
    assert second.text == "what is that?"


@pytest.mark.parametrize("what", ["sticker", "voice", "photo", "location", "poll", "video_note", "dice"])
def test_content_it_cannot_read_is_named(world: World, what: str) -> None:
    world.send(world.user(), **{what: {"file_id": "x"}})
    (incoming,) = read(world)
    assert incoming is not None
    assert (incoming.kind, incoming.what) == ("unreadable", what)


def test_an_animation_is_no_document(world: World) -> None:
    world.send(world.user(), animation={"file_id": "x"}, document={"file_id": "x"})
    (incoming,) = read(world)
    assert incoming is not None
    assert (incoming.kind, incoming.what) == ("unreadable", "animation")


def test_a_document_comes_with_its_caption(world: World) -> None:
    world.upload(world.user(), "contract.txt", b"...", caption="when is it due?", media_group_id="9")
    (incoming,) = read(world)
    assert incoming is not None
    assert incoming.attachment is not None
    assert (incoming.kind, incoming.attachment.name, incoming.text) == (
        "document",
        "contract.txt",
        "when is it due?",
    )
    assert incoming.album == "9"


def test_a_file_in_a_group_is_taken_only_when_the_bot_is_meant(world: World) -> None:
    user, group = world.user(), world.group()
    world.upload(user, "a.txt", b"...", group)
    world.upload(user, "b.txt", b"...", group, caption="@quoth_bot keep this")
    unasked, asked = read(world)
    assert unasked is None
    assert asked is not None
    assert asked.text == "keep this"


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ({"type": "user", "sender_user": {"id": 1, "first_name": "Ada", "last_name": "L"}}, "Ada L"),
        ({"type": "hidden_user", "sender_user_name": "Someone"}, "Someone"),
        ({"type": "channel", "chat": {"id": -1, "title": "News"}, "message_id": 1}, "News"),
        ({"type": "chat", "sender_chat": {"id": -1, "title": "Club"}}, "Club"),
    ],
)
def test_a_forwarded_text_names_its_writer(world: World, origin: Json, name: str) -> None:
    world.say(world.user(), "a long text", forward_origin=origin)
    (incoming,) = read(world)
    assert incoming is not None
    assert (incoming.kind, incoming.what) == ("forwarded", name)
    message = world.updates[0]["message"]  # to which the preview of a link is added
    assert understand({"update_id": 2, "edited_message": message}, ME) is None


@pytest.mark.parametrize(
    "update",
    [
        {"channel_post": {"message_id": 1, "chat": {"id": -1, "type": "channel"}, "text": "x"}},
        {"poll_answer": {}},
        {"message": {"message_id": 1, "chat": {"id": -1, "type": "group"}, "from": {"id": 2},
                     "new_chat_members": []}},
        {"message": {"message_id": 1, "chat": {"id": 2, "type": "private"}, "from": {"id": 2},
                     "pinned_message": {}}},
        {"message": {"message_id": 1, "chat": {"id": 2, "type": "private"}, "from": {"id": 2},
                     "text": "x", "via_bot": {"id": 4242}}},
        {"edited_message": {"message_id": 1, "chat": {"id": 2, "type": "private"}, "from": {"id": 2},
                            "location": {}}},
        {"my_chat_member": {"chat": {"id": 2, "type": "private"}, "from": {"id": 2},
                            "new_chat_member": {"status": "member"}}},
        {"callback_query": {"id": "1", "from": {"id": 2}, "inline_message_id": "x", "data": "y"}},
    ],
)  # fmt: skip
def test_what_wants_nothing_of_the_bot(update: Json) -> None:
    assert understand({"update_id": 1, **update}, ME) is None


@pytest.mark.parametrize(
    "update",
    [
        {"message": "nonsense"},
        {"message": {}},
        {"message": {"message_id": 1, "chat": None, "from": {"id": 2}, "text": "x"}},
        {"callback_query": []},
        {"inline_query": {"id": "1"}},
        {"message": {"message_id": 1, "chat": {"id": 2, "type": "private"}, "from": {"id": 2},
                     "text": "x", "entities": [{"type": "mention"}]}},
    ],
)  # fmt: skip
def test_a_malformed_update_is_told_apart(update: Any) -> None:
    with pytest.raises(Malformed):
        understand({"update_id": 1, **update}, ME)


def test_an_update_id_must_be_a_number() -> None:
    with pytest.raises(Malformed):
        understand({"update_id": "1", "message": {}}, ME)


def test_blocking_is_seen(world: World) -> None:
    user = world.user()
    world.block(user)
    (incoming,) = read(world)
    assert incoming is not None
    assert (incoming.kind, incoming.chat_id) == ("left", user["id"])


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/Style precise", ("style", "precise")),
        ("/persona\nA pirate", ("persona", "A pirate")),
        ("/help", ("help", "")),
        ("no /help", ("", "no /help")),
    ],
)
def test_commands(world: World, text: str, command: tuple[str, str]) -> None:
    world.say(world.user(), text)
    (incoming,) = read(world)
    assert incoming is not None
    assert incoming.command == command


def test_a_button_that_asks_for_a_reply_waits_like_a_message(world: World) -> None:
    user = world.user()
    message = world.say(
        user, "a long text", forward_origin={"type": "hidden_user", "sender_user_name": "Ada"}
    )
    markup = keyboards.forwarded("en").to_dict()
    world.messages[user["id"], message["message_id"]]["reply_markup"] = markup
    for label in ("Keep", "Answer"):
        world.press(user, message, label)
    forwarded, *presses = read(world)
    assert forwarded is not None
    assert all(press is not None and press.lane == forwarded.lane for press in presses)


def test_urgent_updates_wait_in_a_lane_of_their_own(world: World) -> None:
    user = world.user()
    message = world.say(user, "hello")
    world.say(user, "/stop")
    world.messages[user["id"], message["message_id"]]["reply_markup"] = {
        "inline_keyboard": [[{"text": "Why", "callback_data": "why:1"}]]
    }
    world.press(user, message, "Why")
    world.ask_inline(user, "due date")
    text, stop, button, inline = read(world)
    assert text is not None
    assert stop is not None
    assert button is not None
    assert inline is not None
    assert [text.urgent, stop.urgent, button.urgent, inline.urgent] == [False, True, True, True]
    assert stop.lane == button.lane == f"{text.lane}:aside"
    assert inline.lane == f"inline:{user['id']}"
    assert (button.what, button.message_id) == ("why:1", message["message_id"])
    intake = Intake(SimpleNamespace(bounds=Bounds()), ME, Access(), Metrics())  # type: ignore[arg-type]
    tickets = [intake.ticket({}, incoming) for incoming in (text, stop, button, inline)]
    assert [ticket.ring for ticket in tickets] == ["main", "aside", "aside", "aside"]
    assert [ticket.limited for ticket in tickets] == [True, True, False, False]
