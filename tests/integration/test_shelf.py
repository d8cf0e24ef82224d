"""Shelves on a real file system: whole or not at all, read while written, damaged, replaced."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from skills.dialog import Document, Page
from skills.errors import ShelfError
from skills.retrieval.index import ShelfReader, list_documents, search_shelf
from skills.retrieval.passages import split_document
from skills.retrieval.updating import add_document, drop_document
from tests.support.letter_encoder import LetterEncoder
from tests.unit.test_passages import documents

ROOT = Path(__file__).resolve().parents[2]


def document(name: str, text: str, pages: tuple[Page, ...] = ()) -> Document:
    return Document(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), name, text, pages)


def long_text(topic: str, n: int = 60) -> str:
    return " ".join(f"The {topic} number {i} was painted red in the year {1000 + i}." for i in range(n))


def found(shelf: Path, question: str, encoder: LetterEncoder, k: int = 5) -> list[str]:
    passages = search_shelf(shelf, question, encoder.encode([question])[0], k, encoder.name)
    return [passage.document_name for passage in passages]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "shelf.db"


def test_a_shelf_that_does_not_exist_is_empty(shelf: Path) -> None:
    assert list_documents(shelf) == ()
    assert found(shelf, "anything", LetterEncoder()) == []
    assert drop_document(shelf, "id", LetterEncoder()) == ()
    assert not shelf.exists()


def test_documents_are_listed_found_and_come_back_to_the_letter(shelf: Path) -> None:
    encoder = LetterEncoder()
    bridge = document("bridge.txt", long_text("bridge"), (Page("1", 0, 900), Page("2", 900, 2000)))
    tower = document(
        "tower.txt", "\r\n\f ﬁne e\u0301 \u00ad\x00 \ud800 👩\u200d👧\r\n" + long_text("tower") + "\n \n"
    )
    add_document(shelf, bridge, encoder)
    entries = add_document(shelf, tower, encoder)
    assert [(e.id, e.name, e.n_chars, e.n_pages) for e in entries] == [
        (bridge.id, "bridge.txt", len(bridge.text), 2),
        (tower.id, "tower.txt", len(tower.text), 0),
    ]
    assert [e.n_passages for e in entries] == [len(split_document(d)) for d in (bridge, tower)]
    reader = ShelfReader()
    assert reader.document(shelf, bridge.id) == bridge
    assert reader.document(shelf, tower.id) == tower
    assert found(shelf, "Which tower was painted?", encoder)[0] == "tower.txt"
    assert found(shelf, "Which bridge was painted?", encoder)[0] == "bridge.txt"


def test_every_passage_found_stands_in_its_document(shelf: Path) -> None:
    encoder = LetterEncoder()
    added = document(
        "a.txt", f"# One\n\n{long_text('boat')}\n\n# Two\n\n{long_text('cart')}", (Page("i", 0, 9000),)
    )
    add_document(shelf, added, encoder)
    passages = search_shelf(shelf, "boat 12", encoder.encode(["boat 12"])[0], 50, encoder.name)
    assert len(passages) == len(split_document(added))
    for passage in passages:
        assert added.text[passage.start : passage.start + len(passage.text)] == passage.text
        assert 0.0 <= passage.score <= 1.0
        assert -1.0 <= passage.similarity <= 1.0
        assert 0.0 <= passage.overlap <= 1.0
        assert passage.heading in {"One", "Two"}
        assert passage.page == "i"
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)


@given(documents())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_document_comes_back_to_the_letter(tmp_path: Path, added: Document) -> None:
    path = tmp_path / "any.db"
    add_document(path, added, LetterEncoder())
    assert ShelfReader().document(path, added.id) == added
    reader = ShelfReader()
    n = len(added.text)
    for start, end in ((0, n), (n // 3, 2 * n // 3), (n // 2, n // 2), (n, n + 9), (0, 1), (-3, 4)):
        assert reader.document_text(path, added.id, start, end) == added.text[max(0, start) : max(0, end)]
    drop_document(path, added.id, LetterEncoder())


def test_the_same_document_twice_is_one_and_costs_nothing(shelf: Path) -> None:
    encoder = LetterEncoder()
    one = document("a.txt", long_text("boat"))
    first = add_document(shelf, one, encoder)
    n_encoded = encoder.n_encoded
    assert add_document(shelf, one, encoder) == first
    assert encoder.n_encoded == n_encoded


def test_the_same_content_under_another_name_is_renamed(shelf: Path) -> None:
    encoder = LetterEncoder()
    text = long_text("boat")
    add_document(shelf, document("old.txt", text), encoder)
    assert [e.name for e in add_document(shelf, document("new.txt", text), encoder)] == ["new.txt"]


def test_a_new_version_replaces_the_old_one(shelf: Path) -> None:
    encoder = LetterEncoder()
    old, new = document("a.txt", long_text("boat")), document("a.txt", long_text("cart"))
    add_document(shelf, document("other.txt", long_text("tower")), encoder)
    add_document(shelf, old, encoder)
    assert [e.id for e in add_document(shelf, new, encoder) if e.name == "a.txt"] == [new.id]
    passages = search_shelf(shelf, "boat", encoder.encode(["boat"])[0], 50, encoder.name)
    assert {p.document_id for p in passages} == {new.id, list_documents(shelf)[0].id}
    with pytest.raises(ShelfError, match="does not stand on the shelf"):
        ShelfReader().document(shelf, old.id)


def test_a_dropped_document_is_gone(shelf: Path) -> None:
    encoder = LetterEncoder()
    boat, cart = document("boat.txt", long_text("boat")), document("cart.txt", long_text("cart"))
    reader = ShelfReader()
    for added in (boat, cart):
        add_document(shelf, added, encoder)
        reader.document(shelf, added.id)
    assert [e.name for e in drop_document(shelf, boat.id, encoder)] == ["cart.txt"]
    assert set(found(shelf, "Which boat was painted?", encoder, 50)) == {"cart.txt"}
    with pytest.raises(ShelfError, match="does not stand"):
        reader.document(shelf, boat.id)
    assert [e.name for e in drop_document(shelf, boat.id, encoder)] == ["cart.txt"]


def test_dropping_gives_the_space_back(shelf: Path) -> None:
    encoder = LetterEncoder()
    small, large = document("s.txt", long_text("cart", 5)), document("l.txt", long_text("boat", 5000))
    add_document(shelf, small, encoder)
    add_document(shelf, large, encoder)
    full = shelf.stat().st_size
    drop_document(shelf, large.id, encoder)
    assert shelf.stat().st_size < full / 3


def test_a_blank_document_is_kept_and_never_found(shelf: Path) -> None:
    encoder = LetterEncoder()
    blank = document("blank.txt", " \r\n\f ")
    (entry,) = add_document(shelf, blank, encoder)
    assert entry.n_passages == 0
    assert ShelfReader().document(shelf, blank.id) == blank
    assert found(shelf, "anything", encoder) == []


def test_only_its_owner_may_read_a_shelf(shelf: Path) -> None:
    add_document(shelf, document("a.txt", long_text("boat")), LetterEncoder())
    assert shelf.stat().st_mode & 0o077 == 0


def test_progress_rises_to_one(shelf: Path) -> None:
    told: list[float] = []
    add_document(shelf, document("a.txt", long_text("boat", 300)), LetterEncoder(), told.append)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_reader_keeps_no_more_than_it_may(shelf: Path) -> None:
    encoder = LetterEncoder()
    added = [document(f"{n}.txt", long_text(f"boat{n}")) for n in range(6)]
    for one in added:
        add_document(shelf, one, encoder)
    reader = ShelfReader(max_cached_chars=2 * len(added[0].text) + 10)
    for one in added * 2:
        assert reader.document(shelf, one.id) == one
        assert sum(map(len, reader._cache.values())) <= 2 * len(added[0].text) + 10
    assert len(reader._cache) == 2


# -- several processes and threads ----------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from skills.retrieval.updating import add_document
from tests.integration.test_shelf import document, long_text
from tests.support.letter_encoder import LetterEncoder
for n in range(int(sys.argv[2]), int(sys.argv[3])):
    add_document(Path(sys.argv[1]), document(f"{n}.txt", long_text(f"boat{n}", 400)), LetterEncoder())
    print(n, flush=True)
"""


