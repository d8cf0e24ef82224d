"""Tokens to text while they are made, for engines that deal in tokens. Knows no library."""

from __future__ import annotations

from typing import Any

from skills.dialog import Listener
from skills.generation.cleaning import StopFilter


class TokenText:
    """Turns tokens into text as they come, and hands it on up to the first stop text.

    Args:
        tokenizer: has ``decode(ids, ...)`` as in transformers.
        stops: texts at which the reply ends.
        listener: told each piece; True stops.
        half_word: what stands at the end of a text whose last word is not over yet, in tokenizers
            that write one; "" for none.

    Attributes:
        stopped: the listener asked to stop.
    """

    def __init__(
        self, tokenizer: Any, stops: tuple[str, ...], listener: Listener | None, half_word: str = ""
    ) -> None:
        self.tokenizer = tokenizer
        self.half_word = half_word
        self.listener = listener
        self.stopped = False
        self.filter = StopFilter(stops)
        self.ids: list[int] = []
        self.n_decoded = 0  # characters
        self.pieces: list[str] = []

    @property
    def n_tokens(self) -> int:
        """Tokens taken."""
        return len(self.ids)

    @property
    def over(self) -> bool:
        """Whether no more is wanted."""
        return self.stopped or self.filter.hit

    def take(self, tokens: list[int]) -> bool:
        """Take the next tokens; True ends the generation."""
        self.ids += tokens
        text = self.tokenizer.decode(self.ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        text = self._without_half(text)
        new, self.n_decoded = text[self.n_decoded :], max(self.n_decoded, len(text))
        self._show(self.filter.feed(new))
        return self.over

    def ask(self) -> bool:
        """Ask the listener whether to stop, where tokens are not taken as they are made."""
        if not self.over and self.listener is not None and self.listener(""):
            self.stopped = True
        return self.over

    def finish(self) -> str:
        """Hand on what was held back; returns the whole text."""
        if not self.over:
            self._show(self.filter.rest())
        return "".join(self.pieces)

    def _without_half(self, text: str) -> str:
        """A text without half a character or word at its end: the next token completes it."""
        text = text.rstrip("�")
        if self.half_word and text.endswith(self.half_word):
            return text.rpartition(" ")[0]
        return text

    def _show(self, text: str) -> None:
        if not text:
            return
        self.pieces.append(text)
        if self.listener is not None and self.listener(text):
            self.stopped = True


class TokenStreamer:
    """transformers' streamer protocol: the prompt first, then a token at a time."""

    def __init__(self, reception: TokenText, ends: frozenset[int]) -> None:
        self.reception = reception
        self.ends = ends
        self.is_prompt = True

    def put(self, value: Any) -> None:
        """Take the prompt, then token after token."""
        if self.is_prompt:
            self.is_prompt = False
            return
        self.reception.take([token for token in value.flatten().tolist() if token not in self.ends])

    def end(self) -> None:
        """Nothing is left to do: the engine finishes the text."""


def until_end(ids: list[int], ends: frozenset[int]) -> list[int]:
    """The tokens before the first end token."""
    return next((ids[:at] for at, token in enumerate(ids) if token in ends), ids)
