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

from skills.dialog import Document
from skills.errors import ConfigurationError, SkillError
from skills.qa.everyday.texts import DOCUMENTS, HELD_OUT, QuestionedDocument, read_texts
from skills.qa.surroundings import Surroundings
from skills.retrieval.passages import PassageSpan, split_document


def article_of(document: QuestionedDocument, copy: int = 0) -> dict[str, Any]:
    """An article of a SQuAD-format file.

    Args:
        document: with its questions.
        copy: number of the copy, which the questions' ids carry: of one id only one question is read.
    """
    passages = split_document(Document("", document.name, document.text))
    asked: list[list[dict[str, Any]]] = [[] for _ in passages]
    for number, question in enumerate(document.questions):
        entry = {"id": f"{document.name}-{number}-{copy}", "question": question.text}
        if not question.answers:
            at = _nearest(question.text, document.text, passages)
            asked[at].append({**entry, "answers": [], "is_impossible": True})
            continue
        held = [
            (
                at,
                [
                    (start - p.start, end - p.start)
                    for start, end in question.answers
                    if p.start <= start < end <= p.end
                ],
            )
            for at, p in enumerate(passages)
        ]
        at, spans = max(held, key=lambda of_passage: len(of_passage[1]))
        if not spans:
            raise ConfigurationError(
                f"{document.name}: expected an answer within a sentence: {question.text!r}"
            )
        context = document.text[passages[at].start : passages[at].end]
        answers = [{"text": context[start:end], "answer_start": start} for start, end in spans]
        asked[at].append({**entry, "answers": answers, "is_impossible": False})
    paragraphs = [
        {"context": document.text[p.start : p.end], "qas": qas}
        for p, qas in zip(passages, asked, strict=True)
    ]
    return {"title": document.name, "paragraphs": paragraphs}


def _nearest(question: str, text: str, passages: Sequence[PassageSpan]) -> int:
    shares = [Surroundings(question, text[p.start : p.end]).share() for p in passages]
    return shares.index(max(shares))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both files and say what is in them."""
    parser = argparse.ArgumentParser(prog="python -m skills.qa.everyday")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--times", type=int, default=1, metavar="N", help="how often each is to be learnt from"
    )
    asked = parser.parse_args(arguments)
    try:
        asked.folder.mkdir(parents=True, exist_ok=True)
        for name, texts, times in (("train", DOCUMENTS, asked.times), ("valid", HELD_OUT, 1)):
            documents = read_texts(texts)
            articles = [article_of(document, copy) for copy in range(times) for document in documents]
            file = asked.folder / f"{name}-everyday.json"
            file.write_text(json.dumps({"data": articles}), "utf-8")
            questions = [q for document in documents for q in document.questions]
            n_without = sum(not question.answers for question in questions)
            counted = f"{len(documents)} documents, {len(questions)} questions"
            print(f"{file}: {counted}, {n_without} without an answer")
    except (SkillError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
