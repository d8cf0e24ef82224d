"""Everyday documents: their format, and the files that are learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skills.errors import ConfigurationError
from skills.qa.everyday.__main__ import article_of, main
from skills.qa.everyday.texts import DOCUMENTS, HELD_OUT, parse, read_texts

LEASE = """Lease

1. Pets

Dogs are not allowed. Cats are allowed with consent.

2. Rent

The rent is 900 euros a month. It is 950 euros a month from 2027.
"""
ASKED = """
Q: can i keep a dog
A: not allowed
A: Dogs are not allowed

Q: rent next year
A: euros a month @@ from 2027

Q: is there a lift
A: -
"""


def test_answers_are_found_in_their_document() -> None:
    document = parse("lease", f"{LEASE}\n---\n{ASKED}")
    dog, rent, lift = document.questions
    assert [document.text[start:end] for start, end in dog.answers] == ["not allowed", "Dogs are not allowed"]
    assert document.text[rent.answers[0][0] - 4 :].startswith("950 euros a month from 2027")
    assert lift.answers == ()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("Q: can i keep a dog\nA: forbidden", "forbidden"),
        ("Q: rent?\nA: a month", "stands once"),
        ("Q: rent?\nA: a month @@ The rent of", "stands once"),
        ("Q: rent?\nA:  @@ The rent", "stands once"),
        ("Q: rent?", "expected a line Q:"),
        ("A: rent\nQ: rent?", "expected a line Q:"),
    ],
)
def test_a_faulty_question_is_named(asked: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse("lease", f"{LEASE}\n---\n{asked}")


def test_a_file_without_questions_and_a_folder_without_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a line ---"):
        parse("lease", LEASE)
    with pytest.raises(ConfigurationError, match="found none"):
        read_texts(tmp_path)


def test_questions_stand_beside_the_passages_of_the_search() -> None:
    article = article_of(parse("lease", f"{LEASE}\n---\n{ASKED}"), copy=1)
    questions = [(p["context"], qa) for p in article["paragraphs"] for qa in p["qas"]]
    assert [qa["is_impossible"] for _, qa in questions].count(True) == 1
    for context, qa in questions:
        assert qa["id"].endswith("-1")
        for answer in qa["answers"]:
            assert context[answer["answer_start"] :].startswith(answer["text"])


def test_every_text_that_ships_is_in_the_format_and_none_is_in_both_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, valid = read_texts(DOCUMENTS), read_texts(HELD_OUT)
    assert {d.name for d in train}.isdisjoint(d.name for d in valid)
    assert main([str(tmp_path), "--times", "2"]) == 0
    written = [json.loads((tmp_path / f"{kind}-everyday.json").read_text()) for kind in ("train", "valid")]
    assert [len(file["data"]) for file in written] == [2 * len(train), len(valid)]
    ids = [qa["id"] for file in written for a in file["data"] for p in a["paragraphs"] for qa in p["qas"]]
    assert len(ids) == len(set(ids))
    assert f"{len(valid)} documents" in capsys.readouterr().out


def test_a_number_of_copies_that_makes_no_sense_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--times", "0"]) == 1
    assert "--times" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
