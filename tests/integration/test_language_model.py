"""A language model from scratch: it learns, goes on after a stop, and other components load it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deeppavlov import build_model, train_model
from safetensors.torch import load_file

from skills.errors import ConfigurationError, MissingCheckpoint
from skills.generation.decoding import PRESETS, decoding_from
from skills.generation.engines.transformers import TransformersEngine
from skills.generation.language_model import component
from skills.generation.language_model.card import CURVE, draw_curve
from skills.generation.language_model.component import LanguageModel

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "lm_from_scratch.json"
pytestmark = pytest.mark.filterwarnings("ignore")


def config(
    tmp_path: Path, work: str, train: dict[str, Any] | None = None, **variables: Any
) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(CONFIG.read_text("utf-8"))
    # as they come from the environment: strings
    content["metadata"]["variables"].update(
        DATA_PATH=str(tmp_path / "data"), WORK_PATH=str(tmp_path / work), LAYERS="2", HIDDEN="32", HEADS="2",
        CONTEXT="32", VOCABULARY="320", EPOCHS="2", BATCH_SIZE="8", VALID_SHARE="0.05", TIME_LIMIT_S="0",
    )  # fmt: skip
    content["metadata"]["variables"].update(variables)
    content["train"].update(train or {})
    return content


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    names = ("mara", "ivo", "lena")
    lines = [f"{names[i % 3]} saw {i % 7} boats by the lighthouse" for i in range(400)]
    (tmp_path / "data" / "boats.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path


@pytest.fixture
def plain(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For what is not about cards: without the samples and the curve, which take a second each."""
    monkeypatch.setattr(component, "write_samples", lambda *_: [])
    monkeypatch.setattr(component, "draw_curve", lambda *_: None)
    return data


def history(work: Path) -> list[dict[str, Any]]:
    from safetensors import safe_open

    with safe_open(work / "checkpoint.safetensors", framework="pt") as opened:
        state: dict[str, Any] = json.loads(opened.metadata()["state"])
    found: list[dict[str, Any]] = state["history"]
    return found


def test_a_causal_model_learns_and_the_chat_engine_writes_with_it(data: Path) -> None:
    trained = train_model(config(data, "lm", EPOCHS="3", LR="0.01"))
    found = history(data / "lm")
    assert [entry["epoch"] for entry in found] == [1, 2, 3]
    assert found[-1]["perplexity"] < found[0]["perplexity"] < 100
    likely, unlikely = trained(["lena saw 3 boats by the lighthouse", "xq zv kk"])[0]
    assert likely < unlikely

    folder = data / "lm" / "model"
    assert (folder / "learning.png").read_bytes().startswith(b"\x89PNG")
    text = (folder / "README.md").read_text("utf-8")
    assert "| perplexity |" in text
    assert text.count("\n---\n") == 4

    engine = TransformersEngine(str(folder))
    engine.load()
    assert engine.n_ctx == 32
    generated = engine.generate("mara saw", decoding_from({"do_sample": False}), max_new_tokens=8)
    assert "boats" in generated.text
    sampled = engine.generate("mara", PRESETS["balanced"], max_new_tokens=4)
    assert sampled.n_tokens <= 4
    engine.close()


def test_a_masked_model_is_a_roberta_with_its_special_tokens(data: Path) -> None:
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    train_model(config(data, "mlm", KIND="masked", EPOCHS="2", LR="0.01"))
    folder = data / "mlm" / "model"
    assert "| masked perplexity |" in (folder / "README.md").read_text("utf-8")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, report = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert type(model).__name__ == "RobertaForMaskedLM"
    assert model.config.pad_token_id == tokenizer.pad_token_id == 1
    encoded = tokenizer("lena saw 3<mask> by the lighthouse", return_tensors="pt")
    ids = encoded["input_ids"][0].tolist()
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id) == (0, 2)
    assert tokenizer.mask_token_id in ids
    with torch.inference_mode():
        logits = model(**encoded).logits
    assert logits.shape == (1, len(ids), len(tokenizer))


