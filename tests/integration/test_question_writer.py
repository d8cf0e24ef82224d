"""The writer of questions: what is learnt of a paragraph, a training run of a tiny model, and its writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deeppavlov import build_model, train_model
from transformers import AutoTokenizer

from skills.errors import ConfigurationError, InputError
from skills.qa.questions.component import QuestionWriter
from skills.qa.questions.paragraphs import Paragraph
from skills.qa.questions.wording import Question
from skills.qa.questions.write import Writer, main
from tests.support.tiny_models import tiny_causal_model

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "question_writer.json"
MAT = Paragraph("the cat", "the cat sat on the mat and the dog lay by the door.")
WHO = Question("who lay by the door?", "the dog")
WHY = Question("why was the small house there?", "")
ASKED = (MAT, (WHO,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_causal_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training run leaves."""
    work = tmp_path_factory.mktemp("work")
    train_model(config(folder, work))
    return work / "adapter"


def config(folder: Path, work: Path, **variables: Any) -> Any:
    answers = {WHO: [{"text": WHO.answer, "answer_start": MAT.text.index(WHO.answer)}], WHY: []}
    for name, n in (("train", 16), ("valid", 2)):
        paragraphs = [
            {
                "context": MAT.text,
                "qas": [
                    {"id": f"{name}{i}{q.text}", "question": q.text, "answers": found}
                    for q, found in answers.items()
                ],
            }
            for i in range(n)
        ]
        (work / f"{name}.json").write_text(
            json.dumps({"data": [{"title": "the_cat", "paragraphs": paragraphs}]})
        )
    found = json.loads(CONFIG.read_text("utf-8"))
    chosen = {"DATA_PATH": str(work), "WORK_PATH": str(work), "MODEL": str(folder), "THREADS": 1}
    chosen |= {"N_VALID": 2, "EPOCHS": 40, "BATCH_SIZE": 8, "LORA_RANK": 16, "LR": 0.02}
    found["metadata"]["variables"].update({**chosen, **variables})
    return found


def test_learnt_are_the_tokens_of_the_questions(folder: Path, tmp_path: Path) -> None:
    writer = QuestionWriter(str(folder), adapter="", n_threads=1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoded = writer.encoder(tokenizer)(ASKED)
    assert tokenizer.decode(encoded.input_ids[encoded.targets]) == "A: the dog\nQ: who lay by the door?\n"
    assert tokenizer.decode(encoded.input_ids).startswith(f"the cat\n{MAT.text}\nA:")
    assert (
        len(QuestionWriter(str(folder), adapter="", max_seq_length=16).encoder(tokenizer)(ASKED).targets) == 0
    )
    with pytest.raises(InputError, match="question_writer: a paragraph leaves no place for a question"):
        QuestionWriter(str(folder), adapter="", max_seq_length=16, n_threads=1)([ASKED])
    with pytest.raises(ConfigurationError, match="question_writer: unknown parameter persona"):
        QuestionWriter(str(folder), persona="a pirate")


@pytest.mark.filterwarnings("ignore::UserWarning")  # peft's, of a base without a name on a hub
def test_a_trained_writer_asks_what_it_was_taught(folder: Path, adapter: Path, tmp_path: Path) -> None:
    (before,), _ = build_model(config(folder, tmp_path, MODEL_ADAPTER=""))([ASKED])
    (after,), _ = build_model(config(folder, tmp_path, MODEL_ADAPTER=str(adapter)))([ASKED])
    assert after < 0.5 * before
    card = (adapter / "README.md").read_text("utf-8")
    assert "python -m deeppavlov train configs/question_writer.json" in card
    taught, other = (Writer(str(folder), a, seed=1)([MAT] * 8) for a in (adapter, None))
    assert sum(set(found) == {WHO, WHY} for found in taught) >= 2
    assert not any(found for found in other)
    answered = Writer(str(folder), adapter, seed=1, answered=True)([MAT] * 8)
    assert any(WHO in found for found in answered)
    assert all(question.answer for found in answered for question in found)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_command_writes_a_file_and_tells_how_far_it_is(
    folder: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "the_cat.txt").write_text(f"{MAT.text} " * 5)
    out = tmp_path / "train-written.json"
    assert main([str(tmp_path), str(out), "--adapter", str(adapter), "--model", str(folder)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1].startswith("1 of 1 paragraphs, ")
    questions = [
        qa for a in json.loads(out.read_text("utf-8"))["data"] for p in a["paragraphs"] for qa in p["qas"]
    ]
    assert f" {len(questions)} questions" in told[-1]
