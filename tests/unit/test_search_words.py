"""Which words of a question are searched for."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

from skills.retrieval import search
from skills.retrieval.database import TOKENIZER
from skills.retrieval.words import MAX_WORDS, informative_words


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    """An index of words alone."""
    opened = apsw.Connection(":memory:")
    opened.execute(f"""
        CREATE VIRTUAL TABLE passage_words USING fts5(body, tokenize='{" ".join(TOKENIZER)}');
        CREATE VIRTUAL TABLE passage_vocabulary USING fts5vocab(passage_words, row);
        CREATE TABLE documents (n_passages INTEGER);
        INSERT INTO documents VALUES (3);
        INSERT INTO passage_words VALUES ('max_retries is 5'), ('max_connections is 9'), ('max speed');
    """)
    yield opened
    opened.close()


def test_words_that_begin_alike_are_each_searched_for(connection: apsw.Connection) -> None:
    words = search._affordable_words(connection, "max_retries and max_connections, and speed or speeds?")
    assert set(words.every) == set(words.rare) == {"max_retries", "max_connections", "speed"}


def test_what_a_long_message_asks_at_its_end_is_searched_for() -> None:
    story = " ".join(f"word{n}" for n in range(500))
    words = informative_words(f"{story} So who pays for Word300 and the boiler?")
    assert len(words) == MAX_WORDS
    assert words[:2] == ["word0", "word1"]
    assert words[-3:] == ["pays", "word300", "boiler"]
