"""Training: it learns, it goes on after a stop, and what it writes is what the reader reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from deeppavlov import train_model
from safetensors.torch import load_file, save_file

from skills.deltas import _lora
from skills.errors import ConfigurationError, DamagedCheckpoint
from skills.learning import Recipe
from skills.low_rank import truncate
from skills.qa.dataset import SquadBatchIterator, SquadFolderReader
from skills.qa.training import ReaderLearner, ReaderRecipe
from skills.qa.windows import WindowTokenizer, collate
from tests.support.tiny_bert import tiny_bert

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "squad_reader.json"


def squad(folder: Path, name: str, n: int = 24) -> None:
    paragraphs = [
        {
            "context": f"the lighthouse was built in {1800 + i} by mara",
            "qas": [
                {"id": f"{name}{i}", "question": "when was the lighthouse built?",
                 "answers": [{"text": str(1800 + i), "answer_start": 28}]},
                {"id": f"{name}{i}n", "question": "where was the bridge?", "answers": []},
            ],
        }
        for i in range(n)
    ]  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}))


def config(tmp_path: Path, work: str, **train: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(CONFIG.read_text("utf-8"))
    content["metadata"]["variables"].update(
        DATA_PATH=str(tmp_path / "data"), CHECKPOINT=str(tmp_path / "base"), ADAPTER="",
        WORK_PATH=str(tmp_path / work), EPOCHS=2, BATCH_SIZE=8, LR=0.003,
    )  # fmt: skip
    content["chainer"]["pipe"][0]["cache_path"] = str(tmp_path / "cache")
    content["train"].update(train)
    return content


@pytest.fixture
def data(tmp_path: Path) -> Path:
    squad(tmp_path / "data", "train")
    squad(tmp_path / "data", "valid-v1", 4)
    tiny_bert(tmp_path / "base")
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_training_goes_on_after_a_stop_as_if_it_had_not_been(data: Path) -> None:
    trained = train_model(config(data, "whole"))
    train_model(config(data, "parts", max_batches=4, checkpoint_every_s=0))
    stopped = load_file(data / "parts" / "checkpoint.safetensors")
    train_model(config(data, "parts", checkpoint_every_s=0))
    whole, parts = (load_file(data / name / "model.safetensors") for name in ("whole", "parts"))
    answers = trained(["the lighthouse was built in 1806 by mara"], ["when was the lighthouse built?"])[0]
    assert answers == ["1806"]
    assert "| squad v1 f1 |" in (data / "whole" / "adapter" / "README.md").read_text("utf-8")
    assert stopped["step/qa_outputs.weight"] == 4
    for name, tensor in whole.items():
        np.testing.assert_allclose(tensor.float(), parts[name].float(), atol=0.02, err_msg=name)
    # a later stage may begin with the weights or with the adapter, which is rounded to four bits
    tokenizer = WindowTokenizer(data / "base" / "tokenizer.json", 128, 16)
    later, from_adapter = (
        ReaderLearner(data / "base", "base", tokenizer, ReaderRecipe(), data / "later", data / "whole" / name)
        for name in ("model.safetensors", "adapter")
    )
    for name, tensor in later.parameters.items():
        np.testing.assert_allclose(tensor.detach(), from_adapter.parameters[name].detach(), atol=0.02)


@pytest.mark.filterwarnings("ignore")
def test_a_low_rank_adapter_learns_and_is_what_the_reader_reads(data: Path) -> None:
    content = config(data, "low")
    content["metadata"]["variables"].update(LORA_RANK=16, EPOCHS=16, LR=0.01, BATCH_SIZE=16)
    trained = train_model(content)
    adapter = data / "low" / "adapter"
    tensors = load_file(adapter / "adapter_model.safetensors")
    assert {t.dtype for t in tensors.values()} == {torch.float16}
    assert any(name.endswith("query.lora_A.weight") for name in tensors)
    assert not any("embeddings" in name for name in tensors)
    assert json.loads((adapter / "adapter_config.json").read_text())["r"] == 16
    assert not (data / "low" / "model.safetensors").exists()
    question = ["the lighthouse was built in 1806 by mara"], ["when was the lighthouse built?"]
    assert trained(*question)[0] == ["1806"]
    # a later stage begins where this one ended
    tokenizer = WindowTokenizer(data / "base" / "tokenizer.json", 128, 16)
    recipe = ReaderRecipe(lora_rank=16)
    learner = ReaderLearner(data / "base", "base", tokenizer, recipe, data / "next", adapter)
    windows = tokenizer.windows(question[1], question[0])
    start, _ = learner(*collate(windows))
    first = int(start[0, windows[0].context_start :].argmax())
    assert question[0][0][windows[0].offsets[first, 0] :].startswith("1806")
    # where only the later layers go on learning, the earlier pairs are written as they were
    recipe = ReaderRecipe(lora_rank=16, lora_first_layer=1)
    learner = ReaderLearner(data / "base", "base", tokenizer, recipe, data / "upper", adapter)
    learner.learn(question[1], question[0], [["1806"]], [[28]])
    learner.save(data / "upper")
    upper = load_file(data / "upper" / "adapter_model.safetensors")
    assert upper.keys() == tensors.keys()
    same = {name for name in tensors if torch.equal(tensors[name], upper[name])}
    assert {"layer.0" in name for name in same} == {True}
    assert same >= {name for name in tensors if "layer.0" in name}
    with pytest.raises(DamagedCheckpoint, match="no adapter of rank 8 for this model"):
        ReaderLearner(data / "base", "base", tokenizer, ReaderRecipe(lora_rank=8), data / "next", adapter)


def test_an_adapter_made_smaller_keeps_what_its_pairs_say(tmp_path: Path) -> None:
    torch.manual_seed(0)
    left, right = torch.randn(24, 3), torch.randn(3, 40)  # of rank 3, written with rank 8
    mix = torch.linalg.qr(torch.randn(8, 8)).Q
    a, b = mix @ torch.cat([right, torch.zeros(5, 40)]), torch.cat([left, torch.zeros(24, 5)], 1) @ mix.T
    tensors = {"base_model.model.x.lora_A.weight": a, "base_model.model.x.lora_B.weight": b}
    save_file({n: t.contiguous() for n, t in tensors.items()}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8, "lora_alpha": 16}))
    before = _lora(tensors, {"r": 8, "lora_alpha": 16})[0]["x.weight"]
    assert truncate(tmp_path, 3) > 0.999
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config == {"r": 3, "lora_alpha": 6}
    smaller = load_file(tmp_path / "adapter_model.safetensors")
    assert smaller["base_model.model.x.lora_A.weight"].shape == (3, 40)
    after = _lora(smaller, config)[0]["x.weight"]
    np.testing.assert_allclose(after, before, atol=0.05, rtol=0.01)
    assert truncate(tmp_path, 1) < 0.9
    with pytest.raises(ConfigurationError, match="expected a rank from 1 to 1, not 2"):
        truncate(tmp_path, 2)


def test_the_schedule_follows_time_where_it_runs_faster_than_the_steps(data: Path) -> None:
    tokenizer = WindowTokenizer(data / "base" / "tokenizer.json", 128, 16)
    recipe = ReaderRecipe(warmup=0.1, learning_rate=1.0)
    learner = ReaderLearner(data / "base", "base", tokenizer, recipe, data / "schedule")
    learner.plan(100)
    rates = []
    for share in (0.0, 0.05, 0.1, 0.55, 1.0):
        learner.advance(share)
        learner._schedule()
        rates.append(round(learner.optimizer.param_groups[0]["lr"], 3))
    assert rates == [0.1, 0.6, 1.0, 0.5, 0.0]


def test_the_folder_is_read_and_each_question_once(tmp_path: Path) -> None:
    squad(tmp_path / "data", "train", 3)
    squad(tmp_path / "data", "valid-v1", 2)
    again = json.loads((tmp_path / "data" / "train.json").read_text())
    (tmp_path / "data" / "train-again.json").write_text(json.dumps(again))
    data = SquadFolderReader().read(str(tmp_path / "data"))
    iterator = SquadBatchIterator(data, seed=1, mismatched=0.5)
    assert len(iterator.train) == 6
    assert len(iterator.valid) == 4
    batches = list(iterator.gen_batches(4))
    assert iterator.n_batches(4) >= len(batches) >= 2
    for questions, answers in batches:
        for (context, _), (texts, starts) in zip(questions, answers, strict=True):
            assert starts == [-1] or context[starts[0] : starts[0] + len(texts[0])] == texts[0]


def test_an_epoch_is_the_same_again_and_the_next_is_not(tmp_path: Path) -> None:
    squad(tmp_path / "data", "train", 20)
    iterator = SquadBatchIterator(SquadFolderReader().read(str(tmp_path / "data")), seed=1)
    first, again = list(iterator.gen_batches(4)), list(iterator.gen_batches(4))
    iterator.epoch = 1
    assert first == again
    assert first != list(iterator.gen_batches(4))


def test_no_data_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"expected \*\.json files in SQuAD's format, found none"):
        SquadFolderReader().read(str(tmp_path))


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text('{"rows": []}')
    with pytest.raises(ConfigurationError, match=r"train\.json: expected a file in SQuAD's format"):
        SquadFolderReader().read(str(tmp_path))


def test_a_recipe_takes_strings_and_refuses_misspellings() -> None:
    assert Recipe.from_config("reader", {"learning_rate": "2e-4", "freeze_embeddings": "false"}) == Recipe(
        learning_rate=2e-4, freeze_embeddings=False
    )
    with pytest.raises(ConfigurationError, match="unknown parameter learnig_rate"):
        Recipe.from_config("reader", {"learnig_rate": 1})
    with pytest.raises(ConfigurationError, match="expected numbers"):
        Recipe.from_config("reader", {"learning_rate": "fast"})
