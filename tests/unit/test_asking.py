"""What asks, by its form."""

from __future__ import annotations

import pytest

from skills.asking import asks, without_request


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
        "hi, when is the rent due",
        "hello whats the rent",
        "Thanks! how much is the deposit",
        "Great, thanks. How much is it",
        "good morning, can i park here",
        "hi there who signs",
        "Hello, is the rent due?",
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
        "Oh wow that's so nice, thank you very much! How are you?",
        "hi there is a leak",
        "Hi, I'm Ann",
        "thanks to whom",
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


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("Can you tell me how much it is?", "how much it is?"),
        ("could you please explain to me the fees", "the fees"),
        ("Do you know when it is due?", "when it is due?"),
        ("tell me about the rent", "the rent"),
        ("Can you tell me?", "Can you tell me?"),
        ("Can you keep a dog?", "Can you keep a dog?"),
        ("telling the truth", "telling the truth"),
    ],
)
def test_without_request(question: str, left: str) -> None:
    assert without_request(question) == left
