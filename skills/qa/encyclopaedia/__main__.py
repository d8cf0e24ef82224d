"""Writes the questions about Wikipedia, with the paragraphs they are about, as a SQuAD-format file.

    python -m skills.qa.encyclopaedia wiki.jsonl.gz TARGET.json

The paragraphs come from the excerpt of the English Wikipedia that gensim carries for its tests, as its
``segment_wiki`` writes it; this folder has only what is asked of them. Each file of ``articles`` is one
article's, in parts that begin with a line ``# ``, the first twelve digits of the SHA-256 of a paragraph's
text (UTF-8), and go on with questions as :mod:`skills.qa.questions.marked` reads them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skills.command import exit_status
from skills.errors import ConfigurationError
from skills.qa.questions.marked import marked_questions
from skills.qa.questions.paragraphs import paragraphs_of

ARTICLES = Path(__file__).with_name("articles")
_DIGITS = 12
_MARK = re.compile(rf"^# ([0-9a-f]{{{_DIGITS}}})$", re.MULTILINE)


def mark_of(text: str) -> str:
    """What tells a paragraph in the files of questions."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGITS]


def article_of(name: str, content: str, paragraphs: Mapping[str, str]) -> dict[str, Any]:
    """An article of a SQuAD-format file.

    Args:
        name: of the article.
        content: of its file of questions.
        paragraphs: texts by their mark.

    Raises:
        ConfigurationError: if the file is not in the format or a paragraph is not among the texts.
    """
    before, *parts = _MARK.split(content)
    if before.strip() or not parts:
        raise ConfigurationError(f"{name}: expected a line # and {_DIGITS} digits of a paragraph's SHA-256")
    return {
        "title": name,
        "paragraphs": [
            _paragraph(name, mark, asked, paragraphs)
            for mark, asked in zip(parts[::2], parts[1::2], strict=True)
        ],
    }


def _paragraph(name: str, mark: str, asked: str, paragraphs: Mapping[str, str]) -> dict[str, Any]:
    text = paragraphs.get(mark)
    if text is None:
        raise ConfigurationError(
            f"{name}: expected a paragraph of SHA-256 {mark}…; the excerpt is that of gensim 4.4.0"
        )
    qas = [
        {
            "id": f"{mark}-{number}",
            "question": question.text,
            "answers": [{"text": text[start:end], "answer_start": start} for start, end in question.answers],
            "is_impossible": not question.answers,
        }
        for number, question in enumerate(marked_questions(name, text, asked))
    ]
    return {"context": text, "qas": qas}


def write(texts: Path, target: Path) -> None:
    """Write the file and say what is in it.

    Raises:
        InputError: if ``texts`` is no such file.
        ConfigurationError: if it is of another excerpt.
    """
    paragraphs = {mark_of(paragraph.text): paragraph.text for paragraph in paragraphs_of(texts)}
    articles = [
        article_of(file.stem, file.read_text("utf-8"), paragraphs) for file in sorted(ARTICLES.glob("*.txt"))
    ]
    target.write_text(json.dumps({"data": articles}, ensure_ascii=False), "utf-8")
    asked = [qa for article in articles for paragraph in article["paragraphs"] for qa in paragraph["qas"]]
    n_without = sum(qa["is_impossible"] for qa in asked)
    print(f"{target}: {len(articles)} articles, {len(asked)} questions, {n_without} without an answer")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m skills.qa.encyclopaedia")
    parser.add_argument("texts", type=Path, metavar="wiki.jsonl.gz")
    parser.add_argument("target", type=Path, metavar="TARGET.json")
    asked = parser.parse_args(arguments)
    return exit_status(lambda: write(asked.texts, asked.target))


if __name__ == "__main__":
    sys.exit(main())
