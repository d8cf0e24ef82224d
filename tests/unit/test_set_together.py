"""Paragraphs set together from sentences with questions."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from skills.qa.questions.set_together import main, set_together

SENTENCES = [
    {
        "context": f"Town {n} lies on river {n}.",
        "qas": [
            {
                "id": f"{n}-{k}",
                "question": f"Where does town {n} lie?",
                "answers": [{"text": f"river {n}", "answer_start": len(f"Town {n} lies on ")}],
            }
            for k in range(4)
        ],
    }
    for n in range(11)
]


def test_every_sentence_stands_in_one_paragraph_and_answers_stand_where_they_are_said_to() -> None:
    paragraphs = set_together(SENTENCES, 4, 3, random.Random(1))
    assert [len(p["qas"]) for p in paragraphs] == [12, 12, 9]
    whole = " ".join(p["context"] for p in paragraphs)
    assert all(whole.count(sentence["context"]) == 1 for sentence in SENTENCES)
    for paragraph in paragraphs:
        for qa in paragraph["qas"]:
            (answer,) = qa["answers"]
            start = answer["answer_start"]
            assert paragraph["context"][start : start + len(answer["text"])] == answer["text"]
            assert answer["text"].split()[1] == qa["id"].split("-")[0]


def test_what_was_given_is_left_as_it_is() -> None:
    before = json.dumps(SENTENCES)
    set_together(SENTENCES, 3, 2, random.Random(1))
    assert json.dumps(SENTENCES) == before


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "sentences.json", tmp_path / "train.json"
    source.write_text(json.dumps({"data": [{"title": "t", "paragraphs": SENTENCES}]}))
    assert main([str(target), str(source), "--sentences", "5", "--each", "1"]) == 0
    assert "3 paragraphs, 11 questions" in capsys.readouterr().out
    assert len(json.loads(target.read_text())["data"][0]["paragraphs"]) == 3


def test_files_without_questions_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "sentences.json"
    source.write_text(json.dumps({"data": []}))
    assert main([str(tmp_path / "train.json"), str(source)]) == 1
    assert "expected questions, found none" in capsys.readouterr().err
    assert not (tmp_path / "train.json").exists()
