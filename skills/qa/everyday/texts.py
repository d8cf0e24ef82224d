"""Everyday documents and questions, from the text files they are written in.

Leases, manuals, policies, minutes: what people ask of them, and how they type it ("notice period?", "can i
keep a dog"), SQuAD does not have. A file is a document, then a line ``---``, then
blocks of a question and its answers::

    Q: can i keep a dog
    A: Dogs are not allowed

An answer is copied from the document. Where its words stand there more than once, `` @@ `` and words of its
sentence that stand there once follow. ``A: -`` is for what the document does not tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from skills.errors import ConfigurationError

#: Those that are learnt from, and those that are measured on.
DOCUMENTS, HELD_OUT = (Path(__file__).with_name(name) for name in ("documents", "held_out"))

_RULE = "\n---\n"
_NONE = "-"


@dataclass(frozen=True)
class Question:
    """A question of a document.

    Attributes:
        text: as it was typed.
        answers: first character and one past the last of each in the document; empty where it tells none.
    """

    text: str
    answers: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class QuestionedDocument:
    """A document and what is asked of it."""

    name: str
    text: str
    questions: tuple[Question, ...]


def read_texts(folder: Path) -> list[QuestionedDocument]:
    """The documents of a folder, by name.

    Raises:
        ConfigurationError: if there is none, or one is not in the format.
    """
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise ConfigurationError(f"{folder}: expected *.txt files of documents with questions, found none")
    return [parse(file.stem, file.read_text("utf-8")) for file in files]


def parse(name: str, content: str) -> QuestionedDocument:
    """A file's document and questions.

    Raises:
        ConfigurationError: if it is not in the format; the message says what was expected where.
    """
    text, rule, asked = content.partition(_RULE)
    if not rule:
        raise ConfigurationError(f"{name}: expected a line --- between the document and its questions")
    questions = []
    for block in re.split(r"\n\s*\n", asked.strip()):
        first, *rest = (line.strip() for line in block.splitlines())
        if not first.startswith("Q: ") or not rest or any(not line.startswith("A: ") for line in rest):
            raise ConfigurationError(f"{name}: expected a line Q: and lines A:, got {block[:60]!r}")
        answers = [line[3:].strip() for line in rest]
        spans = () if answers == [_NONE] else tuple(_span(name, text, answer) for answer in answers)
        questions.append(Question(first[3:].strip(), spans))
    return QuestionedDocument(name, text, tuple(questions))


def _span(name: str, text: str, answer: str) -> tuple[int, int]:
    words, mark, around = (part.strip() for part in answer.partition(" @@ "))
    starts = [found.start() for found in re.finditer(re.escape(words), text)] if words else []
    near = text.find(around) if mark else -1
    if not starts or (mark and (near < 0 or text.count(around) > 1)) or (len(starts) > 1 and not mark):
        raise ConfigurationError(
            f"{name}: expected an answer that stands once in the document, got {answer!r}"
        )
    start = min(starts, key=lambda at: abs(at - near)) if mark else starts[0]
    return start, start + len(words)
