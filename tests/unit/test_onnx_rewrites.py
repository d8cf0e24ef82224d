"""Rewritten graphs: the same numbers, from faster operators and with a scale for every token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from skills.compiled import kind_of
from skills.compiler import quantize
from skills.onnx_rewrites import (
    activated_inputs,
    move_biases,
    norms_of_tokens,
    replace_layer_norms,
    scale_tokens,
)

HIDDEN = 8


def graph_of(nodes: list[Any], constants: dict[str, Any], rank: int = 3) -> onnx.GraphProto:
    """A graph from ``ids`` (batch, length) and ``x`` (…, HIDDEN) to ``y``."""
    shape = ["batch", "length", HIDDEN][-rank:]
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"]),
        helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    tensors = [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in constants.items()]
    return helper.make_graph(nodes, "g", inputs, outputs, tensors)


def model_of(graph: onnx.GraphProto) -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def run(model: onnx.ModelProto, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    ids = np.zeros((x.shape[0], x.shape[-2]), dtype=np.int64)
    (y,) = session.run(None, {"ids": ids, "x": x})
    return np.asarray(y)


def norm(given: str, made: str, **attributes: Any) -> Any:
    inputs = [given, "weight", "bias"] if attributes.pop("biased", True) else [given, "weight"]
    return helper.make_node("LayerNormalization", inputs, [made], axis=-1, **attributes)


CONSTANTS = {"weight": np.linspace(0.5, 2, HIDDEN), "bias": np.linspace(-1, 1, HIDDEN)}
TAIL = helper.make_node("Identity", ["b"], ["y"])
ROWS = np.random.default_rng(0).normal(3, 2, (2, 5, HIDDEN)).astype(np.float32)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("epsilon", [{}, {"epsilon": 0.5}])
def test_replaced_norms_give_the_same_numbers(biased: bool, epsilon: dict[str, float]) -> None:
    nodes = [norm("x", "a", biased=biased, **epsilon), norm("a", "b", biased=biased, **epsilon), TAIL]
    graph = graph_of(nodes, CONSTANTS)
    expected = run(model_of(graph), ROWS)
    found = norms_of_tokens(graph)
    assert found == {"a", "b"}
    assert replace_layer_norms(graph, found, "ids") == 2
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("InstanceNormalization") == 2
    assert "LayerNormalization" not in kinds
    np.testing.assert_allclose(run(model_of(graph), ROWS), expected, atol=1e-5)


def test_a_norm_over_chosen_places_stays() -> None:
    graph = graph_of([norm("x", "b"), TAIL], CONSTANTS, rank=2)
    assert norms_of_tokens(graph) == set()
    assert replace_layer_norms(graph, set(), "ids") == 0
    assert [node.op_type for node in graph.node] == ["LayerNormalization", "Identity"]


def block(*further: Any) -> onnx.GraphProto:
    """A norm that goes into a product with a bias and, beside it, into a sum that ends in a second norm."""
    random = np.random.default_rng(2)
    nodes = [
        norm("x", "a"),
        helper.make_node("MatMul", ["a", "up"], ["raised"]),
        helper.make_node("Add", ["up bias", "raised"], ["inner"]),
        helper.make_node("Relu", ["inner"], ["active"]),
        helper.make_node("MatMul", ["active", "down"], ["lowered"]),
        helper.make_node("Add", ["lowered", "down bias"], ["back"]),
        helper.make_node("Add", ["back", "a"], ["sum"]),
        norm("sum", "b"),
        *further,
    ]
    constants = CONSTANTS | {
        "up": random.normal(0, 1, (HIDDEN, 12)),
        "up bias": random.normal(0, 1, 12),
        "down": random.normal(0, 1, (12, HIDDEN)),
        "down bias": random.normal(0, 1, HIDDEN),
    }
    return graph_of(nodes, constants)


def moved(graph: onnx.GraphProto) -> tuple[int, int]:
    """How many biases were moved, and by how many sums the graph became shorter; its results are compared."""
    expected = run(model_of(graph), ROWS)
    norms = {node.output[0] for node in graph.node if node.op_type == "LayerNormalization"}
    replace_layer_norms(graph, norms, "ids")
    n_sums = sum(node.op_type == "Add" for node in graph.node)
    n_moved = move_biases(graph, norms)
    np.testing.assert_allclose(run(model_of(graph), ROWS), expected, rtol=1e-4, atol=1e-4)
    return n_moved, n_sums - sum(node.op_type == "Add" for node in graph.node)


def test_a_norms_bias_is_added_by_the_products_and_the_sum_that_take_it_in() -> None:
    # the second norm's result is the graph's: nobody is left to add its bias
    assert moved(block(TAIL)) == (1, 1)


def test_attention_takes_a_bias_in() -> None:
    random = np.random.default_rng(3)
    attention = helper.make_node(
        "Attention", ["b", "qkv", "qkv bias"], ["c"], domain="com.microsoft", num_heads=2
    )
    tail = [
        attention,
        helper.make_node("MatMul", ["c", "out"], ["d"]),
        helper.make_node("Add", ["d", "out bias"], ["e"]),
        helper.make_node("Add", ["b", "e"], ["y"]),
        helper.make_node("Shape", ["b"], ["size"]),
    ]
    graph = block(*tail)
    for name, shape in {
        "qkv": (HIDDEN, 24),
        "qkv bias": 24,
        "out": (HIDDEN, HIDDEN),
        "out bias": HIDDEN,
    }.items():
        tensor = random.normal(0, 1, shape).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(tensor, name))
    assert moved(graph) == (2, 2)


def test_a_bias_stays_where_anything_else_takes_the_norm_in() -> None:
    assert moved(block(helper.make_node("Mul", ["a", "b"], ["y"]))) == (0, 0)
    # a product without a bias of its own, and one of two variables
    square = helper.make_node("MatMul", ["a", "square"], ["c"])
    for last in (["c", "b"], ["b", "c"]):
        graph = block(square, helper.make_node("Mul", last, ["y"]))
        graph.initializer.append(numpy_helper.from_array(np.eye(HIDDEN, dtype=np.float32), "square"))
        assert moved(graph) == (0, 0)
    # what the sum's other side comes to is taken elsewhere, too, or is a result
    assert moved(block(helper.make_node("Mul", ["b", "back"], ["y"]))) == (0, 0)
    graph = block(TAIL)
    graph.output[0].name = "back"
    assert moved(graph) == (0, 0)


def feed_forward() -> onnx.GraphProto:
    weight = np.random.default_rng(1).normal(0, 1, (HIDDEN, HIDDEN))
    nodes = [
        helper.make_node("Gelu", ["x"], ["active"], domain="com.microsoft"),
        helper.make_node("MatMul", ["active", "back"], ["y"], name="back"),
    ]
    return graph_of(nodes, {"back": weight})


def quantised(graph: onnx.GraphProto, folder: Path) -> onnx.ModelProto:
    onnx.save(model_of(graph), folder / "plain.onnx")
    quantize(folder / "plain.onnx", folder / "int8.onnx", kind_of("int8"))
    return onnx.load(folder / "int8.onnx")


def test_a_token_with_huge_values_takes_nothing_from_the_others(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows[0, 0] *= 1000
    expected = run(model_of(feed_forward()), rows)
    scaled = feed_forward()
    assert activated_inputs(scaled) == ["active"]
    assert scale_tokens(scaled, {"active"}) == 1
    np.testing.assert_allclose(run(model_of(scaled), rows), expected, rtol=1e-4, atol=1e-4)

    def error(graph: onnx.GraphProto) -> float:
        found = run(quantised(graph, tmp_path), rows)
        return float(np.abs(found - expected)[:, 1:].max() / np.abs(expected)[:, 1:].max())

    assert error(feed_forward()) > 0.3
    assert error(scaled) < 0.03


def test_tokens_that_nothing_activates_have_a_scale_too() -> None:
    nothing = np.full((1, 3, HIDDEN), -20, dtype=np.float32)
    graph = feed_forward()
    scale_tokens(graph, {"active"})
    assert np.isfinite(run(model_of(graph), nothing)).all()


def test_other_products_stay() -> None:
    graph = graph_of([helper.make_node("MatMul", ["x", "back"], ["y"])], {"back": np.eye(HIDDEN)})
    assert activated_inputs(graph) == []
    assert scale_tokens(graph, set()) == 0
    assert [node.op_type for node in graph.node] == ["MatMul"]
