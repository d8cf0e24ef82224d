"""The public functions, where no worker process is needed; and that every error can be told."""

from __future__ import annotations

import ast
import os
import re
import string
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import pytest

from bot.document_messages import DOCUMENT_TEXTS
from bot.documents import Limits, document_id, read_document, read_path
from bot.errors import DocumentTooLarge, EmptyDocument, UnsupportedDocument
from bot.messages import explain
from skills.dialog import Page

ROOT = Path(__file__).resolve().parents[2]


def test_a_document_is_its_name_its_text_and_its_pages() -> None:
    shares: list[float] = []
    document = read_document("rfc.txt", b"one\r\n\ftwo\r\n", progress=shares.append)
    assert (document.name, document.text) == ("rfc.txt", "one\ntwo\n")
    assert document.pages == (Page("1", 0, 4), Page("2", 4, 8))
    assert shares[-1] == 1.0


def test_the_id_is_of_the_content_and_can_be_told_beforehand() -> None:
    first, again = read_document("a.txt", b"same"), read_document("b.log", b"same")
    assert first.id == again.id == document_id("c.rst", b"same")
    assert len(first.id) == 64
    assert first.id != read_document("a.txt", b"other").id
    # The same bytes read by other rules are another text.
    assert document_id("a.md", b"# x") != document_id("a.txt", b"# x")


def test_a_name_is_one_line_and_nothing_that_misleads() -> None:
    assert read_document("evil\u202etxt.exe\n.txt", b"x").name == "eviltxt.exe .txt"
    assert read_document("notes/2024/plan.txt", b"x").name == "notes/2024/plan.txt"
    assert read_document("\n", b"x").name == "document"


def test_the_size_of_a_file_is_bounded() -> None:
    limits = Limits(file_bytes=3 * 1024 * 1024)
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_large$") as error:
        read_document("a.txt", b"x" * (limits.file_bytes + 1024 * 1024), limits)
    assert error.value.values == {"size": 4.0, "limit": 3.0}
    assert explain(error.value, "en") == "That file has 4 MB; I read files of up to 3 MB."


def test_a_file_of_nothing_is_empty() -> None:
    with pytest.raises(EmptyDocument, match=r"^document\.empty$"):
        read_document("a.pdf", b"")


def test_a_path_is_read_within_the_bounds(tmp_path: Path) -> None:
    path = tmp_path / "Ünïcode name.txt"
    path.write_bytes(b"text")
    assert read_path(path).name == "Ünïcode name.txt"
    assert read_path(str(path)).id == document_id("a.txt", b"text")
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_large$"):
        read_path(path, replace(Limits(), file_bytes=3))


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    for path in (tmp_path / "pipe.txt", tmp_path, Path("/dev/zero")):
        with pytest.raises((UnsupportedDocument, IsADirectoryError)):
            read_path(path)
    with pytest.raises(FileNotFoundError):
        read_path(tmp_path / "missing.txt")


def _is_code(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"(document|folder)\.[a-z_]+", value) is not None


def raised_codes() -> dict[str, set[str]]:
    """Every code that the sources name, with the names of the values given along with it."""
    found: dict[str, set[str]] = {}
    for file in [*(ROOT / "bot").glob("document*.py"), *(ROOT / "bot" / "document_formats").glob("*.py")]:
        if file.name == "document_messages.py":
            continue
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and _is_code(node.value):
                found.setdefault(node.value, set())
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                code = node.args[0].value
                if _is_code(code):
                    names = {keyword.arg for keyword in node.keywords if keyword.arg}
                    found.setdefault(code, set()).update(names)
    return found


def test_every_error_has_its_sentence_and_every_sentence_its_error() -> None:
    codes = raised_codes()
    assert len(codes) > 25
    assert set(codes) == set(DOCUMENT_TEXTS)
    for code, values in codes.items():
        for template in DOCUMENT_TEXTS[code]:
            named = {name for _, name, _, _ in string.Formatter().parse(template) if name}
            if code.startswith("document."):
                assert named <= values, f"{code} needs {named - values}"
