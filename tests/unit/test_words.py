"""Words that say what a question is about, and those that do not."""

from __future__ import annotations

import pytest

from skills.dialog import Turn
from skills.retrieval.names import name_words
from skills.retrieval.question import complete_question
from skills.retrieval.words import informative_words, is_stop_word


@pytest.mark.parametrize(
    "word", ["What", "what's", "What’s", "whats", "I'm", "who'll", "isn’t", "Doesn't", "they're"]
)
def test_a_contraction_of_a_stop_word_is_one(word: str) -> None:
    assert is_stop_word(word)
    assert not name_words(f"Tell her that {word} late?")


@pytest.mark.parametrize("word", ["rent", "Reed's", "D'Arcy", "o'clock", "iPad's"])
def test_another_word_with_an_apostrophe_is_none(word: str) -> None:
    assert not is_stop_word(word)


def test_what_an_apostrophe_leaves_is_not_searched_for() -> None:
    assert informative_words("Doesn't it end, and aren’t we late?") == ["end", "late"]


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [
        ("What's the rent?", "And the deposit?", "What's the deposit?"),
        ("What’s the rent?", "And the deposit?", "What’s the deposit?"),
        ("whats the rent", "and the deposit?", "whats the deposit"),
        ("What's the deposit?", "When is it due?", "When is the deposit due?"),
        ("Isn't Ann Reed the landlord?", "What is her number?", "What is Ann Reed's number?"),
        ("What happens if I'm late with the rent?", "How much is it?", "How much is it happens late rent?"),
    ],
)
def test_contractions_are_neither_names_nor_topics(before: str, said: str, expected: str) -> None:
    assert complete_question(said, [Turn("user", before), Turn("assistant", "900", "qa")]) == expected
