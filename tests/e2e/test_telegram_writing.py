"""A reply on Telegram while it is written: seen as it grows, stopped, split where it is long."""

from __future__ import annotations

import itertools

from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_rules import utf16_length
from tests.support.telegram_program import under


def test_a_reply_is_seen_while_it_is_written(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "words 20 0.1")
    tg.wait_text(user["id"], "word19")
    drafts = [event for event in tg.called("sendMessageDraft", user["id"]) if event.message]
    texts = [str(event.message and event.message["text"]) for event in drafts]
    assert len(texts) >= 3
    assert texts[0].startswith("word0")
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
    assert len({event.fields["draft_id"] for event in drafts}) == 1
    assert len([text for text in tg.texts(user["id"]) if "word" in text]) == 1


def test_typing_is_shown_while_the_reader_works(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "sleep 0.8")
    tg.wait_text(user["id"], "You said")
    assert len(tg.called("sendChatAction", user["id"])) == 1


def test_in_a_group_one_message_grows(tg: FakeTelegram) -> None:
    user, group = tg.user(), tg.group()
    tg.say(user, "@quoth_bot words 50 0.1", group)
    growing = tg.wait_text(group.id, "word0")
    assert under(growing) == ["⏹ Stop"]
    done = tg.wait_text(group.id, "word49")
    assert done["message_id"] == growing["message_id"]
    assert under(done) == ["Why?"]
    assert len(tg.shown(group.id)) == 1
    assert 1 <= len(tg.called("editMessageText", group.id)) <= 4
    assert tg.called("sendMessageDraft", group.id) == []


def test_the_stop_button_stops(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "words 300 0.1")
    control = tg.wait_text(user["id"], "Writing")
    query = tg.press(user, control, "Stop")
    tg.wait_for(lambda: any("word" in text for text in tg.texts(user["id"])), 5)
    assert len(tg.shown(user["id"])) == 1  # the button is gone
    assert "word299" not in tg.texts(user["id"])[0]
    assert (tg.queries[query] or {}).get("text") == "Stopping."


def test_the_answer_to_a_forwarded_text_can_be_stopped_and_explained(tg: FakeTelegram) -> None:
    user = tg.user()
    origin = {"type": "hidden_user", "sender_user_name": "Ada", "date": 0}
    tg.say(user, "words 300 0.1", forward_origin=origin)
    tg.press(user, tg.wait_text(user["id"], "Shall I keep"), "Answer")
    query = tg.press(user, tg.wait_text(user["id"], "Writing"), "Stop")
    message = tg.wait_for(lambda: [m for m in tg.shown(user["id"]) if "Why?" in under(m)], 5)[0]
    assert "word299" not in message["text"]
    assert (tg.queries[query] or {}).get("text") == "Stopping."
    tg.press(user, message, "Why?")
    tg.wait_for(lambda: len(tg.texts(user["id"])) == 2, 5, what="the explanation")


def test_stop_as_a_command_overtakes(tg: FakeTelegram) -> None:
    user, group = tg.user(), tg.group()
    tg.say(user, "@quoth_bot words 300 0.1", group)
    tg.wait_text(group.id, "word0")
    tg.say(user, "/stop", group)
    tg.wait_text(group.id, "Stopping.")
    tg.wait_for(lambda: under(tg.shown(group.id)[0]) == ["Why?"], 5)
    tg.say(user, "/stop", group)
    tg.wait_text(group.id, "Nothing is being written")


def test_a_long_reply_is_split_where_sentences_end(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "long 200")
    tg.wait_text(user["id"], "number 199 ")
    texts = tg.texts(user["id"])
    assert len(texts) > 1
    assert all(utf16_length(text) <= 4096 and text.endswith("reply 🎓.") for text in texts)
    assert " ".join(texts) == " ".join(f"This is sentence number {i} of a long reply 🎓." for i in range(200))
    assert [bool(under(message)) for message in tg.shown(user["id"])] == [False] * (len(texts) - 1) + [True]
