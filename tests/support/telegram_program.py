"""The Telegram service as a subprocess, told by its environment where everything is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_world import Json
from tests.support.gate import Gate

ROOT = Path(__file__).resolve().parents[2]
FAKE = ("tests.support.telegram_bot",)
REAL = ("bot", "telegram")


class Program:
    """One process of the service.

    Args:
        telegram: the server it talks to.
        folder: for its data and its log.
        module: what is run: with the fake model, or the product itself.
        settings: further environment variables.
    """

    def __init__(
        self, telegram: FakeTelegram, folder: Path, module: tuple[str, ...] = FAKE, **settings: object
    ) -> None:
        self.log = folder / f"log{time.monotonic_ns()}.txt"
        self.data = folder / "data"
        self._module = module
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("QUOTH_", "TELEGRAM_", "REDIS_")) and not name.lower().endswith("_proxy")
        }
        self._environment |= {
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.url,
            "QUOTH_DATA_DIR": str(self.data),
            "QUOTH_TELEGRAM_RATE_PER_MINUTE": "10000",
            "QUOTH_TELEGRAM_LEASE_S": "2",
            "PYTHONPATH": str(ROOT),
        } | {name: str(value) for name, value in settings.items()}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Program:
        """Start it; does not wait until it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error::RuntimeWarning", "-m", *self._module],
                cwd=ROOT, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        return self

    def wait_started(self, timeout_s: float = 60.0) -> Program:
        """Wait until it serves."""
        deadline = time.monotonic() + timeout_s
        while ": serving" not in self.output():
            assert self.process is not None
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.02)
        return self

    def gate(self, name: str) -> Gate:
        """Where the fake model waits at ``until NAME``."""
        return Gate(self.data, name)

    def output(self) -> str:
        """All it wrote."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def kill(self) -> None:
        """``kill -9``."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def terminate(self, timeout_s: float = 30.0) -> int:
        """SIGTERM, and wait; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def __enter__(self) -> Program:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


def answers(telegram: FakeTelegram, user: Json) -> list[str]:
    """What the fake model said to a person, without its "You said: "."""
    return [text.removeprefix("You said: ") for text in telegram.texts(user["id"])]


def under(message: Json) -> list[str]:
    """Labels of the buttons under a message."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


def quoted(message: Json) -> str:
    """The words of the message's blockquote."""
    (entity,) = [e for e in message["entities"] if e["type"].endswith("blockquote")]
    units = message["text"].encode("utf-16-le")
    return units[entity["offset"] * 2 : (entity["offset"] + entity["length"]) * 2].decode("utf-16-le")


def let_out(telegram: FakeTelegram, log: str) -> list[str]:
    """What a log tells though it should not: the token, words that were said, addresses, faults of ours."""
    secrets = (
        telegram.token,
        telegram.token.partition(":")[2],
        "hello",
        "zanzibar",
        "You said",
        "word1",
        "http",
    )
    return [secret for secret in (*secrets, "Traceback", "Warning") if secret in log]


def fetch(url: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Status and text of an HTTP request; POST where there is a body."""
    request = urllib.request.Request(url, body, {k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
