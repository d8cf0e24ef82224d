"""Files that are not the shelf they should be: damaged, unfinished, another's, read-only."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from skills.dialog import Page
from skills.errors import ShelfError
from skills.retrieval.index import ShelfReader, list_documents, search_shelf
from skills.retrieval.updating import add_document, drop_document
from tests.support.letter_encoder import LetterEncoder
from tests.support.shelves import document, found, long_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("content", [b"not a database at all" * 400, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_told_clearly(shelf: Path, content: bytes) -> None:
    shelf.parent.mkdir()
    shelf.write_bytes(content)
    encoder = LetterEncoder()
    for use in (
        lambda: list_documents(shelf),
        lambda: found(shelf, "boat", encoder),
        lambda: add_document(shelf, document("a.txt", "A boat."), encoder),
        lambda: drop_document(shelf, "id", encoder),
        lambda: ShelfReader().document(shelf, "id"),
    ):
        with pytest.raises(ShelfError, match="damaged"):
            use()
    assert shelf.read_bytes() == content


def test_damage_anywhere_never_gives_wrong_words(shelf: Path) -> None:
    encoder = LetterEncoder()
    added = document("a.txt", long_text("boat", 600), (Page("1", 0, 5000),))
    add_document(shelf, added, encoder)
    whole = shelf.read_bytes()
    random = Random(1337)
    n_refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        start = random.randrange(len(whole))
        n = min(random.choice((1, 4, 64, 2000)), len(whole) - start)
        damaged[start : start + n] = random.randbytes(n)
        shelf.write_bytes(damaged[: random.choice((len(whole), start + n))])
        try:
            passages = search_shelf(shelf, "boat 70", encoder.encode(["boat 70"])[0], 20, encoder.name)
            for passage in passages:
                assert added.text[passage.start : passage.start + len(passage.text)] == passage.text
            assert ShelfReader().document(shelf, added.id) == added
        except ShelfError:
            n_refused += 1
    assert n_refused > 10


def test_an_empty_file_is_a_shelf_that_was_never_finished(shelf: Path) -> None:
    shelf.parent.mkdir()
    shelf.touch()
    assert list_documents(shelf) == ()
    assert len(add_document(shelf, document("a.txt", "A boat."), LetterEncoder())) == 1


def test_a_database_of_another_program_is_left_alone(shelf: Path) -> None:
    shelf.parent.mkdir()
    other = sqlite3.connect(shelf)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    before = shelf.read_bytes()
    for use in (
        lambda: list_documents(shelf),
        lambda: add_document(shelf, document("a.txt", "A boat."), LetterEncoder()),
    ):
        with pytest.raises(ShelfError, match="another program"):
            use()
    assert shelf.read_bytes() == before


def test_another_version_of_the_tables_is_refused(shelf: Path) -> None:
    add_document(shelf, document("a.txt", "A boat."), LetterEncoder())
    connection = sqlite3.connect(shelf)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ShelfError, match="version 99"):
        list_documents(shelf)


def test_the_vectors_of_another_encoder_are_refused(shelf: Path) -> None:
    add_document(shelf, document("a.txt", "A boat."), LetterEncoder("one"))
    for use in (
        lambda: found(shelf, "boat", LetterEncoder("two")),
        lambda: add_document(shelf, document("b.txt", "A cart."), LetterEncoder("two")),
        lambda: list_documents(shelf, "two"),
    ):
        with pytest.raises(ShelfError, match="encoder one, not with two"):
            use()
    assert len(list_documents(shelf)) == 1


def test_a_shelf_in_a_folder_that_cannot_be_written_to_is_searched(shelf: Path) -> None:
    add_document(shelf, document("a.txt", "A boat. " * 20), LetterEncoder())
    code = f"""
import os
from pathlib import Path
from tests.support.letter_encoder import LetterEncoder
from tests.support.shelves import found
if os.getuid() == 0:
    os.chown({str(shelf)!r}, 65534, 65534)
    os.chown({str(shelf.parent)!r}, 65534, 65534)
    os.setuid(65534)
os.chmod({str(shelf.parent)!r}, 0o555)
print(found(Path({str(shelf)!r}), "boat", LetterEncoder()))
"""
    for folder in [shelf.parent, *list(shelf.parents)[1:4]]:
        if folder.stat().st_uid == os.getuid():
            folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    shelf.parent.chmod(0o755)
    assert done.stdout.strip() == "['a.txt']", done.stderr
