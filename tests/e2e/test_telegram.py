"""The service as a program, talked to through a fake Telegram; the embedded server keeps the state."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_faults import Fault
from tests.support.fake_telegram_rules import utf16_length
from tests.support.fake_telegram_world import Json
from tests.support.telegram_bot import QUOTE
from tests.support.telegram_program import Program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeTelegram, Program]]:
    """One service for all that need no service of their own; each test has users of its own."""
    with (
        FakeTelegram() as server,
        Program(server, tmp_path_factory.mktemp("telegram"), QUOTH_TELEGRAM_WORKERS=4) as program,
    ):
        yield server, program.wait_started()


@pytest.fixture
def tg(program: tuple[FakeTelegram, Program]) -> FakeTelegram:
    return program[0]


def under(message: Json) -> list[str]:
    """Labels of the buttons under a message."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


def quoted(message: Json) -> str:
    """The words of the message's blockquote."""
    (entity,) = [e for e in message["entities"] if e["type"].endswith("blockquote")]
    units = message["text"].encode("utf-16-le")
    return units[entity["offset"] * 2 : (entity["offset"] + entity["length"]) * 2].decode("utf-16-le")


# Conversation -----------------------------------------------------------------------------


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


# Groups -----------------------------------------------------------------------------------


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


# Documents --------------------------------------------------------------------------------


