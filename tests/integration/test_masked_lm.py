"""Writing with BERT: two families, batches, seeds, the shipped weights, a training run."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from deeppavlov import build_model, evaluate_model, train_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM

from skills.compiled import compile_checkpoint
from skills.errors import ConfigurationError, DamagedCheckpoint, InputError
from skills.generation.masked_lm.component import MaskedLm
from skills.generation.masked_lm.dataset import SentenceIterator
from skills.generation.masked_lm.encoder import BertEncoder
from skills.generation.masked_lm.generator import BertGenerator
from skills.generation.masked_lm.model import ADAPTERS, OnnxMaskedModel
from skills.generation.text_folder import TextFolderReader
from tests.support.tiny_bert import tiny_bert
from tests.support.tiny_masked import TEXTS, masked_bert, masked_roberta

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SPECIAL = re.compile(r"\[(PAD|UNK|CLS|SEP|MASK)\]|</?s>|<(pad|unk|mask)>|##")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module", params=["bert", "roberta"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    make = masked_bert if request.param == "bert" else masked_roberta
    return make(tmp_path_factory.mktemp(request.param))


def pipeline(checkpoint: Path | str, cache: str, **variables: Any) -> Any:
    config = json.loads((CONFIGS / "bert_generator.json").read_text("utf-8"))
    defaults = {"MAX_NEW_TOKENS": 8, "MAX_SEQ_LENGTH": 48, "N_CANDIDATES": 1, "SEED": 7}
    config["metadata"]["variables"].update({"PRETRAINED_MODEL": str(checkpoint), **defaults, **variables})
    config["chainer"]["pipe"][1]["cache_path"] = cache
    return build_model(config)


@pytest.fixture(scope="module")
def writer(checkpoint: Path, cache: str) -> Any:
    return pipeline(checkpoint, cache)


def test_logits_are_those_of_the_checkpoint(checkpoint: Path, cache: str) -> None:
    compiled = OnnxMaskedModel(compile_checkpoint(str(checkpoint), "masked_lm", None, "fp32", cache))
    ids = np.array([[5, 9, 4, 11, 7], [6, 4, 8, 1, 1]], dtype=np.int64)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], dtype=np.int64)
    rows, columns = np.array([0, 0, 1]), np.array([2, 4, 1])
    model = AutoModelForMaskedLM.from_pretrained(checkpoint).eval()
    with torch.inference_mode():
        expected = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits
    np.testing.assert_allclose(compiled(ids, mask, rows, columns), expected[rows, columns], atol=2e-3)


def test_a_batch_is_written_as_one_by_one(writer: Any) -> None:
    texts = [*TEXTS, " ".join(TEXTS * 9), "the"]
    suggestions = [None, "the bridge", "", "It was", None]
    together = writer(texts, suggestions)
    assert together == [writer([t], [s])[0] for t, s in zip(texts, suggestions, strict=True)]
    assert together[1].startswith("the bridge ")
    assert together[3].startswith("It was ")
    assert all(together)


@pytest.mark.parametrize("order", ["left_to_right", "confident", "random"])
def test_a_seed_settles_what_is_written(checkpoint: Path, cache: str, order: str) -> None:
    def write(seed: Any) -> list[str]:
        parameters = {"ORDER": order, "REFINEMENT_PASSES": "1", "TEMPERATURE": "5"}
        return pipeline(checkpoint, cache, SEED=seed, **parameters)(TEXTS, ["the", None, ""])  # type: ignore[no-any-return]

    assert write("3") == write(3)
    assert len({tuple(write(seed)) for seed in range(3)}) > 1
    assert write(None) != write(None)


def test_threads_write_what_one_does(writer: Any) -> None:
    pairs = [(text, suggestion) for text in TEXTS for suggestion in ("the", "by mara", None)]
    alone = [writer([t], [s]) for t, s in pairs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda pair: writer([pair[0]], [pair[1]]), pairs)) == alone


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=80) | st.sampled_from([*TEXTS, "[MASK] <mask> </s> [SEP]", "\ud800 ☃ 雪"]),
    suggestion=st.none() | st.text(max_size=20) | st.sampled_from(["the", "by"]),
)
def test_no_special_token_is_ever_written(writer: Any, text: str, suggestion: str | None) -> None:
    (result,) = writer([text], [suggestion])
    written = result.removeprefix((suggestion or "").rstrip())
    assert written.strip()
    assert not SPECIAL.search(written)
    assert not re.search(r"[.?!].", written)


def test_long_texts_are_cut_from_the_left_and_the_suggestion_stays(checkpoint: Path) -> None:
    encoder = BertEncoder(str(checkpoint), max_new_tokens=8, max_seq_length=32)
    long, short = encoder([" ".join(TEXTS * 9), "by mara"], ["the bridge", None])
    assert len(long.ids) == 32 - 8 - 2
    end = encoder.vocabulary.encode("by night. the bridge")[-4:]
    assert list(long.ids[-4:]) == end
    assert (short.n_cut, short.suggestion) == (0, "")


def test_bad_input_and_parameters_are_named(checkpoint: Path, cache: str) -> None:
    encoder = BertEncoder(str(checkpoint), max_seq_length=48)
    with pytest.raises(InputError, match="as many suggestions as texts, got 2 and 1"):
        encoder(["a"], ["b", "c"])
    with pytest.raises(InputError, match=r"texts\[1\]: expected a text, got NoneType"):
        encoder(["a", None], [None, None])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"suggestions\[0\]: expected a text or null, got int"):
        encoder(["a"], [3])  # type: ignore[list-item]
    with pytest.raises(ConfigurationError, match="60 new tokens leave no room for a text in an input of 48"):
        BertEncoder(str(checkpoint), max_seq_length=48, max_new_tokens=60)
    for parameters, expected in (
        ({"order": "backwards"}, "order expects one of left_to_right, confident, random; got 'backwards'"),
        ({"max_new_tokens": "many"}, "max_new_tokens expects a whole number from 1; got 'many'"),
        ({"temperature": "0"}, "temperature expects a number from 0.01 to 10"),
        ({"top_p": 2}, "top_p expects a number above 0 and up to 1"),
        ({"temprature": 1}, "unknown parameter temprature; it takes: .*temperature"),
    ):
        with pytest.raises(ConfigurationError, match=expected):
            BertGenerator(str(checkpoint), cache_path=cache, **parameters)


def test_a_model_without_a_head_never_writes(tmp_path: Path) -> None:
    with pytest.raises(DamagedCheckpoint, match=r"no weights for cls\.predictions"):
        BertGenerator(str(tiny_bert(tmp_path / "headless")), cache_path=str(tmp_path))


def test_the_default_model_writes_with_the_shipped_weights() -> None:
    assert sum(f.stat().st_size for f in (ADAPTERS / "minilm-masked-lm").iterdir()) <= 7_000_000
    config = json.loads((CONFIGS / "bert_generator.json").read_text("utf-8"))
    config["metadata"]["variables"]["SEED"] = 1
    write = build_model(config)
    pairs = ["It is a period of civil war.", "How are you? It is a nice day, and"], ["The war was", None]
    results = write(*pairs)
    assert results == write(*pairs)
    for result in results:
        assert re.fullmatch(r"[A-Za-z0-9 ,;:'’]+[.?!]?", result)
        assert len(result.split()) > 3


def test_the_default_model_names_hidden_words() -> None:
    hits, log_probabilities = MaskedLm()(
        ["I think that it is a good idea to go to the store and buy some food."]
    )
    assert len(hits[0]) == 3
    assert np.exp(-np.mean(log_probabilities[0])) < 200


# -- training -----------------------------------------------------------------------------------


def training(tmp_path: Path, work: str, **train: Any) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((CONFIGS / "masked_lm.json").read_text("utf-8"))
    config["metadata"]["variables"].update(
        DATA_PATH=str(tmp_path / "data"), CHECKPOINT=str(tmp_path / "base"), PRECISION="fp32",
        WORK_PATH=str(tmp_path / work), MAX_SEQ_LENGTH=32, EPOCHS="2", BATCH_SIZE=8, LR="0.003",
    )  # fmt: skip
    config["chainer"]["pipe"][0]["cache_path"] = str(tmp_path / "cache")
    config["dataset_reader"]["min_chars"] = 1
    config["train"].update(train)
    return config


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    lines = [
        f"the lighthouse was built in {1800 + i} by mara. the bridge was built by mara." for i in range(32)
    ]
    (tmp_path / "data" / "text.txt").write_text("\n".join(lines), "utf-8")
    (tmp_path / "data" / "valid.txt").write_text("\n".join(lines[:3]) + "\n\n", "utf-8")
    tiny_bert(tmp_path / "base")
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_training_goes_on_after_a_stop_and_the_result_writes(data: Path) -> None:
    train_model(training(data, "whole"))
    train_model(training(data, "parts", max_batches=4, checkpoint_every_s=0))
    assert load_file(data / "parts" / "checkpoint.safetensors")["step/cls.predictions.bias"] == 4
    train_model(training(data, "parts", checkpoint_every_s=0))
    whole, parts = (load_file(data / name / "model.safetensors") for name in ("whole", "parts"))
    for name, tensor in whole.items():
        np.testing.assert_allclose(tensor.float(), parts[name].float(), atol=0.05, err_msg=name)
    config = training(data, "whole")
    config["metadata"]["variables"]["ADAPTER"] = str(data / "whole" / "adapter")
    scores = evaluate_model(config)["valid"]
    assert scores["masked_accuracy"] > 0.3
    assert 1 < scores["pseudo_perplexity"] < 20
    assert "| masked accuracy |" in (data / "whole" / "adapter" / "README.md").read_text("utf-8")
    write = pipeline(data / "base", str(data / "cache"), ADAPTER=str(data / "whole" / "adapter"), TOP_K=1)
    assert "mara" in write(["the bridge was built by mara."], ["the"])[0]


@pytest.mark.filterwarnings("ignore")
def test_the_weights_that_go_out_are_the_best_and_not_the_last(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpointed: list[int] = []
    write = MaskedLm.checkpoint

    def checkpoint(self: MaskedLm, state: dict[str, Any]) -> None:
        write(self, state)
        adapter = (data / "best" / "adapter" / "adapter_model.safetensors").read_bytes()
        checkpointed.append(hash(adapter))

    monkeypatch.setattr(MaskedLm, "checkpoint", checkpoint)
    # no epoch is better than the first
    monkeypatch.setattr(MaskedLm, "__call__", lambda self, texts: ([[1]] * len(texts), [[-1.0]] * len(texts)))
    train_model(training(data, "best", evaluation_targets=[]))
    assert len(checkpointed) == 2
    assert len(set(checkpointed)) == 1


def test_pieces_are_whole_sentences_that_fit(data: Path) -> None:
    pairs = TextFolderReader().read(str(data / "data"), min_chars=1)
    assert [len(pairs[kind][0][0].splitlines()) for kind in ("train", "valid")] == [32, 3]
    iterator = SentenceIterator(pairs, str(data / "base"), max_seq_length=12, seed=1)
    texts = [text for batch, _ in iterator.gen_batches(8) for text in batch]
    assert len(texts) == 64
    assert iterator.n_batches(8) == 8
    assert all(text.endswith("mara.") for text in texts)
    again = [text for batch, _ in iterator.gen_batches(8) for text in batch]
    iterator.epoch = 1
    assert texts == again != [text for batch, _ in iterator.gen_batches(8) for text in batch]
