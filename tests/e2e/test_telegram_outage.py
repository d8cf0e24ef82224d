"""Redis away for long, with messages waiting, arriving, and replies in hand.

Two kinds of outage: a server that is gone (connections are refused) and one that hangs (connections
are made, nothing is answered, and what was asked is carried out when it goes on, also for those who
gave up waiting). In the suite it lasts seconds and every waiting time is small against it; to see a
real one, with its CPU time and all the lines it wrote: ``OUTAGE_S=65 pytest -s`` and this file.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_faults import Fault
from tests.support.fake_telegram_world import Chat, Json
from tests.support.telegram_program import Program
from tests.support.valkey import Valkey

OUTAGE_S = float(os.environ.get("OUTAGE_S", "4"))
#: An answer is waited for a small part of the outage; a lease runs out in it.
WAITS = {
    "QUOTH_REDIS_TIMEOUT_S": max(0.2, OUTAGE_S / 15),
    "QUOTH_TELEGRAM_LEASE_S": max(1.0, OUTAGE_S / 6),
}
N_USERS = 6
MAX_IN_CHAT = 10


class Talk:
    """What is said, by chat, and what came of it. Every message bears a mark that its reply repeats."""

    def __init__(self, telegram: FakeTelegram) -> None:
        self._telegram = telegram
        self._marks = (f"<m{i}>" for i in itertools.count())
        self.said: dict[int, list[str]] = defaultdict(list)

    def say(self, user: Json, words: str = "note", group: Chat | None = None) -> None:
        chat_id, mark = group.id if group else user["id"], next(self._marks)
        self.said[chat_id].append(mark)
        self._telegram.say(user, f"{'@quoth_bot ' if group else ''}{words} {mark}", group)

    def answered(self) -> dict[int, list[str]]:
        """The marks in what stands in the chats now, in order, twice where a reply came twice; what
        bears no mark as it stands."""
        return {
            chat_id: [
                part
                for message in self._telegram.shown(chat_id)
                for part in re.findall("<m[0-9]+>", message["text"]) or [message["text"]]
            ]
            for chat_id in self.said
        }

    def whole(self) -> bool:
        answered = self.answered()
        return all(set(marks) <= set(answered[chat_id]) for chat_id, marks in self.said.items())


def cpu_s(program: Program) -> float:
    assert program.process is not None
    times = psutil.Process(program.process.pid).cpu_times()
    return float(times.user + times.system)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with Valkey(folder) as running:
        yield running


@pytest.mark.parametrize("kind", ["gone", "hanging"])
def test_an_outage_loses_nothing_and_nothing_comes_twice(
    telegram: FakeTelegram, server: Valkey, tmp_path: Path, kind: str
) -> None:
    users, group, talk = [telegram.user() for _ in range(N_USERS)], telegram.group(), Talk(telegram)
    with Program(telegram, tmp_path, REDIS_URL=server.url, **WAITS) as program:
        program.wait_started()
        for user in users:
            talk.say(user)
        telegram.wait_for(talk.whole)
        # two in hand, a draft and a message growing in two chats, the others behind them
        talk.say(users[0], "slowly")
        talk.say(users[1], "slowly", group)
        for user in users[2:]:
            talk.say(user, "sleep 0.5")
            talk.say(user)
        time.sleep(1)

        lines, cpu = program.output().count("\n"), cpu_s(program)
        server.kill() if kind == "gone" else server.freeze()
        began = time.monotonic()
        while time.monotonic() - began < OUTAGE_S:
            for user in users:
                if len(talk.said[user["id"]]) < MAX_IN_CHAT:
                    talk.say(user)
            time.sleep(OUTAGE_S / 6)
        assert program.process is not None
        assert program.process.poll() is None, program.output()
        cpu = cpu_s(program) - cpu
        server.start() if kind == "gone" else server.thaw()
        for user in users:
            talk.say(user)
        ended = time.monotonic()
        telegram.wait_for(talk.whole, 60, "every reply")
        recovered = time.monotonic() - ended
        time.sleep(2)  # for whatever may still come twice

        assert talk.answered() == talk.said
        told = program.output().splitlines()[lines:]
        faults = [line for line in told if " INFO " not in line]
        print(
            f"{kind} for {OUTAGE_S:g} s: {cpu:.2f} s of CPU time, {len(faults)} lines, "
            f"all answered {recovered:.1f} s after it",
            *faults,
            sep="\n",
        )
        # a line or two for each of the two clients, and one for each update that was put off
        assert len(faults) <= 4 + 2 * OUTAGE_S / 60 + 4
        assert [line for line in faults if "cannot be used" in line]
        assert [line for line in told if "answers again" in line]


@pytest.mark.parametrize("kind", ["gone", "hanging"])
def test_an_outage_does_not_keep_the_program_from_ending(
    telegram: FakeTelegram, server: Valkey, tmp_path: Path, kind: str
) -> None:
    user = telegram.user()
    # the session's lock, which lasts as long as a lease, must outlast the button: a reply ends with it
    settings = {"REDIS_URL": server.url, "QUOTH_TELEGRAM_STOP_TIMEOUT_S": 1, "QUOTH_TELEGRAM_LEASE_S": 6}
    with Program(telegram, tmp_path, **settings) as program:
        program.wait_started()
        # its stop button, which comes after two seconds, cannot be noted any more
        telegram.say(user, "words 60 0.1")
        telegram.wait_for(lambda: telegram.called("sendMessageDraft", user["id"]))
        server.kill() if kind == "gone" else server.freeze()
        telegram.wait_text(user["id"], "Writing")
        assert program.terminate() == 0
        assert telegram.texts(user["id"]) == []  # nor does the button stay
        server.start() if kind == "gone" else server.thaw()
    with Program(telegram, tmp_path, **settings):
        telegram.wait_text(user["id"], "word59", timeout_s=40)
        assert len(telegram.texts(user["id"])) == 1


def test_a_stop_button_does_not_outlive_redis(telegram: FakeTelegram, server: Valkey, tmp_path: Path) -> None:
    user = telegram.user()
    with Program(telegram, tmp_path, REDIS_URL=server.url) as program:
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
