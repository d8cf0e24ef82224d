"""Everyday documents and questions, from the text files they are written in.

Leases, manuals, policies, minutes: what people ask of them, and how they type it ("notice period?", "can i
keep a dog"), SQuAD does not have. A file is a document, then a line ``---``, then questions as
:mod:`skills.qa.questions.marked` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skills.errors import ConfigurationError
from skills.qa.questions.marked import Question, marked_questions

#: Those that are learnt from, and those that are measured on.
DOCUMENTS, HELD_OUT = (Path(__file__).with_name(name) for name in ("documents", "held_out"))

_RULE = "\n---\n"


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
    return QuestionedDocument(name, text, marked_questions(name, text, asked))
