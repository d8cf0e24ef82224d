"""Starting, ending, dying and several processes, each with its own service."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

from bot.telegram.worker import MAX_DEATHS
from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_faults import Fault
from tests.support.servers import free_port
from tests.support.telegram_program import REAL, Program, answers, fetch
from tests.support.valkey import Valkey

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


# Ending and dying -------------------------------------------------------------------------


def test_what_waits_is_answered_in_order_after_a_kill(telegram: FakeTelegram, tmp_path: Path) -> None:
    users = [telegram.user() for _ in range(3)]
    with Program(telegram, tmp_path, QUOTH_TELEGRAM_WORKERS=3) as program:
        program.wait_started()
        gates = [program.gate(f"gate-{user['id']}") for user in users]
        expected = [["first", f"until gate-{user['id']}", "third", "fourth"] for user in users]
        for said in zip(*expected, strict=True):
            for user, words in zip(users, said, strict=True):
                telegram.say(user, words)
        telegram.wait_for(lambda: len(telegram.updates) == 0, what="all to be taken in")
        # a turn begins once the one before is noted as done: nothing is between sending and its note
        telegram.wait_for(lambda: all(gate.is_reached() for gate in gates), what="the second turns")
        program.kill()
    for gate in gates:
        gate.open()
    telegram.say(users[0], "while it was away")
    expected[0].append("while it was away")
    with Program(telegram, tmp_path):
        telegram.wait_for(
            lambda: all(
                len(telegram.texts(user["id"])) >= len(said)
                for user, said in zip(users, expected, strict=True)
            ),
            40,
        )
        assert [answers(telegram, user) for user in users] == expected


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


def test_the_answer_to_an_edit_is_sent_after_a_kill(telegram: FakeTelegram, tmp_path: Path) -> None:
    user = telegram.user()
    with Program(telegram, tmp_path) as program:
        program.wait_started()
        message = telegram.say(user, "first")
        telegram.wait_text(user["id"], "You said: first")
        # it is kept, and waits to be sent
        telegram.faults.plan(Fault("flood", seconds=2), "sendMessage", chat_id=user["id"])
        telegram.edit(message, "second")
        telegram.wait_for(lambda: telegram.chats[user["id"]].closed_until)
        program.kill()
    with Program(telegram, tmp_path):
        telegram.wait_text(user["id"], "You said: second", timeout_s=40)
        assert len(telegram.texts(user["id"])) == 2


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
            stack.enter_context(Program(telegram, tmp_path, REDIS_URL=server.url, QUOTH_TELEGRAM_WORKERS=3))
            for _ in range(3)
        ]
        for program in programs:
            program.wait_started()
        gates = [programs[0].gate(f"gate-{user['id']}") for user in users]
        for i in range(3):
            for user in users:
                telegram.say(user, f"sleep 0.2 {i}")
        for user in users:
            telegram.say(user, f"until gate-{user['id']}")
            telegram.say(user, "sleep 0.2 4")
        telegram.wait_for(lambda: all(gate.is_reached() for gate in gates), 60)
        programs[0].kill()
        for gate in gates:
            gate.open()
        telegram.wait_for(lambda: all(len(telegram.texts(u["id"])) >= 5 for u in users), 60)
        for user in users:
            slept = [f"sleep 0.2 {i}" for i in range(3)]
            assert answers(telegram, user) == [*slept, f"until gate-{user['id']}", "sleep 0.2 4"]
        assert all("in " in program.output() for program in programs[1:])
        served = [program.output().count("session telegram:") for program in programs]
        assert min(served) > 0, served


def test_another_poller_is_outlived(telegram: FakeTelegram, tmp_path: Path) -> None:
    user = telegram.user()
    with Program(telegram, tmp_path) as program:
        program.wait_started()
        telegram.wait_for(lambda: telegram.calls.get("getupdates"))
        url = f"{telegram.url}/bot{telegram.token}/getUpdates?timeout=1"
        thread = threading.Thread(target=fetch, args=(url,))
        thread.start()
        time.sleep(0.3)
        telegram.say(user, "hello")
        telegram.wait_text(user["id"], "You said: hello")
        thread.join()
        assert "another program polls" in program.output()
        assert len(telegram.texts(user["id"])) == 1
