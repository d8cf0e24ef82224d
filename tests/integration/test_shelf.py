"""A shelf on a real file system: documents come back to the letter, are found, replaced, dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from skills.dialog import Document, Page
from skills.errors import ShelfError
from skills.retrieval.index import ShelfReader, list_documents, search_shelf
from skills.retrieval.passages import split_document
from skills.retrieval.updating import add_document, drop_document
from tests.support.letter_encoder import LetterEncoder
from tests.support.shelves import document, found, long_text
from tests.unit.test_passages import documents


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
        assert passage.heading in {"One", "Two"}
        assert passage.page == "i"
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)


@given(documents())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_no_word_of_a_dropped_document_stays_in_the_file(shelf: Path) -> None:
    encoder = LetterEncoder()
    for added in (
        document("lease.txt", long_text("boat") + " The code is zweihundert."),
        document("lease.txt", long_text("boat") + " The code is quarantaine."),
        document("cart.txt", long_text("cart")),
    ):
        add_document(shelf, added, encoder)
    words = (b"weihundert", b"uarantain")  # as the index has them, which leaves out what the one before has
    assert any(word in shelf.read_bytes() for word in words)
    drop_document(shelf, document("lease.txt", long_text("boat") + " The code is quarantaine.").id, encoder)
    assert [file for file in shelf.parent.iterdir() for word in words if word in file.read_bytes()] == []
    assert found(shelf, "Which cart was painted?", encoder)[0] == "cart.txt"


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
