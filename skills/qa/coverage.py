"""How much of a question the sentence around an answer covers. Pure.

A reader that learnt on encyclopaedias follows the kind of answer that is asked for: asked when either
side may end a lease it finds the date on which the lease begins. The words of the question that stand
around an answer tell which of two dates is meant, and how far an answer can be believed. Counted outside
the answer: what was asked for is no part of the question.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from skills.retrieval.sentences import sentences
from skills.retrieval.words import informative_words

_WORD = re.compile(r"\w+")
#: Words are the same where so many first letters are, a plural's s aside: "договор" and "договора".
_PREFIX = 5


class Coverage:
    """Of one question, over the sentences of one passage.

    Args:
        question: complete in itself.
        text: the passage's.
    """

    def __init__(self, question: str, text: str) -> None:
        self._asked = _stems(" ".join(informative_words(question)))
        self._text = text
        self._sentences = sentences(text)
        self._starts = [start for start, _ in self._sentences]

    def __call__(self, start: int, end: int) -> float:
        """Share of the question's informative words in the sentence in which an answer begins, in [0, 1].

        Args:
            start: the answer's first character in the passage.
            end: one past its last.
        """
        at = bisect_right(self._starts, start) - 1
        if not self._asked or at < 0:
            return 0.0
        first, last = self._sentences[at]
        around = f"{self._text[first:start]} {self._text[end:last]}"
        return len(self._asked & _stems(around)) / len(self._asked)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word.casefold().rstrip("s")[:_PREFIX] for word in _WORD.findall(text))
