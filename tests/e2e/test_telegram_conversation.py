"""What is said to the service and what it answers, alone with it and in groups."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_faults import Fault
from tests.support.telegram_bot import QUOTE
from tests.support.telegram_program import quoted, under


def test_a_message_is_answered_once(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "hello")
    message = tg.wait_text(user["id"], "You said: hello")
    time.sleep(0.3)
    assert tg.texts(user["id"]) == ["You said: hello"]
    assert under(message) == ["Why?"]


def test_nothing_that_is_said_becomes_markup(tg: FakeTelegram) -> None:
    user = tg.user()
    words = "<b>bold</b> *x* _y_ `z` [a](http://b.c) &amp; ||s|| \\* ~~t~~"
    tg.say(user, words)
    message = tg.wait_text(user["id"], "You said")
    assert message["text"] == f"You said: {words}"
    assert message["entities"] == []
    assert not any("parse_mode" in event.fields for event in tg.events)


def test_a_quote_is_a_blockquote_with_its_place(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "quote: what is the notice?")
    message = tg.wait_text(user["id"], "30 days")
    assert message["text"].startswith("30 days\n\n")
    assert quoted(message) == f"“{QUOTE}”\n— contract.txt, page 7, line 212 · 93% sure"
    assert under(message) == ["Why?", "Show more"]


def test_the_users_language_is_spoken(tg: FakeTelegram) -> None:
    user = tg.user(language="ru")
    tg.say(user, "quote: какой срок?")
    message = tg.wait_text(user["id"], "30 days")
    assert "стр. 7" in message["text"]
    assert under(message) == ["Почему?", "Показать больше"]


def test_why_and_more_answer_under_the_reply(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "quote: what is the notice?")
    reply = tg.wait_text(user["id"], "30 days")
    for label, expected in (("Why?", "93% sure that it is the answer"), ("Show more", "9.2 Termination.")):
        query = tg.press(user, reply, label)
        message = tg.wait_text(user["id"], expected)
        assert message["reply_to_message"]["message_id"] == reply["message_id"]
        tg.wait_for(lambda query=query: tg.queries[query] is not None, what="an acknowledgement")


def test_commands_are_registered_in_both_languages(tg: FakeTelegram) -> None:
    commands = tg.methods.commands
    for scope in ("all_private_chats", "all_group_chats"):
        english, russian = commands[scope, ""], commands[scope, "ru"]
        assert [c["command"] for c in english] == [c["command"] for c in russian]
        assert {"help", "docs", "forget", "export", "why", "settings", "stop"} <= {
            c["command"] for c in english
        }
        assert all(a["description"] != b["description"] for a, b in zip(english, russian, strict=True))


def test_help_names_telegrams_own_commands(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "/start")
    message = tg.wait_text(user["id"], "/docs")
    assert "/settings" in message["text"]
    tg.say(user, "/setings")
    message = tg.wait_text(user["id"], "no command /setings")
    assert "/settings" in message["text"]


def test_an_edited_message_is_answered_anew(tg: FakeTelegram) -> None:
    user = tg.user()
    message = tg.say(user, "first")
    tg.wait_text(user["id"], "You said: first")
    tg.edit(message, "second")
    reply = tg.wait_text(user["id"], "You said: second")
    assert reply["text"].startswith("You edited your message")
    tg.say(user, "/export")
    tg.wait_for(lambda: tg.called("sendDocument", user["id"]))
    turns = json.loads(tg.files[tg.shown(user["id"])[-1]["document"]["file_id"]][1])["turns"]
    assert [turn["text"] for turn in turns] == ["second", "You said: second"]


def test_an_edit_that_leaves_the_text_is_not_answered_again(tg: FakeTelegram) -> None:
    user = tg.user()
    message, command = tg.say(user, "see https://example.org"), tg.say(user, "/style precise")
    tg.wait_for(lambda: len(tg.texts(user["id"])) == 2)
    for each in (message, command):  # as when the preview of a link is added
        tg.push({"edited_message": each})
    message = tg.edit(message, "see https://example.com")
    tg.wait_text(user["id"], "You said: see https://example.com")
    tg.push({"edited_message": message})
    tg.say(user, "done")
    tg.wait_text(user["id"], "You said: done")
    assert len(tg.texts(user["id"])) == 4


def test_an_edit_that_leaves_the_file_does_not_read_it_again(tg: FakeTelegram) -> None:
    user, text = tg.user(), b"Notice is thirty days. " * 40
    asked = tg.upload(user, "contract.txt", text, caption="quote: when?")
    plain = tg.upload(user, "terms.txt", text + b"More.")
    unreadable = tg.upload(user, "liar.bin", b"\x00\x01\x02" * 100)
    tg.wait_for(lambda: len(tg.texts(user["id"])) == 3)
    tg.faults.plan(Fault("status", status=400), "file", times=3)
    for each in (asked, plain, unreadable):
        tg.push({"edited_message": each})
    tg.push({"edited_message": {**asked, "caption": "what?", "edit_date": 1}})
    tg.wait_text(user["id"], "You said: what?")
    assert len(tg.texts(user["id"])) == 4
    tg.faults.clear()


def test_a_message_that_was_not_taken_is_answered_once_it_is_edited(tg: FakeTelegram) -> None:
    user = tg.user()
    message = tg.compose(user, text="hello")
    tg.push({"edited_message": message})
    tg.wait_text(user["id"], "You said: hello")


@pytest.mark.parametrize("what", ["sticker", "voice", "photo", "location"])
def test_what_it_cannot_read_gets_a_sentence(tg: FakeTelegram, what: str) -> None:
    user = tg.user()
    tg.send(user, **{what: {"file_id": "x"}})
    tg.wait_for(lambda: tg.shown(user["id"]))
    assert "I" in tg.texts(user["id"])[0]


def test_an_album_is_spoken_of_once(tg: FakeTelegram) -> None:
    user = tg.user()
    for _ in range(3):
        tg.send(user, photo=[{"file_id": "x"}], media_group_id="77")
    tg.say(user, "done")
    tg.wait_text(user["id"], "You said: done")
    assert len(tg.texts(user["id"])) == 2


def test_what_is_not_for_it_is_passed_over(tg: FakeTelegram) -> None:
    user = tg.user()
    channel = {"id": -100123, "type": "channel", "title": "News"}
    tg.push({"channel_post": {"message_id": 1, "date": 0, "chat": channel, "text": "news"}})
    tg.push({"edited_channel_post": {"message_id": 1, "date": 0, "chat": channel, "text": "news"}})
    tg.send(user, pinned_message={"message_id": 1})
    tg.push({"message": "nonsense"})
    tg.push({"message": {"message_id": 1}})
    tg.say(user, "still there?")
    tg.wait_text(user["id"], "You said: still there?")
    assert len(tg.texts(user["id"])) == 1


def test_in_a_group_it_speaks_when_it_is_meant(tg: FakeTelegram) -> None:
    user, group = tg.user(), tg.group()
    tg.say(user, "among ourselves", group)
    asked = tg.say(user, "@quoth_bot what about this?", group)
    reply = tg.wait_text(group.id, "You said: what about this?")
    assert reply["reply_to_message"]["message_id"] == asked["message_id"]
    tg.say(user, "and that?", group, reply_to_message=reply)
    tg.wait_text(group.id, "You said: and that?")
    tg.say(user, "/somebody_elses", group)
    tg.say(user, "/docs@quoth_bot", group)
    tg.wait_text(group.id, "no documents")
    assert len(tg.texts(group.id)) == 3


def test_a_group_and_its_topics_mix_with_nobody(tg: FakeTelegram) -> None:
    user, group = tg.user(), tg.group(topics=(11, 12))
    tg.upload(user, "mine.txt", b"A private text about lighthouses. " * 20)
    tg.wait_text(user["id"], "mine.txt")
    tg.upload(user, "topic.txt", b"A text for a topic. " * 20, group, topic=11, caption="@quoth_bot")
    tg.wait_text(group.id, "topic.txt")
    tg.say(user, "/docs", group, topic=12)
    message = tg.wait_text(group.id, "no documents")
    assert message["message_thread_id"] == 12
    tg.say(user, "/docs", group, topic=11)
    message = tg.wait_text(group.id, "1. topic.txt")
    assert message["message_thread_id"] == 11
    assert "mine" not in message["text"]
