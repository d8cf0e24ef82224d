"""Written questions checked by a reader: which are kept, with which answer, and the command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from skills.errors import ConfigurationError
from skills.qa.questions.check import check, judged, main, written_questions
from skills.qa.questions.paragraphs import Paragraph
from skills.qa.questions.wording import Question
from skills.qa.questions.write import SquadFile
from skills.qa.spans import Span, SpanPrediction

BRIDGE = Paragraph("Bridge", "The bridge was opened in 1889 by the mayor of the town.")
WHEN = Question("When was the bridge opened?", "1889")
WHO = Question("Who opened it?", "the mayor of the town")
WHY = Question("Why was it closed?", "")


@pytest.mark.parametrize(
    ("question", "answer", "margin", "kept"),
    [
        (WHEN, "1889", 0.1, WHEN),
        (WHEN, "in 1889", 4.0, None),  # F1 of two words and one is 67
        (WHEN, "1889", -0.1, None),
        (WHEN, "the mayor", 5.0, None),
        (WHEN, "", float("-inf"), None),
        (WHO, "mayor of the town", 1.0, WHO),
        (WHO, "the town", 1.0, None),
        (WHY, "1889", 1.9, WHY),
        (WHY, "", float("-inf"), WHY),
        (WHY, "1889", 2.5, None),
        (WHY, "1889", 3.1, Question(WHY.text, "1889")),
    ],
)
def test_a_question_is_kept_as_the_reader_understands_it(
    question: Question, answer: str, margin: float, kept: Question | None
) -> None:
    assert judged(question, answer, margin) == kept


class Knowing:
    """A reader with its answers and margins given by question."""

    def __init__(self, answers: dict[str, tuple[str, float]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def predict(self, contexts: Sequence[str], questions: Sequence[str]) -> list[SpanPrediction]:
        self.asked += questions
        found = []
        for context, question in zip(contexts, questions, strict=True):
            text, margin = self.answers[question]
            start = context.find(text)
            spans = (Span(start, start + len(text), margin),) if text else ()
            found.append(SpanPrediction(spans, 0.0, 0.0))
        return found


def test_what_is_kept_is_a_file_that_can_be_checked_again(tmp_path: Path) -> None:
    other = Paragraph("Ferry", "A ferry goes at noon.")
    left_out = Question("When does it go?", "noon")
    asked = [(BRIDGE, [WHEN, WHY, WHEN]), (other, [left_out])]
    reader = Knowing({WHEN.text: ("1889", 3.0), WHY.text: ("", 0.0), left_out.text: ("A ferry", 2.0)})
    kept = SquadFile(tmp_path / "train-kept.json")
    check(asked, reader, kept)
    kept.write()
    assert sorted(reader.asked) == sorted([WHEN.text, WHY.text, left_out.text])
    ((paragraph, questions),) = written_questions(kept.file)
    assert paragraph == BRIDGE
    assert set(questions) == {WHEN, WHY}
    assert (kept.n_questions, kept.n_unanswerable) == (2, 1)


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        '{"data": [{}]}',
        '{"data": [{"paragraphs": [{"context": "", "qas": [{"id": "1", "question": "", "answers": [1]}]}]}]}',
        '{"data": [1]}',
        json.dumps({"data": 3}),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "written.json"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="expected a file in SQuAD's format"):
        written_questions(file)
    assert main([str(file), str(tmp_path / "kept.json")]) == 1
    told = capsys.readouterr()
    assert "written.json: expected a file in SQuAD's format" in told.err
    assert not (tmp_path / "kept.json").exists()


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json"), str(tmp_path / "kept.json")]) == 1
    assert "none.json" in capsys.readouterr().err
