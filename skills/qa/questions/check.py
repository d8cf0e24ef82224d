"""Check written questions with a reader, and keep those that it understands as they were meant.

    python -m skills.qa.questions.check WRITTEN.json KEPT.json --reader accurate

Round-trip consistency (Alberti et al. 2019, arXiv 1906.05416): a question with an answer is kept where the
reader finds that answer. Theirs keeps nothing else; here a question written to have no answer is kept, too,
unless the reader is sure of one: then that becomes its answer, and where it is half sure the question goes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from deeppavlov.metrics.squad_metrics import squad_v1_f1

from skills.errors import SkillError
from skills.qa.dataset import merged
from skills.qa.questions.paragraphs import Paragraph
from skills.qa.questions.wording import Question
from skills.qa.questions.write import SquadFile
from skills.qa.spans import SpanPrediction

#: F1, of 100, of the reader's answer with the written one from which they are the same.
SAME_F1 = 80.0
#: Margins in logits: the reader believes in an answer from the first, is half sure of one from the second
#: and sure from the third.
BELIEVED, HALF_SURE, SURE = 0.0, 2.0, 3.0
BATCH_SIZE = 16


class Reader(Protocol):
    """What reads: ``skills.qa.reader.SquadReader``, or another."""

    def predict(self, contexts: Sequence[str], questions: Sequence[str]) -> list[SpanPrediction]:
        """The best spans for each pair, and the margin of an answer over none."""


def judged(question: Question, answer: str, margin: float) -> Question | None:
    """The question as it is to be learnt from, or None.

    Args:
        question: as it was written.
        answer: what the reader takes for its answer; "" for nothing.
        margin: by how many logits the reader prefers that to "no answer".
    """
    if question.answer:
        same = margin > BELIEVED and squad_v1_f1([[question.answer]], [answer]) >= SAME_F1
        return question if same else None
    if margin < HALF_SURE:
        return question
    return Question(question.text, answer) if margin > SURE and answer else None


def written_questions(file: Path) -> list[tuple[Paragraph, list[Question]]]:
    """The paragraphs of a SQuAD-format file with their questions, the first answer of each.

    Raises:
        ConfigurationError: if it is no such file.
    """
    return [
        (
            Paragraph(article["title"], paragraph["context"]),
            [
                Question(qa["question"], qa["answers"][0]["text"] if qa["answers"] else "")
                for qa in paragraph["qas"]
            ],
        )
        for article in merged([file])["data"]
        for paragraph in article["paragraphs"]
    ]


def check(asked: Sequence[tuple[Paragraph, Sequence[Question]]], reader: Reader, kept: SquadFile) -> None:
    """Put into ``kept`` what :func:`judged` leaves of the questions; of one asked twice the first."""
    pairs = list(dict.fromkeys((p, q) for p, questions in asked for q in questions))
    pairs.sort(key=lambda pair: len(pair[0].text) + len(pair[1].text))  # batches of similar length
    left: dict[Paragraph, list[Question]] = {}
    started = told = time.monotonic()
    for first in range(0, len(pairs), BATCH_SIZE):
        batch = pairs[first : first + BATCH_SIZE]
        read = reader.predict([p.text for p, _ in batch], [q.text for _, q in batch])
        for (paragraph, question), prediction in zip(batch, read, strict=True):
            best = prediction.spans[0] if prediction.spans else None
            answer = paragraph.text[best.start : best.end] if best else ""
            verdict = judged(question, answer, prediction.margin)
            if verdict is not None:
                left.setdefault(paragraph, []).append(verdict)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"{first + len(batch):,} of {len(pairs):,} questions; {told - started:.0f} s", flush=True)
    for paragraph, questions in left.items():
        kept.add(paragraph, questions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file of the questions that are kept."""
    parser = argparse.ArgumentParser(
        prog="python -m skills.qa.questions.check",
        description="Keep the written questions a reader confirms.",
    )
    parser.add_argument("written", type=Path, help="SQuAD-format file of skills.qa.questions.write")
    parser.add_argument("kept", type=Path, help="SQuAD-format file to write")
    parser.add_argument("--reader", default="accurate", help="fast, accurate or the folder of an adapter")
    asked = parser.parse_args(arguments)
    try:
        from skills.qa.reader import SquadReader

        questions = written_questions(asked.written)
        reader = SquadReader(adapter=asked.reader, precision="int8")
        kept = SquadFile(asked.kept)
        asked.kept.parent.mkdir(parents=True, exist_ok=True)
        check(questions, reader, kept)
        kept.write()
    except (SkillError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{asked.kept}: {kept.n_questions:,} of {sum(len(own) for _, own in questions):,} questions, "
        f"{kept.n_unanswerable:,} of them without an answer"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
