"""Compiling: the same answers as the model it was made from, once, and never from random weights."""

from __future__ import annotations

import gc
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file
from transformers import BertForQuestionAnswering

from skills.compiled import compile_checkpoint, kind_of
from skills.compiler import OPSET, quantize
from skills.deltas import WEIGHTS, apply_adapter, save_delta
from skills.errors import ConfigurationError, DamagedCheckpoint, InputError, MissingCheckpoint
from skills.qa.reader import SquadReader
from skills.qa.surroundings import AROUND_LOGITS, SENTENCE_LOGITS, Surroundings
from skills.runtime import _SESSIONS
from tests.support.tiny_bert import tiny_bert

CONTEXT = "the lighthouse was built in 1874 by mara. the bridge was built in 1901."


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


def reader(base: Path, cache: str, **parameters: Any) -> SquadReader:
    defaults = {"max_seq_length": 64, "max_question_length": 16, "doc_stride": 8}
    return SquadReader(str(base), cache_path=cache, **{**defaults, **parameters})


def test_logits_are_those_of_the_checkpoint(base: Path, cache: str) -> None:
    compiled = reader(base, cache, precision="fp32")
    windows = compiled.tokenizer.windows(["when was the bridge built?"], [CONTEXT])
    inputs = [np.stack([getattr(w, name) for w in windows]) for name in ("input_ids", "token_type_ids")]
    ids, types = inputs
    start, end = compiled.model(ids, np.ones_like(ids), types)
    model = BertForQuestionAnswering.from_pretrained(base).eval()
    with torch.inference_mode():
        expected = model(input_ids=torch.from_numpy(ids), token_type_ids=torch.from_numpy(types))
    np.testing.assert_allclose(start, expected.start_logits, atol=1e-4)
    np.testing.assert_allclose(end, expected.end_logits, atol=1e-4)


def test_answers_count_from_the_whole_context(base: Path, cache: str) -> None:
    long = " ".join([CONTEXT] * 12)
    answers, starts, scores, no_answer = reader(base, cache)([long, CONTEXT, " "], ["when was it built?"] * 3)
    for context, answer, start in zip([long, CONTEXT], answers, starts, strict=False):
        assert answer
        assert context[start : start + len(answer)] == answer
    assert (answers[2], starts[2]) == ("", -1)
    assert len(scores) == len(no_answer) == 3


def test_null_threshold_drops_answers(base: Path, cache: str) -> None:
    assert reader(base, cache, null_threshold=-1e6)([CONTEXT], ["who?"])[0] == [""]
    assert reader(base, cache, null_threshold="1e6")([CONTEXT], ["who?"])[0] != [""]


def test_the_sentence_around_counts_as_much_as_it_is_told_to(base: Path, cache: str) -> None:
    asked = [CONTEXT], ["when was the bridge built?"]
    (bare,) = reader(base, cache, coverage_weight="0", max_answer_length=3).predict(*asked)
    (covered,) = reader(base, cache, coverage_weight=1e6, max_answer_length=3).predict(*asked)
    assert [s.score for s in bare.spans] == sorted((s.score for s in bare.spans), reverse=True)
    assert set(covered.spans) == set(bare.spans)
    around = Surroundings(asked[1][0], CONTEXT)
    shares = [
        AROUND_LOGITS * around.coverage(s.start, s.end)
        + SENTENCE_LOGITS * around.sentence_coverage(s.start, s.end)
        for s in covered.spans
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]


@pytest.mark.parametrize(("precision", "logits"), [("fp32", 1e-4), ("int8", 0.1)])
def test_threads_get_the_answers_of_one(base: Path, cache: str, precision: str, logits: float) -> None:
    shared = reader(base, cache, precision=precision)
    contexts = [" ".join([CONTEXT] * n) for n in range(1, 7)]
    alone = [shared([c], ["when was it built?"]) for c in contexts]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda c: shared([c], ["when was it built?"]), contexts))
    for shares, has_its_own in zip(together, alone, strict=True):
        assert shares[:2] == has_its_own[:2]
        # in int8 a batch has one scale for its activations, which moves the logits a little
        np.testing.assert_allclose(shares[2:], has_its_own[2:], atol=logits)


def test_a_compiled_file_is_made_once_and_again_when_damaged(base: Path, tmp_path: Path) -> None:
    said: list[str] = []
    arguments: dict[str, Any] = {"cache_path": str(tmp_path), "announce": said.append, "precision": "fp32"}
    file = compile_checkpoint(str(base), "encoder", **arguments)
    assert compile_checkpoint(str(base), "encoder", **arguments) == file
    assert len(said) == 1
    weights = file.with_suffix(".weights")  # beside the graph, to be mapped
    whole = weights.read_bytes()
    assert file.stat().st_size < len(whole)
    assert weights.stat().st_mode == file.stat().st_mode
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    compile_checkpoint(str(base), "encoder", **arguments)
    assert len(said) == 2
    assert weights.read_bytes() == whole


