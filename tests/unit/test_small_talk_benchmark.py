"""The pure parts of benchmarks.small_talk."""

from __future__ import annotations

import pytest

from benchmarks.small_talk import Talk, measures, transcript
from benchmarks.small_talk_lines import TALKS
from benchmarks.text_metrics import repetition_across

TWO = [
    Talk("one", ("Hi", "And?"), ("I live in a small town.", "I live in a small town.")),
    Talk("two", ("Hi", "So?"), ("How are you?", "Tell me more.")),
]


def test_measures_are_over_all_replies() -> None:
    assert measures(TWO) == pytest.approx(
        {
            "words": (6 + 6 + 3 + 3) / 4,
            "tokens": (7 + 7 + 4 + 4) / 4,
            "distinct-1": 14 / 22,
            "distinct-2": 12 / 18,
            "seq-rep-4": 0.0,
            "across": (4 / 8 + 0) / 2,
            "same": 1 / 4,
            "claims": 2 / 4,
            "questions": 1 / 4,
        }
    )


def test_what_is_said_again_counts_against_earlier_texts_only() -> None:
    assert repetition_across(["a b c d a b c d", "x y"]) == 0
    assert repetition_across(["a b c d", "a b c d e"]) == pytest.approx(1 / 3)
    assert repetition_across([]) == 0


def test_a_transcript_has_every_line_and_marks_claims() -> None:
    assert transcript(TWO[:1]) == (
        "-- one\n  > Hi\n  * I live in a small town.\n  > And?\n  * I live in a small town.\n"
    )


def test_there_are_five_conversations_of_twelve_lines() -> None:
    assert [len(lines) for lines in TALKS.values()] == [12] * 5
