"""The sentence around an answer: whether it holds it, and how much of the question it covers. Pure.

A reader that learnt on encyclopaedias follows the kind of answer that is asked for: after "when" it likes
any date. The words of the question that stand around an answer help to tell which of two dates is meant,
and how far an answer can be believed. Counted outside the answer: what was asked for is no part of the
question.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache

from skills.qa.spans import Span
from skills.retrieval.sentences import sentences
from skills.retrieval.words import informative_words

_WORD = re.compile(r"\w+")
#: What it counts among the spans of a text, in the reader's logits, that the sentence around an answer
#: covers the whole question: its words outside the answer, and all of its words. The first tells spans of
#: one sentence apart and prefers short ones, the second tells sentences apart.
AROUND_LOGITS = 2.0
SENTENCE_LOGITS = 3.0
#: Words are the same where so many first letters are, a plural's s aside: "договор" and "договора".
_PREFIX = 5


class Surroundings:
    """The sentences of one passage, as one question looks at them.

    Args:
        question: complete in itself.
        text: the passage's.
    """

    def __init__(self, question: str, text: str) -> None:
        self._asked = frozenset(map(_stem, _WORD.findall(" ".join(informative_words(question))))) - {""}
        #: Where the question's words stand: first character, one past the last, the word's stem.
        self._hits = [
            (word.start(), word.end(), stem)
            for word in _WORD.finditer(text)
            if (stem := _stem(word[0])) in self._asked
        ]
        self._hit_starts = [start for start, _, _ in self._hits]
        self._sentences = sentences(text)
        self._starts = [start for start, _ in self._sentences]

    def coverage(self, start: int, end: int) -> float:
        """Share of the question's informative words in the sentence of an answer, in [0, 1].

        Args:
            start: the answer's first character in the passage.
            end: one past its last; an answer that ends in another sentence than it begins in has none
                around it, so that it doesn't gain by what it begins with.
        """
        words = self._asked_of(start, end)
        return self._share(stem for begins, ends, stem in words if ends <= start or begins >= end)

    def sentence_coverage(self, start: int, end: int) -> float:
        """As :meth:`coverage`, with the answer's own words."""
        return self._share(stem for _, _, stem in self._asked_of(start, end))

    def coverage_by(self, start: int, end: int) -> float:
        """Share of the question's informative words in a stretch of the passage, in [0, 1]."""
        return self._share(stem for _, _, stem in self._within(start, end))

    def _asked_of(self, start: int, end: int) -> list[tuple[int, int, str]]:
        """Where the question's words stand in the one sentence of an answer."""
        first, last = self._sentence(start)
        return self._within(first, last) if end <= last else []

    def _within(self, start: int, end: int) -> list[tuple[int, int, str]]:
        return self._hits[bisect_left(self._hit_starts, start) : bisect_left(self._hit_starts, end)]

    def _share(self, stems: Iterable[str]) -> float:
        return len(frozenset(stems)) / len(self._asked) if self._asked else 0.0

    def best_first(self, spans: Sequence[Span], weight: float = 1.0) -> tuple[Span, ...]:
        """Spans by falling score and coverage together; equal ones stay in their order.

        Args:
            spans: of the text.
            weight: what :data:`AROUND_LOGITS` and :data:`SENTENCE_LOGITS` are multiplied by.
        """
        return tuple(sorted(spans, key=lambda s: s.score + weight * self._covered(s), reverse=True))

    def _covered(self, span: Span) -> float:
        around = AROUND_LOGITS * self.coverage(span.start, span.end)
        return around + SENTENCE_LOGITS * self.sentence_coverage(span.start, span.end)

    def in_one_sentence(self, start: int, end: int) -> bool:
        """Whether an answer ends in the sentence in which it begins."""
        return end <= self._sentence(start)[1]

    def _sentence(self, start: int) -> tuple[int, int]:
        at = bisect_right(self._starts, start) - 1
        return self._sentences[at] if at >= 0 else (start, start)


@lru_cache(maxsize=128)
def surroundings(question: str, text: str) -> Surroundings:
    """Those of a question and a text; reader and chain ask for the same ones one after the other."""
    return Surroundings(question, text)


def _stem(word: str) -> str:
    return word.casefold().rstrip("s")[:_PREFIX]
