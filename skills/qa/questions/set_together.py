"""Sets single sentences with questions together into paragraphs: QAMR for readers of paragraphs.

    python -m skills.qa.questions.set_together TARGET.json SQUAD_FORMAT_FILE … [--sentences N] [--each N]

Questions on single sentences (QAMR, Michael et al. 2018, arXiv 1711.05885, in SQuAD's format) teach nothing
of choosing among sentences. Here each paragraph is N sentences drawn by chance, and each sentence keeps a few
of its questions. Another sentence may answer one, too; a teacher (``DP_TEACHER``) knows that better.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skills.command import exit_status
from skills.errors import ConfigurationError, whole_number
from skills.qa.dataset import merged

_SEED = 1337


def set_together(
    sentences: Sequence[dict[str, Any]], n_sentences: int, n_questions: int, draw: random.Random
) -> list[dict[str, Any]]:
    """Paragraphs in SQuAD's format; each sentence stands in one of them.

    Args:
        sentences: paragraphs of that format, a sentence each.
        n_sentences: in a paragraph; the last one may have fewer.
        n_questions: kept of a sentence at the most, drawn by chance.
        draw: of sentences and questions.
    """
    shuffled = draw.sample(sentences, len(sentences))
    groups = [shuffled[at : at + n_sentences] for at in range(0, len(shuffled), n_sentences)]
    return [_paragraph(group, n_questions, draw) for group in groups]


def _paragraph(sentences: Sequence[dict[str, Any]], n_questions: int, draw: random.Random) -> dict[str, Any]:
    context, qas = "", []
    for sentence in sentences:
        context += " " if context else ""
        for qa in draw.sample(sentence["qas"], min(n_questions, len(sentence["qas"]))):
            moved = [a | {"answer_start": a["answer_start"] + len(context)} for a in qa["answers"]]
            qas.append(qa | {"answers": moved})
        context += sentence["context"]
    return {"context": context, "qas": qas}


def write(target: Path, files: Sequence[Path], n_sentences: int, n_questions: int) -> None:
    """Write the file and say what is in it.

    Raises:
        ConfigurationError: if a file is not of SQuAD's format or none holds a question.
    """
    sentences = [p for article in merged(list(files))["data"] for p in article["paragraphs"] if p["qas"]]
    if not sentences:
        raise ConfigurationError(f"{', '.join(map(str, files))}: expected questions, found none")
    paragraphs = set_together(sentences, n_sentences, n_questions, random.Random(_SEED))  # noqa: S311
    target.write_text(json.dumps({"data": [{"title": target.stem, "paragraphs": paragraphs}]}), "utf-8")
    print(f"{target}: {len(paragraphs)} paragraphs, {sum(len(p['qas']) for p in paragraphs)} questions")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m skills.qa.questions.set_together")
    parser.add_argument("target", type=Path)
    parser.add_argument("files", type=Path, nargs="+", metavar="SQUAD_FORMAT_FILE")
    parser.add_argument("--sentences", type=int, default=5, metavar="N", help="in a paragraph")
    parser.add_argument("--each", type=int, default=5, metavar="N", help="questions kept of a sentence")
    asked = parser.parse_args(arguments)
    n_sentences = whole_number("--sentences", asked.sentences, 1, 100)
    n_questions = whole_number("--each", asked.each, 1, 1000)
    return exit_status(lambda: write(asked.target, asked.files, n_sentences, n_questions))


if __name__ == "__main__":
    sys.exit(main())
