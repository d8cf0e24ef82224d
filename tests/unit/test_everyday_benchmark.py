"""What an answer about an everyday document comes to."""

from __future__ import annotations

import pytest

from benchmarks.everyday import OUTCOMES, outcome
from skills.dialog import Passage
from skills.qa.calibration import Features
from skills.qa.passage_reader import Candidate, Reading
from skills.selection import Choice

TEXT = "Dogs are not allowed. The rent is 900 euros."


def choice(skill: str, confidence: float, answer: str = "not allowed") -> Choice:
    start = TEXT.index(answer)
    passage = Passage("shelf", "0", "lease.txt", None, "", 0, TEXT, 1.0, 0.5)
    features = Features(1.0, 0.0, 0.5, 1.0)
    candidate = Candidate(passage, start, start + len(answer), 1.0, confidence, features)
    return Choice(skill, confidence, Reading((candidate,)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chosen", "answers", "closest", "comes_to"),
    [
        (choice("qa", 0.9), ["Dogs are not allowed", "allowed"], "", "right"),
        (choice("qa", 0.4), ["Dogs are not allowed"], "", "right, doubtful"),
        (choice("qa", 0.9, "900 euros"), ["Dogs are not allowed"], "", "wrong"),
        (choice("qa", 0.4), [], "", "wrong, doubtful"),
        (choice("none", 0.1), ["not allowed"], "Dogs are not allowed.", "none, closest holds it"),
        (choice("none", 0.1), ["not allowed"], "The rent is 900 euros.", "none"),
        (choice("none", 0.1), [], "Dogs are not allowed.", "none"),
        (choice("chat", 0.9), ["not allowed"], "", "chat"),
    ],
)
def test_outcome(chosen: Choice, answers: list[str], closest: str, comes_to: str) -> None:
    assert comes_to in OUTCOMES
    assert outcome(chosen, answers, closest) == comes_to
