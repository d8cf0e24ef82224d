"""Hostile files into the worker: each ends in a sentence, within bounds of memory, time and number."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from bot import document_process
from bot.document_formats.limits import MEGABYTE
from bot.documents import Limits, read_document
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
from tests.support.document_files import CONTENT_TYPES, RELATIONS, paragraph, raw_docx, write_epub, write_zip
from tests.support.document_workers import many_pages, workers
from tests.support.tiny_pdf import lines, write_pdf

pytestmark = pytest.mark.usefixtures("no_process_is_left")
ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits()


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
