"""The worker process: real files through it, hostile ones into it, and what happens when it dies."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from bot import document_process
from bot.document_formats.limits import MEGABYTE
from bot.documents import Limits, read_document, read_path
from bot.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTimeout,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    UnsupportedDocument,
)
from bot.messages import explain
from tests.support.document_files import (
    CONTENT_TYPES,
    RELATIONS,
    WORD,
    paragraph,
    raw_docx,
    write_docx,
    write_epub,
    write_zip,
)
from tests.support.tiny_pdf import lines, write_pdf

ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits()


def workers() -> list[psutil.Process]:
    """The worker processes that this one has and that still run."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "bot.document_worker" in child.cmdline():
                found.append(child)
    return found


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    yield
    assert psutil.Process().children() == []


@cache
def many_pages(n: int = 300) -> bytes:
    """A PDF whose text at 300 pages is longer than a pipe holds: its worker waits to be read."""
    return write_pdf([lines([f"text {j} of sheet {i}" for j in range(50)]) for i in range(n)])


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


def zip_bomb(members: dict[str, bytes], payload: str, n_megabytes: int) -> bytes:
    """A zip file with one file of that many megabytes of spaces."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        with archive.open(payload, "w", force_zip64=True) as file:
            for _ in range(n_megabytes):
                file.write(b" " * MEGABYTE)
    return out.getvalue()


def page_tree(fan: int, levels: int) -> bytes:
    """A PDF of a few hundred bytes that has ``fan ** levels`` pages."""
    objects = ["<</Type /Catalog /Pages 2 0 R>>"]
    for level in range(levels):
        kids = " ".join([f"{3 + level} 0 R"] * fan)
        objects.append(f"<</Type /Pages /Kids [{kids}] /Count {fan ** (levels - level)}>>")
    objects.append("<</Type /Page /MediaBox [0 0 612 792]>>")
    body = "".join(f"{i + 1} 0 obj\n{content}\nendobj\n" for i, content in enumerate(objects))
    return f"%PDF-1.7\n{body}trailer <</Root 1 0 R>>\n".encode()


def encrypted_pdf() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, encrypt=StandardEncryption("password", "owner", strength=128))
    canvas.drawString(72, 700, "secret")
    canvas.save()
    return out.getvalue()


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefghij"))
    + "]>"
)
DOCX = {"[Content_Types].xml": CONTENT_TYPES.encode(), "_rels/.rels": RELATIONS.encode()}
EPUB = {
    "mimetype": b"application/epub+zip",
    "META-INF/container.xml": b'<container><rootfile full-path="book.opf"/></container>',
}

FILES = {f"META-INF/{i}": b"" for i in range(10_001)}
TABLES = "<w:tbl><w:tr><w:tc>" * 100_000
PACKAGE = {"OEBPS/book.opf": f"{LAUGHS}<package>&j;</package>"}

# fmt: off
HOSTILE: list[tuple[str, Callable[[], bytes], type[DocumentError], str]] = [
    ("bomb.docx", lambda: zip_bomb(DOCX, "word/document.xml", 400), DocumentTooLarge, "too_large_unpacked"),
    ("bomb.epub", lambda: zip_bomb(EPUB, "book.opf", 400), DocumentTooLarge, "too_large_unpacked"),
    ("files.epub", lambda: write_zip(FILES), DocumentTooLarge, "too_many_entries"),
    ("laughs.docx", lambda: raw_docx("<w:p>&j;</w:p>", before=LAUGHS), DamagedDocument, "damaged"),
    ("laughs.epub", lambda: write_epub([("a", "b")], extra=PACKAGE), DamagedDocument, "damaged"),
    ("deep.html", lambda: b"<div>" * 100_000 + b"x" + b"</div>" * 100_000, DocumentTooLarge, "too_deep"),
    ("deep.docx", lambda: raw_docx(TABLES), DocumentTooLarge, "too_deep"),
    ("pages.pdf", lambda: page_tree(10, 5), DocumentTooLarge, "too_many_pages"),
    ("endless.pdf", lambda: page_tree(10, 9), DamagedDocument, "damaged"),
    ("cut.pdf", lambda: many_pages(3)[:900], DamagedDocument, "damaged"),
    ("noise.pdf", lambda: b"%PDF-1.7\n" + bytes(range(256)) * 50, DamagedDocument, "damaged"),
    ("locked.pdf", encrypted_pdf, EncryptedDocument, "encrypted"),
    ("scan.pdf", lambda: write_pdf([[]] * 3, image=True), EmptyDocument, "scanned"),
    ("archive.zip", lambda: write_zip({"a.txt": b"x"}), UnsupportedDocument, "unsupported_archive"),
    ("blank.docx", lambda: raw_docx("<w:p/>"), EmptyDocument, "empty"),
]
# fmt: on


@pytest.mark.parametrize(("name", "write", "error", "code"), HOSTILE, ids=[case[0] for case in HOSTILE])
def test_hostile_files_end_in_a_sentence(
    name: str, write: Callable[[], bytes], error: type[DocumentError], code: str
) -> None:
    with pytest.raises(error) as raised:
        read_document(name, write())
    assert type(raised.value) is error
    assert raised.value.code == f"document.{code}"
    sentences = {explain(raised.value, language) for language in ("en", "ru")}
    assert len(sentences) == 2
    assert not any("{" in sentence for sentence in sentences)


def test_memory_is_bounded() -> None:
    """A page whose drawing unpacks to 600 MB, in a file of less than one."""
    data = write_pdf([lines(["small"])], filler=600 * MEGABYTE)
    assert len(data) < MEGABYTE
    used: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            with suppress(psutil.Error):
                used.extend(worker.memory_info().rss for worker in workers())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with pytest.raises((DamagedDocument, DocumentTooLarge)):
            read_document("a.pdf", data, replace(LIMITS, memory_bytes=300 * MEGABYTE))
    finally:
        done.set()
        watcher.join()
    assert used
    assert max(used) <= 300 * MEGABYTE


def test_memory_that_python_runs_out_of_is_told() -> None:
    body = "".join(paragraph("x" * 1000) for _ in range(60_000))
    limits = replace(LIMITS, memory_bytes=180 * MEGABYTE, characters=100_000_000)
    with pytest.raises(DocumentTooLarge) as raised:
        read_document("a.docx", raw_docx(body), limits)
    assert raised.value.code == "document.too_much_memory"
    assert raised.value.values == {"limit": 180}


def test_time_is_bounded_by_the_clock() -> None:
    """A worker that neither works nor dies."""
    stopped: list[int] = []

    def stop(share: float) -> None:
        for worker in workers():
            stopped.append(worker.pid)
            worker.suspend()

    with pytest.raises(DocumentTimeout) as raised:
        read_document("a.pdf", many_pages(), replace(LIMITS, seconds=1.0), progress=stop)
    assert raised.value.code == "document.timeout"
    assert raised.value.values == {"limit": 1.0}
    assert stopped
    assert not psutil.pid_exists(stopped[0])


def test_time_is_bounded_in_the_worker_itself() -> None:
    """What the kernel does when nobody watches: the worker alone, with a second of CPU time."""
    page = b"<p>" + b"<b>word</b> " * 3_000_000
    job = {"format": "html", "name": "a", "limits": {"seconds": 0.0}}
    done = subprocess.run(
        document_process.worker_command(),
        input=json.dumps(job).encode() + b"\n" + page,
        cwd=ROOT,
        capture_output=True,
    )
    assert done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)


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


def test_more_files_than_places_wait_and_then_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_process, "_slots", threading.BoundedSemaphore(1))
    at_once: list[int] = []
    threads = [
        threading.Thread(
            target=read_document,
            args=("a.pdf", many_pages(20)),
            kwargs={"progress": lambda share: at_once.append(len(workers()))},
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(at_once) == 1
    with document_process._slots, pytest.raises(DocumentTimeout, match=r"^document\.busy$"):
        read_document("a.pdf", many_pages(1), replace(LIMITS, seconds=0.1))


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