def test_a_file_goes_to_the_shelf_and_its_caption_is_answered(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.faults.plan(Fault("slow", seconds=0.4), "file")
    tg.upload(user, "contract.txt", b"Notice is thirty days. " * 40, caption="quote: when?")
    message = tg.wait_text(user["id"], "30 days")
    assert message["text"].startswith("I have read contract.txt")
    assert quoted(message).startswith("“")
    drafts = [event.message["text"] for event in tg.called("sendMessageDraft", user["id"]) if event.message]
    assert drafts[0].startswith("Reading contract.txt")
    tg.upload(user, "contract.txt", b"Notice is thirty days. " * 40)
    tg.wait_text(user["id"], "I already have that document")


def test_files_it_cannot_take_are_refused_kindly(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.upload(user, "huge.pdf", b"x", size=30 * 1024 * 1024)
    tg.wait_text(user["id"], "too large")
    tg.upload(user, "liar.bin", b"\x00\x01\x02" * 100)
    tg.wait_for(lambda: len(tg.texts(user["id"])) == 2)
    tg.say(user, "/docs")
    tg.wait_text(user["id"], "no documents")


def test_a_forwarded_text_is_kept_or_answered_as_asked(tg: FakeTelegram) -> None:
    user = tg.user()
    origin = {"type": "hidden_user", "sender_user_name": "Ada", "date": 0}
    tg.say(user, "The lighthouse was built in 1874. " * 5, forward_origin=origin)
    question = tg.wait_text(user["id"], "Shall I keep")
    tg.press(user, question, "Keep")
    tg.wait_text(user["id"], "I have read")
    assert "Shall I keep" not in " ".join(tg.texts(user["id"]))
    tg.say(user, "what is this", forward_origin=origin)
    tg.press(user, tg.wait_text(user["id"], "Shall I keep"), "Answer")
    tg.wait_text(user["id"], "You said: what is this")
    tg.say(user, "/docs")
    tg.wait_text(user["id"], "1 document")


def test_keep_takes_the_message_replied_to(tg: FakeTelegram) -> None:
    user = tg.user()
    first = tg.say(user, "A long text that is worth keeping for later, with facts in it.")
    tg.say(user, "/keep", reply_to_message=first)
    tg.wait_text(user["id"], "I have read")
    tg.say(user, "/keep")
    tg.wait_text(user["id"], "Reply with /keep")


# While it is written ----------------------------------------------------------------------


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


# Settings, data, inline -------------------------------------------------------------------


def test_settings_are_buttons(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "/settings")
    message = tg.wait_text(user["id"], "Settings")
    assert "✓ balanced" in under(message)
    for label, expected in (
        ("creative", "✓ creative"),
        ("patient teacher", "✓ patient teacher"),
        ("Answer from documents only", "✓ Answer from documents only"),
    ):
        tg.press(user, message, label)
        tg.wait_for(lambda expected=expected: expected in under(tg.shown(user["id"])[0]), what=expected)
    assert "✓ balanced" not in under(tg.shown(user["id"])[0])
    tg.say(user, "/export")
    tg.wait_for(lambda: tg.called("sendDocument", user["id"]))
    exported = json.loads(tg.files[tg.shown(user["id"])[-1]["document"]["file_id"]][1])
    assert exported["preferences"]["style"] == "creative"
    assert exported["preferences"]["only_documents"] is True


def test_a_library_is_left_out_by_a_tap(program: tuple[FakeTelegram, Program]) -> None:
    tg, running = program
    libraries = running.data / "libraries"
    libraries.mkdir(exist_ok=True)
    shelf = libraries / "Handbook.db"
    shelf.touch()
    user = tg.user()
    tg.say(user, "/settings")
    message = tg.wait_text(user["id"], "Shared libraries")
    for before, after in (("✓ 📚 Handbook", "📚 Handbook"), ("📚 Handbook", "✓ 📚 Handbook")):
        tg.press(user, message, before)
        tg.wait_for(lambda after=after: after in under(tg.shown(user["id"])[0]), what=after)
    shelf.unlink()


def test_forgetting_leaves_nothing(program: tuple[FakeTelegram, Program]) -> None:
    tg, _ = program
    user = tg.user()
    tg.say(user, "quote: a secret about zanzibar")
    reply = tg.wait_text(user["id"], "30 days")
    tg.say(user, "/forget")
    tg.wait_text(user["id"], "nothing of this conversation is left")
    tg.press(user, reply, "Why?")
    tg.wait_for(lambda: any((q or {}).get("text", "").startswith("I no longer") for q in tg.queries.values()))
    tg.say(user, "/export")
    tg.wait_for(lambda: tg.called("sendDocument", user["id"]))
    data = tg.files[tg.shown(user["id"])[-1]["document"]["file_id"]][1]
    assert b"zanzibar" not in data


def test_inline_queries_are_answered_from_the_library(tg: FakeTelegram) -> None:
    user = tg.user()
    query = tg.ask_inline(user, "quote: the notice period")
    answer = tg.wait_for(lambda: tg.queries[query])
    (result,) = answer["results"]
    assert result["title"] == "30 days"
    assert QUOTE in result["input_message_content"]["message_text"]
    assert result["input_message_content"]["entities"][0]["type"] == "blockquote"
    query = tg.ask_inline(user, "something else altogether")
    assert tg.wait_for(lambda: tg.queries[query])["results"][0]["title"] == "The library does not say"


# Faults -----------------------------------------------------------------------------------


def test_a_flooded_chat_waits_and_others_do_not(tg: FakeTelegram) -> None:
    flooded, other = tg.user(), tg.user()
    tg.faults.plan(Fault("flood", seconds=2), "sendMessage", chat_id=flooded["id"])
    tg.say(flooded, "one")
    tg.wait_for(lambda: tg.chats[flooded["id"]].closed_until)
    tg.say(other, "two")
    tg.wait_text(other["id"], "You said: two", timeout_s=1.5)
    tg.wait_text(flooded["id"], "You said: one")
    assert tg.texts(flooded["id"]) == ["You said: one"]
    assert not [entry for entry in tg.flooded if entry[1] == flooded["id"]]


@pytest.mark.parametrize(
    ("kind", "status"), [("status", 500), ("status", 502), ("drop", 0), ("garbage", 0), ("empty", 0)]
)
def test_faults_of_telegram_are_outlived(tg: FakeTelegram, kind: Any, status: int) -> None:
    user = tg.user()
    tg.faults.plan(Fault(kind, status=status), "sendMessage", chat_id=user["id"], times=2)
    tg.faults.plan(Fault(kind, status=status), "getUpdates")
    tg.say(user, "hello")
    tg.wait_text(user["id"], "You said: hello")
    assert len(tg.texts(user["id"])) == 1


def test_a_lost_answer_is_the_only_way_to_a_double(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.faults.plan(Fault("drop", after=True), "sendMessage", chat_id=user["id"])
    tg.say(user, "hello")
    tg.wait_text(user["id"], "You said: hello", count=2)
    assert [event.hidden for event in tg.replies(user["id"])] == [True, False]


def test_not_modified_is_no_fault(tg: FakeTelegram) -> None:
    user, group = tg.user(), tg.group()
    tg.say(user, "/settings", group)
    message = tg.wait_text(group.id, "Settings")
    query = tg.press(user, message, "balanced")  # it is balanced already
    tg.wait_for(lambda: tg.queries[query])
    tg.say(user, "@quoth_bot hello", group)
    tg.wait_text(group.id, "You said: hello")


def test_a_chat_that_is_gone_is_let_be(program: tuple[FakeTelegram, Program]) -> None:
    tg, running = program
    user, other = tg.user(), tg.user()
    tg.faults.plan(Fault("gone"), "sendMessage", chat_id=user["id"])
    tg.say(user, "hello")
    tg.say(other, "hello")
    tg.wait_text(other["id"], "You said: hello")
    line = f"nobody to answer: chat not found (chat {user['id']}"
    tg.wait_for(lambda: line in running.output(), what=line)
    tg.say(user, "again")  # it is there again
    tg.wait_text(user["id"], "You said: again")
    assert tg.texts(user["id"]) == ["You said: again"]


def test_a_user_who_blocked_the_bot_is_left_alone(program: tuple[FakeTelegram, Program]) -> None:
    tg, running = program
    user, other = tg.user(), tg.user()
    tg.say(user, "sleep 0.5")
    tg.say(user, "and this?")
    tg.block(user)
    tg.say(other, "hello")
    tg.wait_text(other["id"], "You said: hello")
    time.sleep(0.8)
    assert tg.texts(user["id"]) == []
    assert "ERROR" not in "".join(
        line for line in running.output().splitlines() if f"chat {user['id']}" in line
    )


def test_a_model_that_is_too_slow_or_fails_gives_a_sentence(tg: FakeTelegram) -> None:
    user = tg.user()
    tg.say(user, "time out")
    tg.wait_text(user["id"], "could not finish within")
    tg.say(user, "fail")
    tg.wait_text(user["id"], "Something went wrong")
    tg.say(user, "hello")
    tg.wait_text(user["id"], "You said: hello")


def test_the_log_tells_what_happened_but_not_what_was_said(program: tuple[FakeTelegram, Program]) -> None:
    tg, running = program
    log = running.output()
    assert "sendMessage" in log  # the faults above
    assert "(chat " in log
    assert "update 7000" in log
    for secret in (tg.token, tg.token.partition(":")[2], "hello", "zanzibar", "You said", "word1", "http"):
        assert secret not in log
    assert "Traceback" not in log
    assert "Warning" not in log


@pytest.fixture(scope="module", autouse=True)
def _the_data_stay_in_their_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    assert not (Path.cwd() / "data").exists()
