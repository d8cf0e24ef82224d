"""Everyday documents that nothing was trained on, asked as people type: what is answered, and how rightly.

    python -m benchmarks.everyday [--reader fast|accurate] [--show]

Each document of ``skills/qa/everyday/held_out`` lies on a shelf of its own, as somebody's first document
would. Of what it answers an answer counts as right from F1 0.5 with one of those that were underlined (it
names the same thing); where none is given, the sentence that is shown as coming closest may hold it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import machine, table
from benchmarks.retrieval import build_shelf
from benchmarks.routing import choosing_chain, routed_to
from skills.dialog import Document, Knowledge
from skills.selection import Choice

OUTCOMES = ("right", "right, doubtful", "wrong", "wrong, doubtful", "none, closest holds it", "none", "chat")


def outcome(choice: Choice, answers: Sequence[str], closest: str) -> str:
    """Which of ``OUTCOMES`` a choice is.

    Args:
        choice: what would reply.
        answers: those that are right; empty where the document tells none.
        closest: the sentence that would be shown where there is no answer, or "".
    """
    from deeppavlov.metrics.squad_metrics import squad_v1_f1

    from skills.qa.calibrate import RIGHT_F1

    if choice.skill == "qa":
        assert choice.reading.best is not None
        is_right = bool(answers) and squad_v1_f1([list(answers)], [choice.reading.best.text]) >= RIGHT_F1
        return ("right" if is_right else "wrong") + routed_to(choice).removeprefix("qa")
    if choice.skill == "none" and any(answer in closest for answer in answers):
        return "none, closest holds it"
    return choice.skill


def ask(chain: Any, encoder: Any, offer_similarity: float) -> list[tuple[str, bool, str, str]]:
    """(question, whether it has an answer, outcome, answer given) of every question."""
    from skills.qa.closest import closest_sentence
    from skills.qa.everyday.texts import HELD_OUT, read_texts

    told = []
    with tempfile.TemporaryDirectory() as folder:
        for number, document in enumerate(read_texts(HELD_OUT)):
            shelf = Path(folder) / f"{number}.db"
            build_shelf(shelf, [Document(f"{number:064x}", f"{document.name}.txt", document.text)], encoder)
            for question in document.questions:
                (choice,) = chain([question.text], [None], [Knowledge((str(shelf),))], [None], [None])
                near, given = None, ""
                if choice.skill == "none":
                    near = closest_sentence(question.text, choice.reading, encoder, offer_similarity)
                elif choice.skill == "qa":
                    given = choice.reading.best.text
                answers = [document.text[start:end] for start, end in question.answers]
                came_to = outcome(choice, answers, near.text if near else "")
                told.append((question.text, bool(answers), came_to, given))
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.everyday")
    parser.add_argument("--reader", default="fast", help="as QUOTH_READER takes it")
    parser.add_argument("--show", action="store_true", help="print every question")
    asked = parser.parse_args(arguments)
    from skills.qa.calibration import Calibration
    from skills.qa.sizes import adapter_folder
    from skills.retrieval.encoder import SentenceEncoder

    print(machine())
    calibration = Calibration.load(str(adapter_folder(asked.reader)))
    told = ask(choosing_chain(asked.reader), SentenceEncoder(), calibration.offer_similarity)
    if asked.show:
        for question, has_answer, came_to, given in told:
            print(f"{'+' if has_answer else '-'} {question}: {came_to}{f': {given}' if given else ''}")
    print(f"{len(told)} questions about everyday documents, reader {asked.reader}")
    rows = []
    for kind, has_answer in (("has an answer", True), ("has none", False)):
        counts = Counter(came_to for _, has, came_to, _ in told if has == has_answer)
        total = counts.total()
        rows.append([kind, str(total), *(f"{counts[o] / total:.2f}" for o in OUTCOMES)])
    print(table(["question", "number", *OUTCOMES], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
