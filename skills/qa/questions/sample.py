"""Puts SQuAD-format files together into one, with a share of their questions.

    python -m skills.qa.questions.sample TARGET.json SQUAD_FORMAT_FILE …
        [--share S] [--without-answer S] [--seed N]

A stage of training that has an hour sees a few thousand questions: this says of which kinds. A question
is kept or not by the hash of its id, so the same files and seed give the same sample in any order, and of
two shares the smaller one is part of the larger.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skills.command import exit_status
from skills.errors import ConfigurationError, share
from skills.qa.dataset import merged


def sampled(squad: dict[str, Any], with_answer: float, without_answer: float, seed: int) -> dict[str, Any]:
    """A file of SQuAD's format with some of another's questions; paragraphs left without any are dropped.

    Args:
        squad: content of such a file.
        with_answer: of the questions with an answer, in [0, 1].
        without_answer: of the others, in [0, 1].
        seed: another one keeps other questions.
    """

    def is_kept(qa: dict[str, Any]) -> bool:
        return _place(qa["id"], seed) < (with_answer if qa["answers"] else without_answer)

    articles = []
    for article in squad["data"]:
        paragraphs = [p | {"qas": [qa for qa in p["qas"] if is_kept(qa)]} for p in article["paragraphs"]]
        articles.append(article | {"paragraphs": [p for p in paragraphs if p["qas"]]})
    return {"data": [article for article in articles if article["paragraphs"]]}


def _place(question_id: str, seed: int) -> float:
    """A question's place in [0, 1), by chance but always the same."""
    digest = hashlib.sha256(f"{seed} {question_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def write(target: Path, files: Sequence[Path], with_answer: float, without_answer: float, seed: int) -> None:
    """Write the file and say what is in it.

    Raises:
        ConfigurationError: if a share is none, a file is not of SQuAD's format or no question is left.
    """
    share("--share", with_answer)
    share("--without-answer", without_answer)
    sample = sampled(merged(list(files)), with_answer, without_answer, seed)
    questions = [qa for article in sample["data"] for p in article["paragraphs"] for qa in p["qas"]]
    if not questions:
        raise ConfigurationError(
            f"{', '.join(map(str, files))}: expected questions of these shares, found none"
        )
    target.write_text(json.dumps(sample), "utf-8")
    n_without = sum(not qa["answers"] for qa in questions)
    print(f"{target}: {len(questions)} questions, {n_without} without an answer")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m skills.qa.questions.sample")
    parser.add_argument("target", type=Path)
    parser.add_argument("files", type=Path, nargs="+", metavar="SQUAD_FORMAT_FILE")
    parser.add_argument("--share", type=float, default=1.0, metavar="S", help="of questions with an answer")
    parser.add_argument(
        "--without-answer", type=float, metavar="S", help="of the others; as --share unless said"
    )
    parser.add_argument("--seed", type=int, default=1337, metavar="N")
    asked = parser.parse_args(arguments)
    without = asked.share if asked.without_answer is None else asked.without_answer
    return exit_status(lambda: write(asked.target, asked.files, asked.share, without, asked.seed))


if __name__ == "__main__":
    sys.exit(main())