def writer(shelf: Path, first: int, last: int) -> subprocess.Popen[str]:
    """A process that adds documents, each printed once it is on the shelf."""
    command = [sys.executable, "-c", WRITER, str(shelf), str(first), str(last)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_killed_writer_leaves_whole_documents_only(shelf: Path) -> None:
    encoder = LetterEncoder()
    n_done = 0
    for round_number in range(4):
        process = writer(shelf, n_done, 1000)
        assert process.stdout is not None
        n_done = int(process.stdout.readline()) + 1
        time.sleep(0.01 * (round_number + 1))  # somewhere in the midst of one of the next ones
        os.kill(process.pid, signal.SIGKILL)
        n_done = max([n_done, *(int(line) + 1 for line in process.stdout)])
        process.stdout.close()
        process.wait()
        entries = list_documents(shelf)
        # what was reported is there; one more may have been written and not yet reported
        assert len(entries) in {n_done, n_done + 1}
        n_done = len(entries)
        reader = ShelfReader()
        for n, entry in enumerate(entries):
            whole = document(f"{n}.txt", long_text(f"boat{n}", 400))
            assert reader.document(shelf, entry.id) == whole
            assert entry.n_passages == len(split_document(whole))
            passages = search_shelf(shelf, f"boat{n}", encoder.encode([f"boat{n}"])[0], 1, encoder.name)
            assert passages[0].document_name == f"{n}.txt"


def test_two_writing_processes_and_reading_threads(shelf: Path) -> None:
    encoder = LetterEncoder()
    add_document(shelf, document("first.txt", long_text("first", 400)), encoder)
    processes = [writer(shelf, 0, 4), writer(shelf, 4, 8)]
    counts: list[list[int]] = [[] for _ in range(4)]
    failures: list[BaseException] = []

    def read(seen: list[int]) -> None:
        try:
            while any(process.poll() is None for process in processes):
                entries = list_documents(shelf)
                seen.append(len(entries))
                passages = search_shelf(shelf, "red boat", encoder.encode(["red boat"])[0], 20, encoder.name)
                assert passages
                reader = ShelfReader()
                for passage in passages[:3]:
                    text = reader.document(shelf, passage.document_id).text
                    assert text[passage.start : passage.start + len(passage.text)] == passage.text
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(seen,)) for seen in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.communicate()
    assert failures == []
    assert all(seen == sorted(seen) for seen in counts)
    assert len(list_documents(shelf)) == 9


# -- files that are not what they should be --------------------------------------------------


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
from tests.integration.test_shelf import LetterEncoder, found, list_documents
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
