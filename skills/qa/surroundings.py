"""The sentence around an answer: whether it holds it, and how much of the question it covers. Pure.

A reader that learnt on encyclopaedias follows the kind of answer that is asked for: after "when" it likes
any date. The words of the question that stand around an answer help to tell which of two dates is meant,
and how far an answer can be believed. Counted outside the answer: what was asked for is no part of the
question.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from skills.retrieval.sentences import sentences
from skills.retrieval.words import informative_words

_WORD = re.compile(r"\w+")
#: Words are the same where so many first letters are, a plural's s aside: "договор" and "договора".
_PREFIX = 5


class Surroundings:
    """The sentences of one passage, as one question looks at them.

    Args:
        question: complete in itself.
        text: the passage's.
    """

    def __init__(self, question: str, text: str) -> None:
        self._asked = _stems(" ".join(informative_words(question)))
        self._text = text
        self._sentences = sentences(text)
        self._starts = [start for start, _ in self._sentences]

    def coverage(self, start: int, end: int) -> float:
        """Share of the question's informative words in the sentence in which an answer begins, in [0, 1].

        Args:
            start: the answer's first character in the passage.
            end: one past its last.
        """
        first, last = self._sentence(start)
        around = _stems(f"{self._text[first:start]} {self._text[end:last]}")
        return len(self._asked & around) / len(self._asked) if self._asked else 0.0

    def in_one_sentence(self, start: int, end: int) -> bool:
        """Whether an answer ends in the sentence in which it begins."""
        return end <= self._sentence(start)[1]

    def _sentence(self, start: int) -> tuple[int, int]:
        at = bisect_right(self._starts, start) - 1
        return self._sentences[at] if at >= 0 else (start, start)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word.casefold().rstrip("s")[:_PREFIX] for word in _WORD.findall(text))