@pytest.mark.parametrize("kind", sorted({kind_of("int8"), "int8_pairs"}))
@pytest.mark.parametrize("operator", ["MatMul", "Gemm"])
def test_no_sum_of_products_is_cut_off(operator: str, kind: str, tmp_path: Path) -> None:
    # numbers as large as 8 bits hold, of which two products overflow 16 bits
    plain, target = tmp_path / "plain.onnx", tmp_path / "quantised.onnx"
    columns = np.tile(np.array([[1.0, -1.0]], np.float32), (64, 1))
    if operator == "Gemm":
        node = helper.make_node("Gemm", ["rows", "weights"], ["sums"], name="product", transB=1)
        weights = numpy_helper.from_array(columns.T.copy(), "weights")
    else:
        node = helper.make_node("MatMul", ["rows", "weights"], ["sums"], name="product")
        weights = numpy_helper.from_array(columns, "weights")
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, ["n", 2])],
        [weights],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8), plain)
    quantize(plain, target, kind)
    quantised = [t for t in onnx.load(target).graph.initializer if t.data_type == TensorProto.INT8]
    assert [64, 2] in [list(t.dims) for t in quantised]
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    (sums,) = session.run(None, {"rows": np.ones((3, 64), np.float32)})
    np.testing.assert_allclose(sums, [[64, -64]] * 3, rtol=0.01)


def test_random_heads_never_answer(base: Path, tmp_path: Path) -> None:
    headless = tmp_path / "headless"
    shutil.copytree(base, headless)
    tensors = {k: v for k, v in load_file(base / "model.safetensors").items() if "qa_outputs" not in k}
    save_file(tensors, headless / "model.safetensors", {"format": "pt"})
    with pytest.raises(DamagedCheckpoint, match=r"no weights for qa_outputs\.bias, qa_outputs\.weight"):
        compile_checkpoint(str(headless), "span", cache_path=str(tmp_path))


def test_damaged_weights_are_named(base: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(base, broken)
    (broken / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(DamagedCheckpoint, match="broken could not be compiled"):
        compile_checkpoint(str(broken), "span", cache_path=str(tmp_path))


def test_a_file_is_loaded_once_for_as_long_as_it_is_used(base: Path, cache: str) -> None:
    def in_use() -> set[int]:
        gc.collect()
        return {id(session) for key, session in _SESSIONS.items() if str(key[0]).startswith(cache)}

    before = in_use()
    with ThreadPoolExecutor(4) as pool:
        readers = list(pool.map(lambda _: reader(base, cache, precision="fp32", n_threads=1), range(4)))
    assert len(in_use() - before) == 1
    answers = [r([CONTEXT], ["who?"])[0] for r in readers]
    assert answers == [answers[0]] * 4
    other = reader(base, cache, precision="fp32", n_threads=2)
    assert len(in_use() - before) == 2, "another number of threads is another session"
    del readers, other
    assert in_use() <= before


def test_a_delta_brings_back_what_training_changed(base: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = BertForQuestionAnswering.from_pretrained(base)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    tuned = {n: p + 0.02 * torch.randn_like(p) for n, p in before.items() if "embeddings" not in n}
    save_delta(before, tuned, tmp_path, "tiny")
    assert apply_adapter(model, tmp_path) == set(tuned)
    for name, parameter in model.named_parameters():
        if name in tuned:
            change, error = tuned[name] - before[name], parameter.detach() - tuned[name]
            assert error.norm() < 0.12 * change.norm(), name
        else:
            assert torch.equal(parameter, before[name])


def test_a_lora_adapter_in_pefts_format(base: Path, tmp_path: Path) -> None:
    model = BertForQuestionAnswering.from_pretrained(base)
    name = "bert.encoder.layer.0.attention.self.query"
    weight = dict(model.named_parameters())[f"{name}.weight"]
    before = weight.detach().clone()
    low, high = torch.randn(4, 32), torch.randn(32, 4)
    prefix = f"base_model.model.{name}"
    save_file({f"{prefix}.lora_A.weight": low, f"{prefix}.lora_B.weight": high}, tmp_path / WEIGHTS)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 8, "r": 4}))
    apply_adapter(model, tmp_path)
    torch.testing.assert_close(weight.detach(), before + 2 * high @ low)


def test_an_adapter_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingCheckpoint, match=r"adapter_config\.json is missing"):
        apply_adapter(BertForQuestionAnswering.from_pretrained(base), tmp_path)
    save_file({"bert.no.such.weight": torch.ones(2)}, tmp_path / WEIGHTS)
    (tmp_path / "adapter_config.json").write_text('{"kind": "delta", "block": 32}')
    with pytest.raises(DamagedCheckpoint, match=r"bert\.no\.such\.weight \(2,\) fits nothing"):
        apply_adapter(BertForQuestionAnswering.from_pretrained(base), tmp_path)


def test_bad_parameters_and_inputs_are_named(base: Path, cache: str) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown parameter doc_strid; it takes: .*doc_stride"):
        reader(base, cache, doc_strid=8)
    with pytest.raises(ConfigurationError, match="n_best_size must be at least 1, not 0"):
        reader(base, cache, n_best_size=0)
    good = reader(base, cache)
    with pytest.raises(InputError, match="as many contexts as questions, got 1 and 2"):
        good.predict(["a"], ["b", "c"])
    with pytest.raises(InputError, match="contexts: expected texts, got NoneType"):
        good.predict([None], ["b"])  # type: ignore[list-item]
    with pytest.raises(ConfigurationError, match="built for inference"):
        good.plan(10)


def test_threads_may_come_as_text(base: Path, cache: str) -> None:
    assert reader(base, cache, n_threads="1").predict(["The bridge is long."], ["What is long?"])
    with pytest.raises(ConfigurationError, match="n_threads expects a whole number"):
        reader(base, cache, n_threads="many")
