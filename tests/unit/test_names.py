"""Names and numbers, by their capitals."""

from __future__ import annotations

import pytest

from skills.retrieval.names import name_words, names_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where was Marie Curie born in 1867?", ["Marie Curie", "1867"]),
        ("Who runs the University of Lund?", ["University of Lund"]),
        ("Marie Curie's father", ["Marie Curie"]),
        ("How long is the Brix 300?", ["Brix 300"]),
        ("May it be sublet?", []),
        ("Warsaw", ["Warsaw"]),
        ("He went to Cork. Tomorrow he leaves.", ["Cork"]),
        ("Ada Hall, Tom Reed", ["Ada Hall", "Tom Reed"]),
        ("nine symphonies", []),
        ("Where does Mr. Smith live? Dr. Lee knows.", ["Mr. Smith", "Dr. Lee"]),
        ("Where is St. Mary Street?", ["St. Mary Street"]),
        ("Who is J. K. Rowling?", ["J. K. Rowling"]),
        ("He lives in Cork. Prof. Reed does not.", ["Cork", "Prof. Reed"]),
        ("WHAT IS YOUR FAVORITE COLOR IN 1999?", ["1999"]),
        ("IBM", ["IBM"]),
        ("What does NASA do?", ["NASA"]),
    ],
)
def test_names(text: str, expected: list[str]) -> None:
    assert names_of(text) == expected


def test_a_title_is_no_word_of_a_name() -> None:
    assert name_words("Where does Mr. Smith live?") == {"smith"}
