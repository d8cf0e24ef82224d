from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.documents import Limits, walk
from bot.messages import text
from tests.support.document_files import write_docx, write_zip
from tests.support.tiny_pdf import lines, write_pdf


def found(path: Path, limits: Limits | None = None) -> dict[str, str | None]:
    return {
        entry.path.relative_to(path).as_posix(): entry.skipped for entry in walk(path, limits or Limits())
    }


def test_files_are_found_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    inner = tmp_path / "b" / "c"
    inner.mkdir(parents=True)
    (inner / "paper").write_bytes(write_pdf([lines(["x"])]))
    (tmp_path / "b" / "letter.docx").write_bytes(write_docx([("Normal", "x")]))
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "blank.md").write_text(" \n")
    (tmp_path / "library.jar").write_bytes(write_zip({"A.class": "x"}))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (tmp_path / "big.txt").write_bytes(b"x" * 2000)
    (tmp_path / ".env").write_text("TOKEN=1")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    os.mkfifo(tmp_path / "pipe.txt")
    assert found(tmp_path) == {
        "a.txt": None,
        "b/c/paper": None,
        "b/letter.docx": None,
        "big.txt": None,
        "blank.md": "folder.empty",
        "library.jar": "folder.binary",
        "picture.png": "folder.binary",
        ".env": "folder.hidden",
        ".git": "folder.hidden",
        "pipe.txt": "folder.not_a_file",
    }
    assert found(tmp_path, replace(Limits(), file_bytes=1999))["big.txt"] == "folder.too_large"


def test_links_are_never_followed(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (inside / "file.txt").symlink_to(tmp_path / "secret.txt")
    (inside / "up").symlink_to(tmp_path)
    (inside / "round").symlink_to(inside)
    (inside / "broken").symlink_to(tmp_path / "missing")
    assert set(found(inside).values()) == {"folder.link"}


def test_files_come_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("z/1.txt", "a/2.txt", "m.txt", "a/b/3.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert list(found(tmp_path)) == ["m.txt", "a/2.txt", "a/b/3.txt", "z/1.txt"]


def test_the_number_of_entries_is_bounded(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"{i % 3}").mkdir(exist_ok=True)
        (tmp_path / f"{i % 3}" / f"{i}.txt").write_text("x")
    limits = replace(Limits(), folder_files=12)
    entries = list(walk(tmp_path, limits))
    assert entries[-1].skipped == "folder.too_many"
    assert sum(entry.skipped is None for entry in entries) == 12 - 3  # folders count as well
    told = text("folder.too_many", "en", **entries[-1].values)
    assert told == "I look at 12 files in a folder at most; the rest is left out"


def test_a_folder_of_folders_ends(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(200):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "x.txt").write_text("x")
    assert list(found(tmp_path).values()) == [None]


def test_one_file_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    assert [(entry.path, entry.skipped) for entry in walk(path)] == [(path, None)]
    with pytest.raises(FileNotFoundError):
        list(walk(tmp_path / "missing"))
