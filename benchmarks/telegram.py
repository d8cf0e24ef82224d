"""What the Telegram service costs and how fast it answers, against a fake Bot API server on loopback.

``python -m benchmarks.telegram``: 50 chats talk at once, each message sent when the one before was
answered. Twice: with an instant fake model, which shows what the adapter itself costs, and with the
models of the settings. Reported are seconds from a message to the first sign the user sees (typing, a
place in the line, a draft, whatever comes first), to the first piece of its reply and to the whole reply
(median, 95th percentile), replies a second, CPU time of the service a message, and its memory. For the
fake model also what a bare loop needs that only makes the same Bot API calls with the same client
(``benchmarks.telegram_calls``), and how many times that the service needs. The fake server runs in this
process and shares the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_world import Event, Json
from tests.support.telegram_program import FAKE, REAL, Program

DOCUMENT = (
    "This Agreement begins on 1 March 2024. Either party may terminate this Agreement on 30 days' written "
    "notice. The monthly fee is 1,250 euros, payable within 14 days. The supplier is Northwind Ltd of Leeds."
)
QUESTIONS = (
    "How many days' notice does it take to terminate the agreement?",
    "What is the monthly fee?",
    "Hello! How are you today?",
    "Tell me something nice about the sea.",
)


@dataclass
class Timing:
    """One message: seconds to the first sign, to the first piece and to the whole reply."""

    sign_s: float
    first_s: float
    whole_s: float


def main() -> None:
    """Run both and print a table and, for programs, a line of JSON each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chats", type=int, default=50, help="chats that talk at once (default: 50)")
    parser.add_argument("--messages", type=int, default=20, help="messages a chat, fake model (default: 20)")
    parser.add_argument("--model-messages", type=int, default=2, help="messages a chat, models (default: 2)")
    parser.add_argument("--only", choices=("fake", "model"), help="run one of the two")
    asked = parser.parse_args()
    if asked.only != "model":
        report("instant fake model", run(FAKE, asked.chats, asked.messages, ("hello there",), bare=True))
    if asked.only != "fake":
        report("models", run(REAL, asked.chats, asked.model_messages, QUESTIONS, document=True))


def run(
    module: tuple[str, ...], n_chats: int, n_messages: int, questions: tuple[str, ...], *,
    document: bool = False, bare: bool = False,
) -> dict[str, float]:  # fmt: skip
    """Let the chats talk; the figures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeTelegram() as telegram,
        Program(telegram, Path(folder), module, QUOTH_TELEGRAM_LEASE_S=10) as program,
    ):
        program.wait_started(300)
        users = [telegram.user(f"user{i}") for i in range(n_chats)]
        if document:
            for user in users:
                telegram.upload(user, "agreement.txt", DOCUMENT.encode())
            telegram.wait_for(lambda: all(telegram.texts(u["id"]) for u in users), 600)
        talk(telegram, users[0], 2, questions)  # warm
        assert program.process is not None
        process = psutil.Process(program.process.pid)
        cpu, began = cpu_s(process), time.monotonic()
        timings: list[Timing] = []
        calls = dict(telegram.calls)
        people = [
            threading.Thread(target=lambda u=user: timings.extend(talk(telegram, u, n_messages, questions)))
            for user in users
        ]
        for person in people:
            person.start()
        for person in people:
            person.join()
        took = time.monotonic() - began
        n = n_chats * n_messages
        cpu_ms = 1000 * (cpu_s(process) - cpu) / n
        n_polls = telegram.calls["getupdates"] - calls["getupdates"]
        figures = {
            "messages": n,
            "sign_median_s": statistics.median(t.sign_s for t in timings),
            "sign_p95_s": percentile([t.sign_s for t in timings], 95),
            "first_median_s": statistics.median(t.first_s for t in timings),
            "first_p95_s": percentile([t.first_s for t in timings], 95),
            "whole_median_s": statistics.median(t.whole_s for t in timings),
            "whole_p95_s": percentile([t.whole_s for t in timings], 95),
            "replies_per_s": n / took,
            "calls_per_message": (sum(telegram.calls.values()) - sum(calls.values())) / n,
            "cpu_ms_per_message": cpu_ms,
            "rss_mb": process.memory_info().rss / 1e6,
        }
        if bare:
            program.terminate()
            figures["bare_cpu_ms_per_message"] = bare_ms(telegram, users[0]["id"], n, n_polls)
            figures["cpu_times_bare"] = cpu_ms / figures["bare_cpu_ms_per_message"]
        return figures


def bare_ms(telegram: FakeTelegram, chat_id: int, n_send: int, n_poll: int) -> float:
    """CPU milliseconds a message of a bare loop that makes as many calls."""
    command = [sys.executable, "-m", "benchmarks.telegram_calls", telegram.url, telegram.token]
    done = subprocess.run(
        [*command, str(chat_id), str(n_send), str(n_poll)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def talk(telegram: FakeTelegram, user: Json, n: int, questions: tuple[str, ...]) -> list[Timing]:
    """One person: a message, its reply, the next message."""
    timings = []
    for i in range(n):
        chat_id = user["id"]
        seen = len(telegram.replies(chat_id))
        said = time.monotonic()
        telegram.say(user, questions[(user["id"] + i) % len(questions)])
        telegram.wait_for(lambda chat_id=chat_id, seen=seen: whole(telegram, chat_id, seen), 600)
        reply = whole(telegram, chat_id, seen)
        assert reply is not None
        drafts = [event for event in telegram.called("sendMessageDraft", chat_id) if event.at >= said]
        first = min([reply.at, *(event.at for event in drafts if is_reply(event))])
        typing = [event.at for event in telegram.called("sendChatAction", chat_id) if event.at >= said]
        sign = min([first, *typing, *(event.at for event in drafts)])
        timings.append(Timing(sign - said, first - said, reply.at - said))
    return timings


def whole(telegram: FakeTelegram, chat_id: int, seen: int) -> Event | None:
    """The reply itself, which has its buttons; not the message with the stop button."""
    for event in telegram.replies(chat_id)[seen:]:
        if event.message and "why" in json.dumps(event.message.get("reply_markup", {})):
            return event
    return None


def is_reply(event: Event) -> bool:
    """Whether a draft shows a piece of the reply rather than the place in the line."""
    return bool(event.message) and "in line" not in str(event.message and event.message["text"])


def percentile(values: list[float], share: int) -> float:
    """The value below which this share (in percent) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def cpu_s(process: psutil.Process) -> float:
    """CPU time of the process, of user and system."""
    times = process.cpu_times()
    return float(times.user + times.system)


def report(name: str, figures: dict[str, float]) -> None:
    """Print the figures."""
    print(f"{name}:")
    for key, value in figures.items():
        print(f"  {key:24} {value:10.3f}")
    print(json.dumps({"benchmark": "telegram", "run": name, **figures}))


if __name__ == "__main__":
    main()
