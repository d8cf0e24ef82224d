"""What the utterance classifier learns from, and that it learns."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from skills.utterance_training import (
    FORMS,
    PERSONAL,
    SAID_TO_A_PROGRAM,
    impersonal_questions,
    main,
    said_to_quoth,
    train,
)
from skills.utterances import gram_hash
from tests.support.letter_encoder import LetterEncoder


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    qas = [
        {"id": f"{n}", "question": f"Which bridge is number {n}?", "answers": [{"text": f"Bridge {n}"}]}
        for n in range(30)
    ]
    qas.append({"id": "long", "question": "Why so?", "answers": [{"text": "since it was closed again"}]})
    qas.append({"id": "none", "question": "Why not?", "answers": []})
    article = {"title": "Bridges", "paragraphs": [{"context": "Bridges.", "qas": qas}]}
    folder = tmp_path / "squad"
    folder.mkdir()
    for name in ("train.json", "valid.json"):
        (folder / name).write_text(json.dumps({"data": [article]}))
    return folder


def test_half_of_the_questions_are_made_of_short_answers(squad: Path) -> None:
    drawn = impersonal_questions(squad, 20, random.Random(1))
    asked, made = drawn[:10], drawn[10:]
    assert all(question.endswith("?") for question in asked)
    assert len(set(asked)) == len(set(made)) == 10
    shapes = [form.split("{}") for form in FORMS]
    assert all(any(q.startswith(a) and q.endswith(b) for a, b in shapes) for q in made)
    assert all("bridge " in question for question in made)
    assert not any("closed" in question for question in made)
    assert len(impersonal_questions(squad, 1000, random.Random(1))) == 32 + 30


def test_what_a_document_might_tell_is_not_learnt_as_small_talk() -> None:
    said = said_to_quoth()
    assert len(said) == len(set(said)) > 200
    assert "Who are you?" in said
    assert "What is the capital of Mongolia?" not in said


@pytest.mark.parametrize("file", [PERSONAL, SAID_TO_A_PROGRAM], ids=lambda file: file.stem)
def test_own_texts_are_of_a_line_each(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    assert len(lines) == len({line.lower() for line in lines}) > 100
    assert all(line == line.strip() and 2 < len(line) < 80 for line in lines)


def test_the_weights_tell_the_two_apart(squad: Path, tmp_path: Path) -> None:
    talk = [f"zzz zz{'z' * n}" for n in range(40)]
    encoder = LetterEncoder()
    told = train(encoder, squad, talk, tmp_path / "weights")  # type: ignore[arg-type]
    assert told.startswith("40 questions, ")
    assert ", 40 utterances of small talk, " in told
    file = tmp_path / "weights" / "model.safetensors"
    tensors = load_file(file)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "weight": (64,), "bias": (1,), "gram_hashes": tensors["gram_weights"].shape,
        "gram_weights": tensors["gram_hashes"].shape,
    }  # fmt: skip
    weight, bias = tensors["weight"].astype(np.float32), float(tensors["bias"][0])
    words = dict(zip(tensors["gram_hashes"].tolist(), tensors["gram_weights"].tolist(), strict=True))
    assert words[gram_hash("which bridge")] < 0.0
    assert gram_hash("zzz zzzzz") not in words  # it stands in one text
    talks = encoder.encode(talk) @ weight + bias
    asks = encoder.encode([f"Which bridge is number {n}?" for n in range(9)]) @ weight + bias
    assert talks.min() > max(0.0, asks.max())


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "none.txt")]) == 1
    assert "none.txt" in capsys.readouterr().err
