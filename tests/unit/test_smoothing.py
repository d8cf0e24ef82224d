"""Evened-out inputs: the same product, less lost in 8 bits, whatever takes the inputs in besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from skills.errors import DamagedCheckpoint
from skills.smoothing import SAMPLES, sample_inputs, smooth_inputs, uneven_tokens
from tests.support.tiny_bert import tiny_bert

CHANNELS = 16
RANDOM = np.random.default_rng(0)
WEIGHTS = {name: RANDOM.normal(0, 1, (CHANNELS, CHANNELS)).astype(np.float32) for name in ("up", "other")}
#: One channel is a hundred times the others, in every sample.
ROWS = RANDOM.normal(0, 1, (4, 9, CHANNELS)).astype(np.float32) * np.array([100] + [1] * (CHANNELS - 1))
SAMPLED = [{"x": ROWS[:2].astype(np.float32)}]


def model_of(products: list[tuple[str, str]]) -> onnx.ModelProto:
    """A norm's output ``n`` that goes into products, (weights, result) each, and into ``rest`` as it is."""
    nodes = [helper.make_node("Identity", ["x"], ["n"])]
    nodes += [helper.make_node("MatMul", ["n", weights], [made], name=made) for weights, made in products]
    nodes.append(helper.make_node("Identity", ["n"], ["rest"]))
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", "l", CHANNELS]) for n in ("x",)]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for _, n in products]
    outputs.append(helper.make_tensor_value_info("rest", TensorProto.FLOAT, None))
    constants = [numpy_helper.from_array(WEIGHTS[w], w) for w in dict.fromkeys(w for w, _ in products)]
    graph = helper.make_graph(nodes, "g", values, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto) -> list[Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x": ROWS.astype(np.float32)}))


def test_the_results_stay_and_others_take_the_inputs_as_they_were(tmp_path: Path) -> None:
    model = model_of([("up", "a"), ("other", "b")])
    expected = run(model)
    assert smooth_inputs(model, {"n", "x"}, SAMPLED, tmp_path / "seen.onnx") == 1
    assert not np.array_equal(numpy_helper.to_array(model.graph.initializer[0]), WEIGHTS["up"])
    for found, same in zip(run(model), expected, strict=True):
        np.testing.assert_allclose(found, same, rtol=1e-4, atol=1e-3)
    assert len(model.graph.output) == len(expected)


def test_a_large_channel_takes_nothing_from_the_others(tmp_path: Path) -> None:
    expected = run(model_of([("up", "a")]))[0]

    def error(model: onnx.ModelProto) -> float:
        onnx.save(model, tmp_path / "plain.onnx")
        quantize_dynamic(
            tmp_path / "plain.onnx", tmp_path / "int8.onnx", per_channel=True, weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
        )  # fmt: skip
        return float(np.abs(run(onnx.load(tmp_path / "int8.onnx"))[0] - expected).mean())

    smooth = model_of([("up", "a")])
    smooth_inputs(smooth, {"n"}, SAMPLED, tmp_path / "seen.onnx")
    assert error(smooth) < error(model_of([("up", "a")])) / 3


def test_tokens_are_uneven_where_a_few_are_far_larger_than_most(tmp_path: Path) -> None:
    model, rows = model_of([("up", "a")]), RANDOM.normal(0, 1, (1, 9, CHANNELS)).astype(np.float32)

    def uneven(*samples: Any) -> set[str]:
        return uneven_tokens(model, ["n"], [{"x": sample} for sample in samples], tmp_path / "seen.onnx")

    one_large = rows.copy()
    one_large[0, 3] *= 10
    assert uneven(rows, rows * 10) == set()
    assert uneven(rows, one_large) == {"n"}
    assert uneven_tokens(model, [], [{"x": rows}], tmp_path / "seen.onnx") == set()
    assert [value.name for value in model.graph.output] == ["a", "rest"]


def test_weights_that_two_products_share_stay(tmp_path: Path) -> None:
    model = model_of([("up", "a"), ("up", "b")])
    assert smooth_inputs(model, {"n"}, SAMPLED, tmp_path / "seen.onnx") == 0
    assert np.array_equal(numpy_helper.to_array(model.graph.initializer[0]), WEIGHTS["up"])


def test_the_samples_are_pairs_as_long_as_the_model_takes(tmp_path: Path) -> None:
    base = tiny_bert(tmp_path)
    samples = sample_inputs(base / "tokenizer.json", 40)
    assert len(samples) == len(SAMPLES)
    for inputs in samples:
        assert inputs["input_ids"].shape == inputs["attention_mask"].shape == (1, 40)
        assert set(inputs["token_type_ids"][0]) == {0, 1}
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(DamagedCheckpoint, match="is not a tokenizer file"):
        sample_inputs(tmp_path / "tokenizer.json", 40)
