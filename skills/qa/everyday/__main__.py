"""Writes the everyday documents as SQuAD-format files, for training and validation.

    python -m skills.qa.everyday FOLDER [--times N]

FOLDER gets ``train-everyday.json`` and ``valid-everyday.json``. Contexts are the passages that the documents
are cut into for the search, so the reader learns from what it will be shown. A question without an answer
stands beside the passage that shares most words with it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skills.command import exit_status
from skills.dialog import Document
from skills.errors import ConfigurationError, whole_number
from skills.qa.dataset import most_alike
from skills.qa.everyday.texts import DOCUMENTS, HELD_OUT, QuestionedDocument, read_texts
from skills.qa.questions.marked import Question
from skills.retrieval.passages import PassageSpan, split_document


def article_of(document: QuestionedDocument, copy: int = 0) -> dict[str, Any]:
    """An article of a SQuAD-format file.

    Args:
        document: with its questions.
        copy: number of the copy, which the questions' ids carry: of one id only one question is read.
    """
    passages = split_document(Document("", document.name, document.text))
    texts = [document.text[p.start : p.end] for p in passages]
    asked: list[list[dict[str, Any]]] = [[] for _ in passages]
    for number, question in enumerate(document.questions):
        spans = [_within(question, passage) for passage in passages]
        at = max(range(len(passages)), key=lambda n: len(spans[n]))
        if question.answers and not spans[at]:
            raise ConfigurationError(f"{document.name}: expected an answer in a sentence: {question.text!r}")
        if not question.answers:
            at = texts.index(most_alike(question.text, texts, 1)[0])
        answers = [{"text": texts[at][start:end], "answer_start": start} for start, end in spans[at]]
        entry = {"id": f"{document.name}-{number}-{copy}", "question": question.text}
        asked[at].append({**entry, "answers": answers, "is_impossible": not answers})
    paragraphs = [{"context": text, "qas": qas} for text, qas in zip(texts, asked, strict=True)]
    return {"title": document.name, "paragraphs": paragraphs}


def _within(question: Question, passage: PassageSpan) -> list[tuple[int, int]]:
    """The answers that stand in a passage, by its characters."""
    first, last = passage.start, passage.end
    return [(start - first, end - first) for start, end in question.answers if first <= start < end <= last]


def write(folder: Path, times: int) -> None:
    """Write both files and say what is in them.

    Args:
        folder: of the files; it is made where there is none.
        times: copies of what is learnt from.

    Raises:
        ConfigurationError: if a document is not in the format.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts, n_copies in (("train", DOCUMENTS, times), ("valid", HELD_OUT, 1)):
        documents = read_texts(texts)
        articles = [article_of(document, copy) for copy in range(n_copies) for document in documents]
        file = folder / f"{name}-everyday.json"
        file.write_text(json.dumps({"data": articles}), "utf-8")
        questions = [q for document in documents for q in document.questions]
        n_without = sum(not question.answers for question in questions)
        counted = f"{len(documents)} documents, {len(questions)} questions"
        print(f"{file}: {counted}, {n_without} without an answer")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m skills.qa.everyday")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--times", type=int, default=1, metavar="N", help="how often each is to be learnt from"
    )
    asked = parser.parse_args(arguments)
    return exit_status(lambda: write(asked.folder, whole_number("--times", asked.times, 1, 1000)))


if __name__ == "__main__":
    sys.exit(main())
