"""What the worker answers is checked: one taken over is not believed, noise and faults stay out of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot import document_process
from bot.documents import Limits, read_document
from bot.errors import DamagedDocument, DocumentTimeout
from tests.support.document_workers import many_pages
from tests.support.tiny_pdf import lines, write_pdf

pytestmark = pytest.mark.usefixtures("no_process_is_left")
ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits()


def frame(kind: bytes, content: object) -> bytes:
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return document_process.HEADER.pack(kind, len(payload)) + payload


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"Segmentation fault",
        document_process.HEADER.pack(b"R", 2**32 - 1) + b"x" * 100,
        frame(b"R", b"{not json"),
        frame(b"R", b"[" * 100_000),
        frame(b"R", {"text": ""}),
        frame(b"R", {"text": "abc", "sections": [["1", 0, 2]]}),
        frame(b"R", {"text": "abc", "sections": [["1", 0, 2], ["2", 1, 3]]}),
        frame(b"R", {"text": "abc", "sections": [["1", 0, 99]]}),
        frame(b"R", {"text": "abc", "sections": [[None, 0, 3]]}),
        frame(b"R", {"text": "abc", "sections": [["1", 0.0, 3]]}),
        frame(b"R", b'{"text": "\\ud800", "sections": []}'),
        frame(b"R", {"text": "x" * 2000, "sections": []}),
        frame(b"R", ["text"]),
        frame(b"E", {"error": "SystemExit", "code": "x", "values": {}, "where": ""}),
        frame(b"E", {"error": "annotations", "code": "x", "values": {}, "where": ""}),
        frame(b"E", {"error": "EmptyDocument", "code": ["x"], "values": {}, "where": ""}),
        frame(b"E", {"error": "EmptyDocument", "code": "document.no_such", "values": {}, "where": ""}),
        frame(b"E", {"error": "DocumentTooLarge", "code": "document.too_long", "values": {}, "where": ""}),
        frame(b"E", {"error": "EmptyDocument", "code": "document.empty", "values": {"a": 1}, "where": ""}),
        frame(b"P", "half") + frame(b"P", 7) + frame(b"P", None),
    ],
)
def test_an_answer_from_a_worker_taken_over_is_not_believed(
    answer: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "answer"
    path.write_bytes(answer)
    program = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
    monkeypatch.setattr(
        document_process, "worker_command", lambda: [sys.executable, "-c", program, str(path)]
    )
    shares: list[float] = []
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read_document("a.pdf", many_pages(1), replace(LIMITS, characters=1000), progress=shares.append)
    assert shares == []


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys\nwhile True: sys.stdout.buffer.write(b'R' + b'\\xff\\xff\\xff\\x00' + b'x' * 65536)"
    monkeypatch.setattr(document_process, "worker_command", lambda: [sys.executable, "-c", program])
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read_document("a.pdf", many_pages(1), replace(LIMITS, characters=1000, sections=10))


def test_a_worker_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_process, "worker_command", lambda: ["/no/such/python"])
    with pytest.raises(DocumentTimeout, match=r"^document\.busy$"):
        read_document("a.pdf", many_pages(1))


def test_what_a_library_prints_is_not_part_of_the_answer(tmp_path: Path) -> None:
    program = (
        "import os, sys, bot.document_worker as w, bot.document_formats.pdf as pdf\n"
        "read = pdf.read_pdf\n"
        "def noisy(*a): print('noise', flush=True); os.write(1, b'more'); return read(*a)\n"
        "pdf.read_pdf = noisy\n"
        "w.main()"
    )
    job = {"format": "pdf", "name": "a", "limits": {}}
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(job).encode() + b"\n" + write_pdf([lines(["text"])]),
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert done.stdout[:1] == b"P"
    assert b"noise" not in done.stdout
    assert b"more" not in done.stdout


def test_a_fault_in_a_reader_is_told_to_the_operator_without_the_files_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    program = tmp_path / "broken.py"
    program.write_text(
        "import bot.document_worker as w, bot.document_formats.pdf as pdf\n"
        "def broken(*a): raise KeyError('words of the file')\n"
        "pdf.read_pdf = broken\n"
        "w.main()"
    )
    monkeypatch.setattr(document_process, "worker_command", lambda: [sys.executable, str(program)])
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read_document("a.pdf", many_pages(1))
    assert "KeyError broken.py:2" in caplog.text
    assert "words" not in caplog.text
