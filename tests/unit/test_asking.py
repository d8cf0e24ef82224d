"""What asks, by its form."""

from __future__ import annotations

import pytest

from skills.asking import asks


@pytest.mark.parametrize(
    "utterance",
    [
        "Is it allowed",
        "and who signs",
        "pets?",
        "whats the rent",
        "what's the rent",
        "what’s the rent",
        "wheres the key",
        "cant I keep a cat",
        "doesn't it end in May",
        "won't it leak",
        "please tell me the rent",
        "сколько стоит проезд",
    ],
)
def test_what_asks(utterance: str) -> None:
    assert asks(utterance)


@pytest.mark.parametrize(
    "utterance",
    [
        "I like pets",
        "thanks",
        "Hello, is anyone there?",
        "whatever you say",
        "Lists are fun",
        "cantaloupe",
        "wonderful weather",
        "isthmus",
        "",
    ],
)
def test_what_does_not(utterance: str) -> None:
    assert not asks(utterance)
