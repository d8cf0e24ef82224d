"""The webhook, and what tells whether all is well."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_telegram import FakeTelegram
from tests.support.servers import free_port
from tests.support.telegram_program import Program, answers, fetch
from tests.support.valkey import Valkey


@pytest.fixture
def hooked(telegram: FakeTelegram, tmp_path: Path) -> Iterator[tuple[FakeTelegram, str, Program]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Program(
        telegram, tmp_path, QUOTH_TELEGRAM_WEBHOOK_URL=f"{url}/hook/abc", QUOTH_TELEGRAM_PORT=port,
        QUOTH_TELEGRAM_WEBHOOK_SECRET="s3cret",
    ) as program:  # fmt: skip
        yield telegram, url, program.wait_started()


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
    telegram.wait_for(lambda: counted in fetch(f"{url}/metrics")[1], what="the replies to be counted")

    secret = {"X_Telegram_Bot_Api_Secret_Token": "s3cret"}
    update = {"update_id": 1, "message": telegram.compose(user, text="forged")}
    body = json.dumps(update).encode()
    hook = f"{url}/hook/abc"
    assert fetch(hook, body)[0] == 403
    assert fetch(hook, body, X_Telegram_Bot_Api_Secret_Token="s3creT")[0] == 403
    assert fetch(hook)[0] == 405
    assert claim(url, "/hook/abc", 1_100_000) == 413
    assert fetch(hook, b"{nonsense", **secret)[0] == 400
    assert fetch(hook, b"[1]", **secret)[0] == 400
    assert fetch(hook, b'{"update_id": 5, "message": 7}', **secret)[0] == 200  # never to be repeated
    assert fetch(f"{url}/hook", body, **secret)[0] == 404
    assert fetch(f"{url}/healthz") == (200, "alive\n")
    assert fetch(f"{url}/readyz") == (200, "ready\n")
    assert fetch(f"{url}/healthz", b"x")[0] == 405
    metrics = fetch(f"{url}/metrics")[1]
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
        expected = ["until gate", "second", "third", "fourth"]
        for words in expected:
            telegram.say(user, words)
        telegram.wait_for(lambda: telegram.webhook_statuses == [200] * 4, what="all to be taken in")
        program.kill()
    program.gate("gate").open()
    with Program(telegram, tmp_path, **hook):
        telegram.wait_for(lambda: len(telegram.texts(user["id"])) >= 4, 40)
        assert answers(telegram, user) == expected


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
        assert fetch(f"http://127.0.0.1:{port}/readyz")[0] == 503
        assert fetch(f"http://127.0.0.1:{port}/healthz")[0] == 200
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
        assert fetch(f"http://127.0.0.1:{port}/readyz")[0] == 200
