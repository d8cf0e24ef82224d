"""Questions with their answers marked in a text, as one writes them down.

Blocks of a question and its answers, an empty line between them::

    Q: can i keep a dog
    A: Dogs are not allowed

An answer is copied from the text. Where its words stand there more than once, `` @@ `` and words around it
that stand there once follow. ``A: -`` is for what the text does not tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from skills.errors import ConfigurationError

_NONE = "-"


@dataclass(frozen=True)
class Question:
    """A question about a text.

    Attributes:
        text: as it was typed.
        answers: first character and one past the last of each in the text; empty where it tells none.
    """

    text: str
    answers: tuple[tuple[int, int], ...]


def marked_questions(name: str, text: str, asked: str) -> tuple[Question, ...]:
    """The questions that are written down about a text.

    Args:
        name: of the text, for errors.
        text: what is asked about.
        asked: blocks as above.

    Raises:
        ConfigurationError: if they are not in the format; the message says what was expected where.
    """
    questions = []
    for block in re.split(r"\n\s*\n", asked.strip()):
        first, *rest = (line.strip() for line in block.splitlines() or [""])
        if not first.startswith("Q: ") or not rest or any(not line.startswith("A: ") for line in rest):
            raise ConfigurationError(f"{name}: expected a line Q: and lines A:, got {block[:60]!r}")
        answers = [line[3:].strip() for line in rest]
        spans = () if answers == [_NONE] else tuple(_span(name, text, answer) for answer in answers)
        questions.append(Question(first[3:].strip(), spans))
    return tuple(questions)


def _span(name: str, text: str, answer: str) -> tuple[int, int]:
    words, mark, around = (part.strip() for part in answer.partition(" @@ "))
    starts = [found.start() for found in re.finditer(re.escape(words), text)] if words else []
    near = text.find(around) if mark else -1
    if not starts or (mark and (near < 0 or text.count(around) > 1)) or (len(starts) > 1 and not mark):
        raise ConfigurationError(f"{name}: expected an answer that stands once in the text, got {answer!r}")
    start = min(starts, key=lambda at: abs(at - near)) if mark else starts[0]
    return start, start + len(words)
