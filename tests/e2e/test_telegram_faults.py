"""Telegram at fault, chats that are gone and a model that fails: others do not wait, nothing comes twice."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_faults import Fault
from tests.support.telegram_program import Program, let_out


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


def test_what_needs_no_model_does_not_hold_others_up_either(tg: FakeTelegram) -> None:
    group, user, other = tg.group(topics=tuple(range(1, 13))), tg.user(), tg.user()
    tg.faults.plan(Fault("flood", seconds=4), "sendMessage", chat_id=group.id)
    said = ["/keep", "/settings", "/keep", "/settings", *["/stop"] * 8]  # as many as are handled at a time
    for topic, words in enumerate(said, start=1):
        tg.say(tg.user(), words, group, topic=topic)
    tg.wait_for(lambda: group.closed_until and not tg.updates)
    tg.say(other, "hello")
    tg.say(user, "/stop")
    tg.wait_text(other["id"], "You said: hello", timeout_s=1.5)
    tg.wait_text(user["id"], "Nothing is being written", timeout_s=1.5)
    tg.wait_for(lambda: len(tg.texts(group.id)) == len(said))


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
    assert let_out(tg, log) == []
