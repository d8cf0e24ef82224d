"""The reader of a folder of plain text: what is held out, and what is said where there is nothing to read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.errors import ConfigurationError
from skills.generation.text_folder import TextFolderReader, hold_out, stretches

LINES = "\n".join(f"line {i} of a text that goes on" for i in range(2000))


def test_a_file_is_a_text_and_a_mark_parts_texts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(("\ufeffone\r\ntwo\n<|endoftext|>\n" + "three" * 9 + "\n\n").encode())
    (tmp_path / "valid.txt").write_text("four", "utf-8")
    (tmp_path / "b.md").write_text("not read", "utf-8")
    data = TextFolderReader().read(str(tmp_path), min_chars=1)
    assert data == {"train": [("one\ntwo", ""), ("three" * 9, "")], "valid": [("four", "")]}


def test_stretches_are_held_out_where_no_file_is_meant_for_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text(LINES, "utf-8")
    data = TextFolderReader().read(str(tmp_path), valid_share="0.05")
    train, valid = ([text for text, _ in data[name]] for name in ("train", "valid"))
    n_held_out = sum(map(len, valid))
    assert n_held_out == pytest.approx(0.05 * len(LINES), rel=0.15)
    assert sum(map(len, train)) + n_held_out == len(LINES)
    assert all(text.startswith("line ") and text in LINES for text in train + valid)
    assert TextFolderReader().read(str(tmp_path), valid_share="0.05") == data


@given(st.lists(st.text("ab \n", max_size=400), max_size=4), st.floats(0.01, 0.5))
def test_nothing_is_lost_but_blanks(texts: list[str], share: float) -> None:
    left, taken = hold_out(texts, share)
    letters = sorted("".join(texts).replace("\n", "").replace(" ", ""))
    assert sorted("".join(left + taken).replace("\n", "").replace(" ", "")) == letters


@given(st.text("ab \n"), st.integers(1, 30))
def test_stretches_are_the_text(text: str, length: int) -> None:
    pieces = stretches(text, length)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= length + max(1, length // 2) + 1 for piece in pieces)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    reader = TextFolderReader()
    with pytest.raises(ConfigurationError, match=r"there is no such folder; DP_DATA_PATH names it"):
        reader.read(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=r"expected a folder with \*\.txt files .* found none"):
        reader.read(str(tmp_path))
    (tmp_path / "a.txt").write_text("short", "utf-8")
    with pytest.raises(ConfigurationError, match="at least 10,000 characters of text, found 5"):
        reader.read(str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"valid_share expects \(0, 0\.5\]"):
        reader.read(str(tmp_path), valid_share=0.9)
    with pytest.raises(ConfigurationError, match="unknown parameter valid_shaer"):
        reader.read(str(tmp_path), valid_shaer=0.1)
    (tmp_path / "b.txt").write_bytes("caf\xe9".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"b\.txt: expected UTF-8, found something else at byte 3"):
        reader.read(str(tmp_path))
