"""One question on one shelf: what is found, and that the bounds on its cost hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import numpy as np
import pytest

from skills.dialog import Document
from skills.retrieval import database, search
from skills.retrieval.updating import add_document
from tests.support.letter_encoder import LetterEncoder

ENCODER = LetterEncoder()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 passages that hold "harbour", 40 of them "lantern", one of them "okapi"."""
    path = tmp_path_factory.mktemp("shelf") / "shelf.db"
    parts = []
    for n in range(200):
        words = ["harbour", *(["lantern"] if n % 5 == 0 else []), *(["okapi"] if n == 77 else [])]
        parts.append(f"# Part {n}\n\n" + f"The {' '.join(words)} was seen by number {n}. " * 12)
    add_document(path, Document("d", "d.md", "\n\n".join(parts)), ENCODER)
    return path


@pytest.fixture
def connection(shelf: Path) -> Iterator[apsw.Connection]:
    with database.reading(shelf) as opened:
        assert opened is not None
        yield opened


def text_of(connection: apsw.Connection, hit: search.Hit) -> str:
    row = connection.execute("SELECT text FROM passages WHERE id = ?", (hit.passage_id,)).get
    return database.text_of(row)


def ask(connection: apsw.Connection, question: str, k: int = 5, weight: float = 0.0) -> list[search.Hit]:
    return search.search(connection, question, ENCODER.encode([question])[0], k, weight)


def test_the_rarest_word_decides(connection: apsw.Connection) -> None:
    best, second = ask(connection, "Which harbour lantern did the okapi see?", 2)
    assert "okapi" in text_of(connection, best)
    assert best.share > second.share > 0.0


def test_a_word_that_stands_nowhere_lowers_the_score(connection: apsw.Connection) -> None:
    (known,) = ask(connection, "okapi lantern", 1)
    (unknown,) = ask(connection, "okapi lantern zeppelin", 1)
    assert known.passage_id == unknown.passage_id
    assert unknown.share < known.share


def test_words_are_found_whatever_their_ending_and_case(connection: apsw.Connection) -> None:
    assert "okapi" in text_of(connection, ask(connection, "OKAPIS", 1)[0])


@pytest.mark.parametrize(
    "question", ['"okapi" OR', "okapi*", "okapi NEAR(", "body:okapi", "^okapi", "'okapi'; --"]
)
def test_the_query_language_of_the_index_cannot_be_reached(
    connection: apsw.Connection, question: str
) -> None:
    assert "okapi" in text_of(connection, ask(connection, question, 1)[0])


@pytest.mark.parametrize(
    "question", ["?!", "", "the of and", "\x00", "\ud800", "zeppelin", "x" * 10_000, "é" * 500]
)
def test_any_question_is_taken(connection: apsw.Connection, question: str) -> None:
    vector = ENCODER.encode(["anything"])[0]
    assert len(search.search(connection, question, vector, 5)) == 5


def test_only_passages_with_rare_words_are_scored_past_the_bound(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = ask(connection, "harbour okapi", 300)
    monkeypatch.setattr(search, "MAX_SCORED", 10)
    bounded = ask(connection, "harbour okapi", 300)
    assert bounded[0] == every[0]
    # beside the one with the rare word only what is near in meaning is looked at
    assert len(bounded) <= search.N_CANDIDATES + 1 < len(every)


def test_words_past_the_bound_on_matches_do_not_count(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_MATCHES", 100)
    monkeypatch.setattr(search, "N_CANDIDATES", 3)
    hits = ask(connection, "harbour", 300, weight=0.5)
    assert len(hits) == 3
    assert {hit.share for hit in hits} == {0.0}


def test_packed_vectors_keep_their_cosines() -> None:
    random = np.random.default_rng(7)
    vectors = random.standard_normal((200, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    packed = search.pack_vectors(vectors).astype(np.float32)
    packed /= np.linalg.norm(packed, axis=1, keepdims=True)
    assert np.abs(packed @ vectors[0] - vectors @ vectors[0]).max() < 0.003
    assert search.pack_signs(vectors).shape == (200, 48)
    assert search.pack_vectors(np.zeros((1, 8), dtype=np.float32)).tolist() == [[0] * 8]
