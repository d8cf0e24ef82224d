"""The REST server, as DeepPavlov starts it, over real HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
TEXT = "The lighthouse on Aldra Point was built in 1874. Its keeper was Mara Lindqvist."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    folder = tmp_path_factory.mktemp("rest")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("QUOTH_", "REDIS_", "TELEGRAM_"))}
    environment["QUOTH_DATA_DIR"] = str(folder)
    environment["QUOTH_API_PORT"] = str(port)
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "deeppavlov", "riseapi", "configs/chat_api.json"],
        cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(f"{url}/api", timeout=5).close()
            break
        except OSError:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
    yield url
    process.terminate()
    process.wait(30)
    log.close()
    written = (folder / "log").read_text()
    assert "Traceback" not in written
    assert "lighthouse" not in written, "what was said stands in the log"


def call(url: str, body: Any, method: str = "POST", path: str = "/model") -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def ask(url: str, session_id: Any, utterance: Any, document: Any = None) -> list[Any]:
    status, items = batch(url, {"utterance": [utterance], "session_id": [session_id], "document": [document]})
    assert status == 200
    return items[0]


def batch(url: str, body: Any) -> tuple[int, list[list[Any]]]:
    """Post a batch; the items of the answer, each (reply, skill, confidence, evidence)."""
    status, columns = call(url, body)
    return status, [list(item) for item in zip(*columns, strict=True)]


def test_a_document_is_quoted_and_other_sessions_do_not_see_it(server: str) -> None:
    reply, skill, confidence, evidence = ask(server, "ann", "When was the lighthouse built?", TEXT)
    assert "1874" in reply
    assert skill == "qa"
    assert 0 < confidence <= 1
    assert TEXT[evidence[0]["start"] : evidence[0]["end"]] == evidence[0]["quote"]
    assert "Mara" in ask(server, "ann", "Who was its keeper?")[0]
    other = ask(server, "ben", "When was the lighthouse built?")
    assert other[1] != "qa"
    assert "1874" not in other[0]
    assert call(server, None, "GET", "/sessions/ben/documents") == (200, [])


def test_documents_are_listed_and_removed(server: str) -> None:
    ask(server, "carl", None, {"name": "point.txt", "text": TEXT})
    status, listed = call(server, None, "GET", "/sessions/carl/documents")
    assert (status, [d["name"] for d in listed]) == (200, ["point.txt"])
    assert call(server, None, "DELETE", "/sessions/carl/documents/point.txt")[0] == 200
    assert call(server, None, "GET", "/sessions/carl/documents") == (200, [])
    assert call(server, None, "DELETE", "/sessions/carl/documents/point.txt")[0] == 404


def test_one_bad_item_does_not_spoil_a_batch(server: str) -> None:
    ids = ["dora", "no spaces please", "dora", "dora", None]
    said = ["/help", "hi", 7, "x" * 4001, "hi"]
    documents = [None, None, None, None, None]
    status, items = batch(server, {"utterance": said, "session_id": ids, "document": documents})
    assert status == 200
    assert items[0][1] == "command"
    assert "/docs" in items[0][0]
    assert [item[1] for item in (items[1], items[2], items[4])] == ["error"] * 3
    assert "4,000" in items[3][0]
    assert all(item[0].strip() for item in items)


def test_a_missing_argument_is_said(server: str) -> None:
    status, items = batch(server, {"utterance": ["hello"]})
    assert status == 200
    assert items[0][1] == "error"


def test_bounds_on_the_body_and_the_batch(server: str) -> None:
    assert call(server, b" " * 30_000_000)[0] == 413
    many = ["hi"] * 33
    assert call(server, {"utterance": many, "session_id": many, "document": [None] * 33})[0] == 413
    assert call(server, b"{")[0] == 422


def test_the_probe_has_the_same_bounds_and_tells_no_exception(server: str) -> None:
    many = {name: ["hi"] * 1000 for name in ("utterance", "session_id", "document")}
    assert call(server, many, path="/probe")[0] == 413
    unequal = {"utterance": ["hi"] * 3, "session_id": ["ann"]}
    assert call(server, unequal, path="/probe") == (400, {"detail": "expected lists of the same length"})
    assert call(server, {"utterance": ["/help"]}, path="/probe") == (200, ["Test passed"])


def test_no_other_origin_is_let_in(server: str) -> None:
    request = urllib.request.Request(f"{server}/api", headers={"Origin": "http://elsewhere.example"})
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.headers.get("access-control-allow-origin") is None


def test_many_sessions_at_once_keep_their_own_history(server: str) -> None:
    def session(i: int) -> str:
        ask(server, f"s{i}", None, f"The code of box {i} is {1000 + i}. Box {i} stands in room {i}.")
        return str(ask(server, f"s{i}", f"What is the code of box {i}?")[0])

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(session, range(6)))
    for i, reply in enumerate(replies):
        assert str(1000 + i) in reply
