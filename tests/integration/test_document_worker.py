"""The worker process: real files through it, what it may do, and what happens when it dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.document_formats.limits import MEGABYTE
from bot.documents import read_document, read_path
from bot.errors import DamagedDocument
from tests.support.document_files import (
    CONTENT_TYPES,
    RELATIONS,
    WORD,
    paragraph,
    write_docx,
    write_epub,
    write_zip,
)
from tests.support.document_workers import many_pages, workers
from tests.support.tiny_pdf import lines, write_pdf

pytestmark = pytest.mark.usefixtures("no_process_is_left")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.pdf", write_pdf([lines(["The ﬁrst page"])]), "The first page\n"),
        ("a.docx", write_docx([("Heading 1", "Title"), ("Normal", "Body")]), "Title\n\nBody"),
        ("a.epub", write_epub([("One", "<p>Once upon</p>")]), "Once upon"),
        ("a.html", b"<h1>Head</h1><p>text", "Head\n\ntext"),
        ("a.md", b"# Head\n\nsome *text*", "Head\n\nsome text"),
        ("a.txt", b"x" * 2 * MEGABYTE, "x" * 2 * MEGABYTE),
        ("misnamed.txt", write_pdf([lines(["by content"])]), "by content\n"),
        ("misnamed.pdf", b"<!doctype html><p>by content", "by content"),
    ],
)
def test_formats_through_the_worker(name: str, data: bytes, text: str) -> None:
    document = read_document(name, data)
    assert document.text == text
    for page in document.pages:
        assert document.text[page.start : page.end]


def test_a_file_on_disk_with_progress(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(many_pages())
    shares: list[float] = []
    document = read_path(path, progress=shares.append)
    assert [page.label for page in document.pages] == [str(i + 1) for i in range(300)]
    assert "text 49 of sheet 299" in document.text
    assert len(shares) > 50
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_service_survives_a_worker_that_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    def kill(share: float) -> None:
        for worker in workers():
            worker.kill()

    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read_document("private name.pdf", many_pages(), progress=kill)
    assert "status -9" in caplog.text
    assert "private" not in caplog.text
    assert read_document("a.pdf", many_pages(2)).text


def test_a_progress_that_raises_ends_the_worker() -> None:
    class Stopped(Exception):
        pass

    def stop(share: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        read_document("a.pdf", many_pages(), progress=stop)
    assert workers() == []


def test_the_worker_has_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", "123:secret")
    seen: list[dict[str, str]] = []
    read_document("a.pdf", many_pages(), progress=lambda share: seen.extend(w.environ() for w in workers()))
    assert seen
    assert set(seen[0]) <= {"PYTHONPATH", "LANG", "LC_CTYPE"}


def test_the_worker_is_light() -> None:
    program = (
        "import sys, bot.document_worker, bot.document_formats.reading as r\n"
        "[r.reader(f) for f in ('pdf', 'zip', 'html', 'markdown', 'csv', 'text')]\n"
        "heavy = {'torch', 'transformers', 'deeppavlov', 'numpy', 'redis', 'telegram', 'skills'}\n"
        "print(*heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_a_bounded_worker_cannot_write_files(tmp_path: Path) -> None:
    program = (
        "import sys; from bot.document_worker import _bound; from bot.document_formats.limits import Limits\n"
        "_bound(Limits())\n"
        "with open(sys.argv[1], 'wb', buffering=0) as file: file.write(b'x')"
    )
    target = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", program, str(target)], cwd=ROOT, capture_output=True, text=True
    )
    assert "File too large" in done.stderr
    assert target.stat().st_size == 0


def test_strict_word_documents_are_read() -> None:
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    xml = f'<w:document xmlns:w="{strict}"><w:body>{paragraph("strictly")}</w:body></w:document>'
    assert strict not in WORD
    data = write_zip(
        {"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": RELATIONS, "word/document.xml": xml}
    )
    assert read_document("a.docx", data).text == "strictly"


def test_the_parent_keeps_no_pipes_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        read_document("a.pdf", many_pages(1))
        with pytest.raises(DamagedDocument):
            read_document("a.pdf", b"%PDF-1.7 nothing")
    assert len(os.listdir("/proc/self/fd")) == before