def test_training_goes_on_after_a_stop_as_if_it_had_not_been(plain: Path) -> None:
    train_model(config(plain, "whole"))
    train_model(config(plain, "parts", {"max_batches": 9}))
    stopped = load_file(plain / "parts" / "checkpoint.safetensors")
    tokenizer = (plain / "parts" / "model" / "tokenizer.json").stat().st_mtime_ns
    train_model(config(plain, "parts"))
    assert {stopped[name].item() for name in stopped if name.startswith("step/")} == {9}
    assert (plain / "parts" / "model" / "tokenizer.json").stat().st_mtime_ns == tokenizer
    whole, parts = (load_file(plain / name / "model" / "model.safetensors") for name in ("whole", "parts"))
    for name, tensor in whole.items():
        np.testing.assert_allclose(tensor, parts[name], atol=1e-4, err_msg=name)
    with pytest.raises(ConfigurationError, match=r"is of a model with hidden 32 \(now 64\)"):
        train_model(config(plain, "parts", HIDDEN="64"))


def test_the_first_interrupt_ends_the_training_with_everything_kept(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = LanguageModel.train_on_batch

    def interrupted(self: LanguageModel, *batch: Any) -> dict[str, float]:
        if self.learner is not None and self.learner.step == 2:
            signal.raise_signal(signal.SIGINT)
        return learn(self, *batch)

    monkeypatch.setattr(LanguageModel, "train_on_batch", interrupted)
    usual = signal.getsignal(signal.SIGINT)
    train_model(config(plain, "lm"))
    assert signal.getsignal(signal.SIGINT) is usual
    assert (plain / "lm" / "model" / "model.safetensors").is_file()
    assert [entry["batches_seen"] for entry in history(plain / "lm")] == [3]


def test_a_stop_after_an_epoch_s_last_batch_can_be_gone_on_from(plain: Path) -> None:
    train_model(config(plain, "whole", EPOCHS="1"))
    (n_batches,) = [entry["batches_seen"] for entry in history(plain / "whole")]
    train_model(config(plain, "parts", {"max_batches": n_batches}))
    train_model(config(plain, "parts"))
    assert [entry["batches_seen"] for entry in history(plain / "parts")] == [n_batches, 2 * n_batches]
    assert [entry["epoch"] for entry in history(plain / "parts")] == [1, 2]


def test_a_curve_is_drawn_where_nothing_was_learnt_since_a_stop(tmp_path: Path) -> None:
    entries = [
        {"tokens": 1e6 * n, "epoch": n, "seconds": 60 * n, "loss": loss, "perplexity": 9 - n}
        for n, loss in enumerate((2.0, None, 1.5), 1)
    ]
    draw_curve(entries, "held-out perplexity", tmp_path / CURVE)
    assert (tmp_path / CURVE).read_bytes().startswith(b"\x89PNG")


def test_stops_do_not_wear_the_patience(plain: Path) -> None:
    for n_batches in (1, 2, 3):
        train_model(config(plain, "lm", {"max_batches": n_batches}, EPOCHS="9", LR="0", PATIENCE="2"))
    train_model(config(plain, "lm", EPOCHS="9", LR="0", PATIENCE="2"))
    assert [entry["epoch"] for entry in history(plain / "lm")][3:] == [1, 2]


def test_time_and_patience_end_a_training(plain: Path) -> None:
    train_model(config(plain, "time", TIME_LIMIT_S="0.001"))
    assert [entry["batches_seen"] for entry in history(plain / "time")] == [1]
    # with a learning rate of nothing no validation is better than the first
    train_model(config(plain, "patience", EPOCHS="9", LR="0", PATIENCE="2"))
    assert [entry["epoch"] for entry in history(plain / "patience")] == [1, 2, 3]
    train_model(config(plain, "often", {"max_batches": 3}, VALIDATE_EVERY_S="0.000001"))
    assert [entry["batches_seen"] for entry in history(plain / "often")] == [1, 2, 3]


def test_before_training_there_is_nothing_to_ask(data: Path) -> None:
    model = build_model(config(data, "nothing"))
    with pytest.raises(MissingCheckpoint, match="train one first: python -m deeppavlov train"):
        model(["a text"])
    with pytest.raises(ConfigurationError, match="unknown parameter layers"):
        LanguageModel(layers=3)
