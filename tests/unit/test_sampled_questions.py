"""A share of the questions of SQuAD-format files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skills.qa.questions.sample import main, sampled


def paragraph(name: str, n_questions: int) -> dict[str, Any]:
    """Every other question has an answer."""
    qas = [
        {
            "id": f"{name}-{n}",
            "question": f"Question {n}?",
            "answers": [{"text": name, "answer_start": 0}] if n % 2 else [],
            "is_impossible": n % 2 == 0,
        }
        for n in range(n_questions)
    ]
    return {"context": f"{name} is a text.", "qas": qas}


SQUAD = {"data": [{"title": "t", "paragraphs": [paragraph("one", 400), paragraph("two", 400)]}]}


def ids(squad: dict[str, Any], answerable: bool) -> set[str]:
    asked = [qa for article in squad["data"] for p in article["paragraphs"] for qa in p["qas"]]
    return {qa["id"] for qa in asked if bool(qa["answers"]) is answerable}


def test_each_kind_has_its_share() -> None:
    kept = sampled(SQUAD, 0.5, 0.1, seed=1)
    assert 160 <= len(ids(kept, True)) <= 240
    assert 20 <= len(ids(kept, False)) <= 60
    assert kept["data"][0]["title"] == "t"
    assert [p["context"] for p in kept["data"][0]["paragraphs"]] == ["one is a text.", "two is a text."]


def test_a_smaller_share_is_part_of_a_larger_and_another_seed_another_sample() -> None:
    few, many = (ids(sampled(SQUAD, share, 0.0, seed=1), True) for share in (0.2, 0.6))
    assert few < many
    assert ids(sampled(SQUAD, 0.2, 0.0, seed=2), True) != few
    assert sampled(SQUAD, 1.0, 1.0, seed=3) == SQUAD


def test_paragraphs_and_articles_without_questions_are_dropped() -> None:
    assert sampled(SQUAD, 0.0, 0.0, seed=1) == {"data": []}
    only = {"data": [{"title": "t", "paragraphs": [paragraph("one", 1), paragraph("two", 2)]}]}
    assert [p["context"] for p in sampled(only, 1.0, 0.0, 1)["data"][0]["paragraphs"]] == ["two is a text."]


def test_the_command_puts_files_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file in files:
        content = {"data": [{"title": file.stem, "paragraphs": [paragraph(file.stem, 10)]}]}
        file.write_text(json.dumps(content), "utf-8")
    target = tmp_path / "train.json"
    assert main([str(target), *map(str, files), "--without-answer", "0"]) == 0
    assert f"{target}: 10 questions, 0 without an answer" in capsys.readouterr().out
    assert [article["title"] for article in json.loads(target.read_text("utf-8"))["data"]] == ["one", "two"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--share", "1.5"], "--share expects a number from 0 to 1; got 1.5"),
        (["--without-answer", "-1"], "--without-answer expects a number from 0 to 1; got -1.0"),
        (["--share", "0"], "expected questions of these shares, found none"),
    ],
)
def test_what_is_no_share_and_what_leaves_nothing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    source, target = tmp_path / "one.json", tmp_path / "train.json"
    source.write_text(json.dumps(SQUAD), "utf-8")
    assert main([str(target), str(source), *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not target.exists()
