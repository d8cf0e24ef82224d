"""The console program, driven on a pseudo-terminal as a person would."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "utterance::"
LEASE = """LEASE

This lease is made between Harbour Homes and Ines Okafor for the flat at 14 Quay Street.

The lease begins on 1 March 2025. The rent is 1,150 euros a month. The deposit is 2,300 euros.
Either side may end the lease with three months' written notice.
"""

Start = Callable[[], pexpect.spawn]


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts the program; every start shares one data folder."""
    folder = tmp_path_factory.mktemp("console")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("QUOTH_", "REDIS_", "TELEGRAM_"))}
    network_log = folder / "network.log"
    environment |= {
        "QUOTH_DATA_DIR": str(folder),
        "TERM": "dumb",
        # the network is cut for the program, and what it tries is noted
        "PYTHONPATH": str(ROOT / "tests" / "support" / "no_network"),
        "QUOTHTEST_NETWORK_LOG": str(network_log),
    }
    children = []

    def begin() -> pexpect.spawn:
        child = pexpect.spawn(
            sys.executable, ["-m", "deeppavlov", "interact", "configs/chat.json"],
            cwd=str(ROOT), env=environment, encoding="utf-8", timeout=180, dimensions=(40, 200), echo=False,
            # a shell that runs the tests in the background has its children ignore Ctrl-C
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        children.append(child)
        child.expect_exact(PROMPT)
        return child

    yield begin
    for child in children:
        child.close(force=True)
    assert not network_log.exists(), network_log.read_text()


def say(child: pexpect.spawn, line: str) -> str:
    """Type a line; what the program answers."""
    child.sendline(line)
    child.expect_exact(PROMPT)
    return str(child.before).replace("\r", "")


def test_a_conversation_from_a_document_over_a_restart_to_forgetting(start: Start, tmp_path: Path) -> None:
    document = tmp_path / "lease.txt"
    document.write_text(LEASE, "utf-8")
    child = start()
    banner = str(child.before)
    for noise in ("nltk", "NLTK", "Traceback", "WARNING", "INFO", "http", "Warning"):
        assert noise not in banner
    assert "lease.txt" in say(child, f"/read {document}")
    assert "don't say" in say(child, "Who painted the ceiling of the chapel?")
    answer = say(child, "How much is the rent?")
    assert "1,150 euros" in answer
    assert "lease.txt, line 5" in answer
    assert re.search(r"\d+% sure", answer)
    hello = say(child, "Hello, how are you?")
    assert len(hello) > 4
    assert "lease.txt" not in hello
    child.sendline("quit")
    child.expect(pexpect.EOF)

    child = start()
    assert "2,300 euros" in say(child, "And the deposit?")
    why = say(child, "/why")
    assert "lease.txt" in why
    assert "Forgotten" in say(child, "/forget")
    assert "lease.txt" not in say(child, "/docs")
    child.sendeof()
    child.expect(pexpect.EOF)
    assert "Traceback" not in str(child.before)


def test_bad_input_gets_a_sentence_and_the_conversation_goes_on(start: Start, tmp_path: Path) -> None:
    child = start()
    assert "/help" in say(child, "/nonsense")
    assert "no file or folder" in say(child, f"/read {tmp_path}/missing.txt")
    for line in ("", "   ", "\x07", "x" * 4001):
        answer = say(child, line)
        assert "Traceback" not in answer
        assert answer.strip().removeprefix(">>").strip()
    assert "/read" in say(child, "/help")
    child.sendintr()
    child.expect(pexpect.EOF)
    assert "Traceback" not in str(child.before)
