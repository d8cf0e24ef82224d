"""A larger reader teaches a smaller one, whose tokenizer puts other tokens around the same words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from deeppavlov import train_model
from safetensors.torch import load_file

from skills.errors import CheckpointError
from skills.qa.span_model import SpanModel
from skills.qa.spans import FloatArray
from skills.qa.teacher import NEVER, Teacher
from skills.qa.training import ReaderLearner, ReaderRecipe
from skills.qa.windows import IntArray, WindowTokenizer
from tests.integration.test_training import config, squad
from tests.support.tiny_bert import tiny_bert

QUESTION = "when was the lighthouse built?"
CONTEXT = "the lighthouse was built in 1806 by mara"


def sees(calls: list[int]) -> SpanModel:
    """A reader whose start logit is the token's id and whose end logit is minus that."""

    def model(
        input_ids: IntArray, attention_mask: IntArray, token_type_ids: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        calls.append(len(input_ids))
        return input_ids.astype(np.float32), -input_ids.astype(np.float32)

    return model


@pytest.fixture
def base(tmp_path: Path) -> Path:
    squad(tmp_path / "data", "train")
    tiny_bert(tmp_path / "base")
    return tmp_path


def other_specials(folder: Path) -> Path:
    """The tokenizer of the folder with two tokens between question and context, as MPNet has."""
    content = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    pair = content["post_processor"]
    pieces = pair["pair"]
    middle = next(i for i, piece in enumerate(pieces) if piece.get("Sequence", {}).get("id") == "B")
    pieces.insert(middle, pieces[middle - 1])
    to = folder / "other.json"
    to.write_text(json.dumps(content), "utf-8")
    return to


def test_the_teachers_logits_stand_at_the_same_words(base: Path) -> None:
    mine = WindowTokenizer(base / "base" / "tokenizer.json", 128, 16)
    theirs = WindowTokenizer(other_specials(base / "base"), 128, 16)
    assert theirs.template.n_special == mine.template.n_special + 1
    calls: list[int] = []
    teacher = Teacher(sees(calls), theirs)
    windows = mine.windows([QUESTION], [CONTEXT])
    start, end = teacher([QUESTION], [CONTEXT], windows, 64)
    window = windows[0]
    inside = slice(window.context_start, window.context_start + len(window.offsets))
    np.testing.assert_array_equal(start[0, inside], window.input_ids[inside])
    np.testing.assert_array_equal(end[0, inside], -window.input_ids[inside])
    assert start[0, 0] == theirs.template.before[0]
    assert set(start[0, 1 : window.context_start]) | set(start[0, inside.stop :]) == {NEVER}
    assert calls == [1]
    teacher([QUESTION], [CONTEXT], windows, 64)
    assert calls == [1]  # what was asked before is remembered


def test_of_a_long_context_the_window_that_shares_most_is_taken(base: Path) -> None:
    mine = WindowTokenizer(base / "base" / "tokenizer.json", 48, 8, 16)
    theirs = WindowTokenizer(other_specials(base / "base"), 48, 8, 16)
    context = " ".join([CONTEXT] * 12)
    windows = mine.windows([QUESTION], [context])
    assert len(windows) > 2
    teacher = Teacher(sees([]), theirs, max_batch_tokens=48)
    start, _ = teacher([QUESTION] * len(windows), [context] * len(windows), windows, 48)
    for row, window in enumerate(windows):
        inside = slice(window.context_start, window.context_start + len(window.offsets))
        known = start[row, inside] != NEVER
        assert known.sum() >= len(window.offsets) - 8
        np.testing.assert_array_equal(start[row, inside][known], window.input_ids[inside][known])


@pytest.mark.parametrize("untaught", [False, True])
def test_the_learner_moves_to_what_the_teacher_believes(base: Path, untaught: bool) -> None:
    tokenizer = WindowTokenizer(base / "base" / "tokenizer.json", 128, 16)
    window = tokenizer.windows([QUESTION], [CONTEXT])[0]
    believed = window.context_start + 1
    calls: list[int] = []

    def model(
        input_ids: IntArray, attention_mask: IntArray, token_type_ids: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        calls.append(len(input_ids))
        logits = np.zeros(input_ids.shape, np.float32)
        logits[:, believed] = 20
        return logits, logits

    paragraph = {"context": CONTEXT, "qas": [{"id": "1", "question": QUESTION}]}
    file = base / "untaught.json"
    file.write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    recipe = ReaderRecipe(
        learning_rate=0.01, teacher_weight=1.0, untaught=str(file) if untaught else "", warmup=0, average=0
    )
    learner = ReaderLearner(
        base / "base", "base", tokenizer, recipe, base / "taught", None, Teacher(model, tokenizer)
    )
    learner.plan(40)
    losses = [learner.learn([CONTEXT], [QUESTION], [["1806"]], [[28]]) for _ in range(30)]
    assert losses[-1] < losses[0] / 2
    start, _ = learner(
        window.input_ids[None], np.ones_like(window.input_ids)[None], window.token_type_ids[None]
    )
    annotated = window.context_start + int((window.offsets[:, 0] == 28).argmax())
    assert annotated != believed
    assert start[0].argmax() == (annotated if untaught else believed)
    assert calls == ([] if untaught else [1])  # nobody is asked who has no say


@pytest.mark.filterwarnings("ignore")
def test_a_trained_adapter_teaches_through_the_config(base: Path) -> None:
    large = config(base, "large")
    large["metadata"]["variables"].update(EPOCHS=6)
    train_model(large)
    adapter = base / "large" / "adapter"
    described = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(
        json.dumps({**described, "base_model_name_or_path": str(base / "base")})
    )
    small = config(base, "small")
    small["metadata"]["variables"].update(TEACHER=str(adapter), TEACHER_WEIGHT="1", EPOCHS=4)
    trained = train_model(small)
    assert trained([CONTEXT], [QUESTION])[0] == ["1806"]
    assert load_file(base / "small" / "adapter" / "adapter_model.safetensors")
    small["metadata"]["variables"].update(TEACHER=str(base / "nowhere"), WORK_PATH=str(base / "none"))
    with pytest.raises(CheckpointError, match="expected an adapter"):
        train_model(small)
