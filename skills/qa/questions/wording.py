"""A paragraph and its questions as the text that a language model goes on with. Pure.

The title and the paragraph, a line each, then two lines for each question: ``A:`` with its answer, ``-``
where the paragraph holds none, and ``Q:`` with the question. The answer comes first, so that the model
chooses a span and then asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from skills.qa.questions.paragraphs import Paragraph

#: Stands for the answer where there is none.
NO_ANSWER = "-"
_PAIR = re.compile(r"^A: (.+)\nQ: (.+)\n", re.MULTILINE)
#: What is kept of what is written: words of a question, characters of an answer.
MIN_WORDS, MAX_WORDS = 4, 30
MAX_ANSWER_CHARS = 120


@dataclass(frozen=True)
class Question:
    """A question about a paragraph.

    Attributes:
        text: the question.
        answer: a span of the paragraph, or "" where it holds none.
    """

    text: str
    answer: str


def prompt(paragraph: Paragraph) -> str:
    """The text up to the questions."""
    return f"{paragraph.title}\n{paragraph.text}\n"


def continuation(questions: Iterable[Question]) -> str:
    """The text behind :func:`prompt`."""
    return "".join(
        f"A: {' '.join(q.answer.split()) or NO_ANSWER}\nQ: {' '.join(q.text.split())}\n" for q in questions
    )


def questions_in(text: str, paragraph: Paragraph) -> list[Question]:
    """The usable questions of what a model wrote behind :func:`prompt`.

    Left out is what is no question, too long or short, said before, has its answer in it, or an answer
    that the paragraph does not hold.
    """
    found: dict[str, Question] = {}
    for answer, question in _PAIR.findall(text):
        answer, question = answer.strip(), question.strip()
        if not question.endswith("?") or not MIN_WORDS <= len(question.split()) <= MAX_WORDS:
            continue
        if answer == NO_ANSWER:
            answer = ""
        elif not _fits(answer, question, paragraph):
            continue
        found.setdefault(question, Question(question, answer))
    return list(found.values())


def _fits(answer: str, question: str, paragraph: Paragraph) -> bool:
    if len(answer) > MAX_ANSWER_CHARS or answer.lower() in question.lower():
        return False
    return answer in paragraph.text
