"""Starting, ending, dying, waiting in line, webhooks and several processes, each with its own service."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.telegram.worker import MAX_DEATHS
from bot.telegram_messages import ordinal
from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_faults import Fault
from tests.support.fake_telegram_world import Json
from tests.support.telegram_program import REAL, Program
from tests.support.valkey import Valkey


def answers(tg: FakeTelegram, user: Json) -> list[str]:
    return [text.removeprefix("You said: ") for text in tg.texts(user["id"])]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


# Start ------------------------------------------------------------------------------------


def first_line(program: Program, status: int) -> str:
    with program:
        assert program.process is not None
        assert program.process.wait(40) == status
        lines = [line for line in program.output().splitlines() if " WARNING " not in line]
        assert len(lines) == 1, lines
        return lines[0]


def test_a_wrong_token_is_one_clear_line(telegram: FakeTelegram, tmp_path: Path) -> None:
    line = first_line(Program(telegram, tmp_path, TELEGRAM_TOKEN="4242:not-this-one-at-all"), 1)
    assert "TELEGRAM_TOKEN" in line
    assert "not-this" not in line


def test_a_missing_token_is_one_clear_line(telegram: FakeTelegram, tmp_path: Path) -> None:
    assert "TELEGRAM_TOKEN must be set" in first_line(Program(telegram, tmp_path, REAL, TELEGRAM_TOKEN=""), 2)


def test_an_unreachable_redis_is_one_clear_line(telegram: FakeTelegram, tmp_path: Path) -> None:
    url = f"redis://:hunter2@127.0.0.1:{free_port()}"
    line = first_line(Program(telegram, tmp_path, REDIS_URL=url), 1)
    assert "redis://127.0.0.1" in line
    assert "hunter2" not in line


def test_a_bad_setting_is_one_clear_line(telegram: FakeTelegram, tmp_path: Path) -> None:
    line = first_line(Program(telegram, tmp_path, REAL, QUOTH_TELEGRAM_WORKERS="many"), 2)
    assert line.startswith("QUOTH_TELEGRAM_WORKERS takes")


def test_a_taken_port_is_one_clear_line(telegram: FakeTelegram, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = first_line(Program(telegram, tmp_path, QUOTH_TELEGRAM_PORT=port), 1)
    assert f"port {port}" in line


# Who may ----------------------------------------------------------------------------------


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


# Waiting ----------------------------------------------------------------------------------


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


def test_a_stop_button_does_not_outlive_redis(telegram: FakeTelegram, tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    user = telegram.user()
    with Valkey(folder) as server, Program(telegram, tmp_path, REDIS_URL=server.url) as program:
        program.wait_started()
        telegram.faults.plan(Fault("slow", seconds=1.0), "sendMessage")
        telegram.faults.plan(Fault("drop"), "deleteMessage")
        telegram.say(user, "words 40 0.1")
        telegram.wait_for(lambda: telegram.calls.get("sendmessage"), what="the button to be on its way")
        server.kill()
        telegram.wait_text(user["id"], "Writing")
        time.sleep(2.5)  # the reply is ready, and cannot be stored
        server.start()
        telegram.wait_text(user["id"], "word39", timeout_s=40)
        assert not [text for text in telegram.texts(user["id"]) if "Writing" in text]


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


# Ending and dying -------------------------------------------------------------------------


def test_what_waits_is_answered_in_order_after_a_kill(telegram: FakeTelegram, tmp_path: Path) -> None:
    users = [telegram.user() for _ in range(3)]
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=2) as program:
        program.wait_started()
        for i in range(4):
            for user in users:
                telegram.say(user, f"sleep 0.4 {i}")
        telegram.wait_for(lambda: len(telegram.updates) == 0, what="all to be taken in")
        time.sleep(0.6)
        program.kill()
    telegram.say(users[0], "while it was away")
    with Program(telegram, tmp_path) as program:
        expected = [f"sleep 0.4 {i}" for i in range(4)]
        telegram.wait_for(lambda: len(telegram.texts(users[0]["id"])) == 5, 40)
        telegram.wait_for(lambda: all(len(telegram.texts(u["id"])) >= 4 for u in users), 40)
        assert answers(telegram, users[0]) == [*expected, "while it was away"]
        assert [answers(telegram, user) for user in users[1:]] == [expected, expected]


def test_sigterm_finishes_what_is_in_hand_and_keeps_the_rest(telegram: FakeTelegram, tmp_path: Path) -> None:
    user, other = telegram.user(), telegram.user()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=1) as program:
        program.wait_started()
        telegram.say(user, "sleep 1")
        time.sleep(0.3)
        telegram.say(other, "later")
        telegram.wait_for(lambda: len(telegram.updates) == 0)
        began = time.monotonic()
        assert program.terminate() == 0
        assert time.monotonic() - began < 8
        assert answers(telegram, user) == ["sleep 1"]
    with Program(telegram, tmp_path) as program:
        telegram.wait_text(other["id"], "You said: later")
        time.sleep(0.5)
        assert len(telegram.texts(user["id"])) == 1


def test_sigterm_keeps_within_its_limit_and_loses_nothing(telegram: FakeTelegram, tmp_path: Path) -> None:
    user = telegram.user()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_STOP_TIMEOUT_S=0.5) as program:
        program.wait_started()
        telegram.say(user, "sleep 3")
        telegram.wait_for(lambda: len(telegram.updates) == 0)
        time.sleep(0.3)
        began = time.monotonic()
        assert program.terminate() == 0
        assert time.monotonic() - began < 5
    with Program(telegram, tmp_path):
        telegram.wait_text(user["id"], "You said: sleep 3", timeout_s=40)
        assert len(telegram.texts(user["id"])) == 1


def test_redis_may_be_gone_for_a_while(telegram: FakeTelegram, tmp_path: Path) -> None:
    users = [telegram.user() for _ in range(4)]
    folder = tmp_path / "redis"
    folder.mkdir()
    with Valkey(folder) as server, Program(telegram, tmp_path, REDIS_URL=server.url) as program:
        program.wait_started()
        for user in users:
            telegram.say(user, "sleep 0.5")
        time.sleep(0.7)
        server.kill()
        for user in users:
            telegram.say(user, "during")
        time.sleep(3)  # longer than a lease
        server.start()
        for user in users:
            telegram.say(user, "after")
        telegram.wait_for(lambda: all(len(telegram.texts(u["id"])) >= 3 for u in users), 60)
        time.sleep(1)
        for user in users:
            assert answers(telegram, user) == ["sleep 0.5", "during", "after"]
        assert telegram.faults.struck == {}


def test_an_update_that_fails_three_times_is_set_aside_and_the_user_told(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    user = telegram.user()
    with Program(telegram, tmp_path) as program:
        program.wait_started()
        # Telegram does not like this one reply, whatever is tried
        telegram.faults.plan(Fault("status", status=400), "sendMessage", chat_id=user["id"], times=3)
        telegram.say(user, "poison")
        telegram.say(user, "fine")
        telegram.wait_text(user["id"], "I tried several times")
        telegram.wait_text(user["id"], "You said: fine")
        assert len(telegram.texts(user["id"])) == 2
        assert "set aside" in program.output()
        assert "poison" not in program.output()


def test_an_update_that_kills_the_program_each_time_is_set_aside(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    user = telegram.user()
    telegram.say(user, "sleep 3")
    for _ in range(MAX_DEATHS):
        with Program(telegram, tmp_path) as program:
            program.wait_started()
            telegram.wait_for(lambda: telegram.called("sendChatAction", user["id"]), 30)
            telegram.events.clear()
            program.kill()
    with Program(telegram, tmp_path):
        telegram.wait_text(user["id"], "I tried several times", timeout_s=40)
        telegram.say(user, "fine")
        telegram.wait_text(user["id"], "You said: fine", timeout_s=30)


# Several processes ------------------------------------------------------------------------


def test_processes_share_the_work_and_one_may_die(telegram: FakeTelegram, tmp_path: Path) -> None:
    users = [telegram.user() for _ in range(8)]
    folder = tmp_path / "redis"
    folder.mkdir()
    with Valkey(folder) as server, contextlib.ExitStack() as stack:
        programs = [
            stack.enter_context(Program(telegram, tmp_path, REDIS_URL=server.url, QUOTH_TELEGRAM_WORKERS=2))
            for _ in range(3)
        ]
        for program in programs:
            program.wait_started()
        for i in range(6):
            for user in users:
                telegram.say(user, f"sleep 0.2 {i}")
        time.sleep(1.5)
        programs[0].kill()
        telegram.wait_for(lambda: all(len(telegram.texts(u["id"])) >= 6 for u in users), 60)
        for user in users:
            assert answers(telegram, user) == [f"sleep 0.2 {i}" for i in range(6)]
        assert all("in " in program.output() for program in programs[1:])
        served = [program.output().count("session telegram:") for program in programs]
        assert min(served) > 0, served


# The webhook ------------------------------------------------------------------------------


@pytest.fixture
def hooked(telegram: FakeTelegram, tmp_path: Path) -> Iterator[tuple[FakeTelegram, str, Program]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Program(
        telegram, tmp_path, QUOTH_TELEGRAM_WEBHOOK_URL=f"{url}/hook/abc", QUOTH_TELEGRAM_PORT=port,
        QUOTH_TELEGRAM_WEBHOOK_SECRET="s3cret",
    ) as program:  # fmt: skip
        yield telegram, url, program.wait_started()


def call(url: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, body, {k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def claim(url: str, path: str, length: int) -> int:
    """The status for a body that is only announced; it is refused before it comes."""
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: s3cret\r\n"
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        return int(connection.recv(100).split()[1])


def test_updates_by_webhook(hooked: tuple[FakeTelegram, str, Program]) -> None:
    telegram, url, program = hooked
    user = telegram.user()
    telegram.deliver_twice = True
    telegram.say(user, "hello")
    telegram.wait_text(user["id"], "You said: hello")
    telegram.say(user, "again")
    telegram.wait_text(user["id"], "You said: again")
    telegram.wait_for(lambda: len(telegram.webhook_statuses) == 4, what="both repetitions")
    assert answers(telegram, user) == ["hello", "again"]
    assert set(telegram.webhook_statuses) == {200}
    counted = 'quoth_replies_total{skill="chat"} 2.0'  # after the reply was sent and its update removed
    telegram.wait_for(lambda: counted in call(f"{url}/metrics")[1], what="the replies to be counted")

    secret = {"X_Telegram_Bot_Api_Secret_Token": "s3cret"}
    update = {"update_id": 1, "message": telegram.compose(user, text="forged")}
    body = json.dumps(update).encode()
    hook = f"{url}/hook/abc"
    assert call(hook, body)[0] == 403
    assert call(hook, body, X_Telegram_Bot_Api_Secret_Token="s3creT")[0] == 403
    assert call(hook)[0] == 405
    assert claim(url, "/hook/abc", 1_100_000) == 413
    assert call(hook, b"{nonsense", **secret)[0] == 400
    assert call(hook, b"[1]", **secret)[0] == 400
    assert call(hook, b'{"update_id": 5, "message": 7}', **secret)[0] == 200  # never to be repeated
    assert call(f"{url}/hook", body, **secret)[0] == 404
    assert call(f"{url}/healthz") == (200, "alive\n")
    assert call(f"{url}/readyz") == (200, "ready\n")
    assert call(f"{url}/healthz", b"x")[0] == 405
    metrics = call(f"{url}/metrics")[1]
    assert 'quoth_updates_total{result="new"} 2.0' in metrics
    assert 'quoth_updates_total{result="dup"} 2.0' in metrics
    assert 'quoth_replies_total{skill="chat"} 2.0' in metrics
    assert 'quoth_faults_total{kind="secret"} 2.0' in metrics
    assert "quoth_first_piece_seconds_count 2.0" in metrics
    assert "quoth_waiting_updates" in metrics
    assert answers(telegram, user) == ["hello", "again"]
    assert "s3cret" not in program.output()


def test_what_the_webhook_took_is_answered_in_order_after_a_kill(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    user, port = telegram.user(), free_port()
    hook = {
        "QUOTH_TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{port}/hook", "QUOTH_TELEGRAM_PORT": port,
        "QUOTH_TELEGRAM_WEBHOOK_SECRET": "s3cret",
    }  # fmt: skip
    with Program(telegram, tmp_path, **hook) as program:
        program.wait_started()
        for i in range(4):
            telegram.say(user, f"sleep 0.5 {i}")
        telegram.wait_for(lambda: telegram.webhook_statuses == [200] * 4, what="all to be taken in")
        program.kill()
    with Program(telegram, tmp_path, **hook):
        telegram.wait_for(lambda: len(telegram.texts(user["id"])) >= 4, 40)
        assert answers(telegram, user) == [f"sleep 0.5 {i}" for i in range(4)]


def test_a_slow_sender_holds_nobody_up(hooked: tuple[FakeTelegram, str, Program]) -> None:
    telegram, url, _ = hooked
    port = int(url.rpartition(":")[2])
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for connection in slow:
        connection.sendall(b"POST /hook/abc HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n")
    user = telegram.user()
    telegram.say(user, "hello")
    telegram.wait_text(user["id"], "You said: hello")
    for connection in slow:
        connection.close()


def test_not_ready_without_redis_and_telegram_repeats(telegram: FakeTelegram, tmp_path: Path) -> None:
    port, folder, user = free_port(), tmp_path / "redis", telegram.user()
    folder.mkdir()
    with Valkey(folder) as server, Program(
        telegram, tmp_path, REDIS_URL=server.url, QUOTH_TELEGRAM_PORT=port,
        QUOTH_TELEGRAM_WEBHOOK_URL=f"http://127.0.0.1:{port}/", QUOTH_TELEGRAM_WEBHOOK_SECRET="x",
    ) as program:  # fmt: skip
        program.wait_started()
        server.kill()
        assert call(f"http://127.0.0.1:{port}/readyz")[0] == 503
        assert call(f"http://127.0.0.1:{port}/healthz")[0] == 200
        telegram.say(user, "hello")
        telegram.wait_for(lambda: 503 in telegram.webhook_statuses)
        server.start()
        telegram.wait_text(user["id"], "You said: hello")
        assert answers(telegram, user) == ["hello"]


def test_polling_takes_over_from_a_webhook_and_serves_health_when_asked(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    telegram.webhook = {"url": "https://elsewhere.example/", "secret": ""}
    port, user = free_port(), telegram.user()
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_PORT=port) as program:
        program.wait_started()
        telegram.say(user, "hello")
        telegram.wait_text(user["id"], "You said: hello")
        assert call(f"http://127.0.0.1:{port}/readyz")[0] == 200


def test_another_poller_is_outlived(telegram: FakeTelegram, tmp_path: Path) -> None:
    user = telegram.user()
    with Program(telegram, tmp_path) as program:
        program.wait_started()
        telegram.wait_for(lambda: telegram.calls.get("getupdates"))
        url = f"{telegram.url}/bot{telegram.token}/getUpdates?timeout=1"
        thread = threading.Thread(target=call, args=(url,))
        thread.start()
        time.sleep(0.3)
        telegram.say(user, "hello")
        telegram.wait_text(user["id"], "You said: hello")
        thread.join()
        assert "another program polls" in program.output()
        assert len(telegram.texts(user["id"])) == 1
