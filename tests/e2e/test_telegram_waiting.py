"""Who may talk to the service, who waits and for how long, and what becomes of those who are too many."""

from __future__ import annotations

import re
import time
from pathlib import Path

from bot.telegram_messages import ordinal
from tests.support.fake_telegram import FakeTelegram
from tests.support.telegram_program import Program, answers


def test_strangers_and_admins(telegram: FakeTelegram, tmp_path: Path) -> None:
    boss, friend, stranger = telegram.user("Boss"), telegram.user("Friend"), telegram.user("Stranger")
    with Program(
        telegram, tmp_path, QUOTH_TELEGRAM_ALLOWED=friend["id"], QUOTH_TELEGRAM_ADMINS=boss["id"]
    ) as program:
        program.wait_started()
        telegram.say(stranger, "let me in")
        telegram.wait_text(
            stranger["id"], f"private. If you should have access, give its owner your id: {stranger['id']}"
        )
        telegram.say(friend, "hello")
        telegram.wait_text(friend["id"], "You said: hello")
        telegram.say(friend, "/stats")
        telegram.wait_text(friend["id"], "for admins only")
        telegram.say(boss, "/broadcast Back at noon.\nQuoth")
        telegram.wait_text(boss["id"], "On its way to 2 chats")
        telegram.wait_text(friend["id"], "Back at noon.\nQuoth")
        telegram.wait_text(boss["id"], "Back at noon")
        telegram.say(boss, "/stats")
        message = telegram.wait_text(boss["id"], "Waiting:")
        assert "chat: 1\n" in message["text"]
        scopes = {scope for scope, _ in telegram.methods.commands}
        assert "chat" in scopes
    assert telegram.texts(stranger["id"]) == telegram.texts(stranger["id"])[:1]


def test_a_user_who_is_too_quick_is_told(telegram: FakeTelegram, tmp_path: Path) -> None:
    user, other = telegram.user(), telegram.user()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_RATE_PER_MINUTE=3) as program:
        program.wait_started()
        for i in range(6):
            telegram.say(user, f"m{i}")
        telegram.say(other, "hello")
        telegram.wait_text(other["id"], "You said: hello")
        telegram.wait_text(user["id"], "I take 3 messages a minute")
        telegram.wait_text(user["id"], "You said: m2")
        assert [text for text in answers(telegram, user) if text.startswith("m")] == ["m0", "m1", "m2"]


def test_those_who_wait_see_their_place_and_those_who_are_too_many_a_refusal(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    users, group = [telegram.user() for _ in range(4)], telegram.group()
    late = telegram.user()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=1, QUOTH_TELEGRAM_QUEUE_SIZE=4) as program:
        program.wait_started()
        telegram.say(users[0], "sleep 4")
        time.sleep(0.3)
        telegram.say(users[1], "sleep 0.1")
        telegram.say(users[2], "two")
        telegram.say(users[3], "/help@quoth_bot", group)
        telegram.say(late, "late")
        telegram.wait_text(late["id"], "I cannot take your message")
        drafts = telegram.wait_for(lambda: telegram.called("sendMessageDraft", users[2]["id"]))
        assert re.search(r"You are 2nd in line, about \d+ s", drafts[0].message["text"])
        telegram.wait_text(group.id, "3rd in line")
        telegram.wait_text(users[2]["id"], "You said: two")
        telegram.wait_text(group.id, "/docs")
        telegram.wait_for(lambda: len(telegram.shown(group.id)) == 1, what="the notice to be removed")
        assert len(telegram.texts(late["id"])) == 1


def test_who_waits_sees_the_place_before_the_line_moves(telegram: FakeTelegram, tmp_path: Path) -> None:
    users = [telegram.user() for _ in range(8)]
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=1) as program:
        program.wait_started()
        telegram.say(users[0], "sleep 5")
        telegram.wait_for(lambda: telegram.called("sendChatAction", users[0]["id"]), what="typing")
        for user in users[1:]:
            telegram.say(user, "hello")
        for place, user in enumerate(users[1:], start=1):
            told = telegram.wait_for(lambda user=user: telegram.called("sendMessageDraft", user["id"]))
            assert f"{ordinal(place, 'en')} in line" in told[0].message["text"]
        # told while the first reply was still being made: the line moves only after it
        assert telegram.texts(users[0]["id"]) == []
        telegram.wait_for(lambda: all(telegram.texts(user["id"]) for user in users))


def test_who_waits_longer_than_was_said_is_told_anew(telegram: FakeTelegram, tmp_path: Path) -> None:
    user, group = telegram.user(), telegram.group()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=1) as program:
        program.wait_started()
        telegram.say(user, "hello")
        telegram.wait_text(user["id"], "You said: hello")
        telegram.say(user, "sleep 8")
        telegram.wait_for(lambda: telegram.called("sendChatAction", user["id"]), what="typing")
        telegram.say(user, "@quoth_bot hello", group)
        telegram.wait_text(group.id, "1st in line, about")
        edits = telegram.wait_for(lambda: telegram.called("editMessageText", group.id), what="a new estimate")
        seconds = [
            int(event.message["text"].split()[-2])
            for event in (*telegram.called("sendMessage", group.id), *edits)
        ]
        assert seconds[-1] > seconds[0]
        telegram.wait_text(group.id, "You said: hello")


def test_a_place_that_was_told_is_taken_back_after_a_kill(telegram: FakeTelegram, tmp_path: Path) -> None:
    user, group = telegram.user(), telegram.group()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=1) as program:
        program.wait_started()
        telegram.say(user, "sleep 6")
        time.sleep(0.3)
        telegram.say(user, "@quoth_bot hello", group)
        told = telegram.wait_text(group.id, "1st in line")
        time.sleep(0.5)  # until it is noted; what a death before that leaves nobody can know
        program.kill()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=1):
        telegram.wait_text(group.id, "You said: ", timeout_s=40)
        telegram.wait_for(lambda: told not in telegram.shown(group.id), what="the notice to be removed")
        telegram.wait_for(lambda: len(telegram.shown(group.id)) == 1, what="the notice to be removed")


def test_a_chat_that_talks_much_does_not_hold_up_the_others(telegram: FakeTelegram, tmp_path: Path) -> None:
    talker, other = telegram.user(), telegram.user()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=1) as program:
        program.wait_started()
        for _ in range(10):
            telegram.say(talker, "sleep 0.3")
        telegram.say(other, "hello")
        telegram.wait_text(other["id"], "You said: hello")
        assert len(telegram.texts(talker["id"])) <= 3
        telegram.wait_for(lambda: len(telegram.texts(talker["id"])) == 10)


def test_quick_messages_are_answered_together_when_that_is_set(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    user = telegram.user()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_JOIN_S=0.5) as program:
        program.wait_started()
        for word in ("one", "two", "three"):
            telegram.say(user, word)
        telegram.wait_text(user["id"], "You said: one\ntwo\nthree")
        telegram.say(user, "four")
        telegram.wait_text(user["id"], "You said: four")
        assert len(telegram.texts(user["id"])) == 2


def test_a_model_that_hangs_costs_one_reply_and_not_the_worker(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    user, other = telegram.user(), telegram.user()
    with Program(
        telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=1, QUOTH_REPLY_TIMEOUT_S=1,
        QUOTH_TELEGRAM_STOP_TIMEOUT_S=1,
    ) as program:  # fmt: skip
        program.wait_started()
        telegram.say(user, "hang")
        time.sleep(0.2)
        telegram.say(other, "hello")
        telegram.wait_text(user["id"], "could not finish within 1 second")
        telegram.wait_text(other["id"], "You said: hello")
        assert program.terminate() == 0
