"""Tokens to text: half a character or word is held back, and what stands before it is not."""

from __future__ import annotations

from typing import Any

import pytest

from skills.generation.engines.token_text import TokenText


class Bytes:
    """A tokenizer whose tokens are bytes."""

    def decode(self, ids: list[int], **_: Any) -> str:
        return bytes(ids).decode("utf-8", "replace")


class Words:
    """A tokenizer whose tokens are words, as CTRL's."""

    words = ("the", "sea@@", "side", "si@@", "de")

    def decode(self, ids: list[int], **_: Any) -> str:
        return " ".join(self.words[token] for token in ids).replace("@@ ", "")


@pytest.mark.parametrize("text", ["Well, мир", "Well 雪", "Well ☃"])
def test_all_tokens_at_once_end_in_half_a_character(text: str) -> None:
    heard: list[str] = []
    reception = TokenText(Bytes(), (), lambda piece: bool(heard.append(piece)))
    reception.take(list(text.encode())[:-1])
    assert reception.finish() == "".join(heard) == text[:-1]


def test_all_tokens_at_once_end_in_half_a_word() -> None:
    reception = TokenText(Words(), (), None, "@@")
    reception.take([0, 1, 2, 0, 1])
    assert reception.finish() == "the seaside the"


@pytest.mark.parametrize(
    ("tokenizer", "tokens", "expected"),
    [
        (Bytes(), list("a☃ мир".encode()), ["a", "☃", " ", "м", "и", "р"]),
        (Bytes(), [97, 255, 98], ["a", "�b"]),
        (Words(), [0, 1, 3, 4, 0], ["the", " seaside", " the"]),
    ],
)
def test_a_token_at_a_time_each_piece_comes_when_it_is_whole(
    tokenizer: Any, tokens: list[int], expected: list[str]
) -> None:
    heard: list[str] = []
    reception = TokenText(tokenizer, (), lambda piece: bool(heard.append(piece)), "@@")
    for token in tokens:
        reception.take([token])
    assert heard == expected
    assert reception.finish() == "".join(expected)
