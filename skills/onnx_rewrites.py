"""What is changed in an ONNX graph before it is quantised: faster layer norms, a scale for every token.

Only compiling imports this module; it knows operators and nothing of checkpoints or heads.

Layer norms: ONNX Runtime 1.32 adds up mean and variance of LayerNormalization and SkipLayerNormalization
one number after the other, of InstanceNormalization in vectors: 330 and 60 µs for 170 tokens of 384
numbers on one Zen 4 core, twelve times a pass of a small BERT. It is the same arithmetic: an instance
norm whose channels are the tokens, with neither scale nor shift, is layer normalisation (Ba et al. 2016,
arXiv 1607.06450) before its weight and bias, which follow as a product and a sum.

Scales: dynamic quantisation takes one scale for all numbers that go into a matrix product. Where the
feed-forward layers come back, a few tokens have values a hundred times the usual (Dettmers et al. 2022,
arXiv 2208.07339, found them in large models), and the others are left with few of the 255 steps. Dividing
each token's numbers by their largest before the product, and multiplying after it, gives every token a
scale of its own (their "vector-wise quantization").
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: Names of what the new nodes share.
_TOKENS, _ONES, _ZEROS, _FLOOR = "norm/tokens", "norm/ones", "norm/zeros", "scale/floor"
#: Activation functions; none of them goes below -0.17.
_ACTIVATIONS = ("Gelu", "FastGelu", "QuickGelu", "Relu")
#: No token is divided by less, so that nothing gets larger than one on either side of zero.
_LEAST_SCALE = 0.2


def norms_of_tokens(graph: onnx.GraphProto) -> set[str]:
    """Outputs of a graph's layer norms over tensors (batch, length, hidden): those that can be replaced.

    Args:
        graph: of standard operators, as exported; of fused ones the shapes are not known.
    """
    inferred = onnx.shape_inference.infer_shapes(helper.make_model(graph)).graph
    rank = {v.name: len(v.type.tensor_type.shape.dim) for v in inferred.value_info}
    return {
        node.output[0]
        for node in graph.node
        if node.op_type == "LayerNormalization" and rank.get(node.output[0]) == 3
    }


def replace_layer_norms(graph: onnx.GraphProto, outputs: set[str], ids: str) -> int:
    """Replace LayerNormalization over the last of three axes by InstanceNormalization, in place.

    Args:
        graph: to be changed.
        outputs: of the norms to be replaced, as :func:`norms_of_tokens` gives them; others stay.
        ids: name of the graph's input of shape (batch, length).

    Returns:
        how many were replaced.
    """
    nodes: list[Any] = []
    replaced = 0
    for node in graph.node:
        if node.op_type != "LayerNormalization" or node.output[0] not in outputs:
            nodes.append(node)
            continue
        if not replaced:
            nodes += _neither_scale_nor_shift(graph, ids)
        replaced += 1
        nodes += _as_instance_norm(node)
    _set_nodes(graph, nodes)
    return replaced


def scale_tokens(graph: onnx.GraphProto) -> int:
    """Give every token a scale of its own where an activation function goes into a matrix product, in place.

    Args:
        graph: to be changed; the result of its products is the same but for rounding.

    Returns:
        in how many places.
    """
    activated = {node.output[0] for node in graph.node if node.op_type in _ACTIVATIONS}
    nodes: list[Any] = []
    scaled = 0
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[0] in activated:
            scaled += 1
            nodes += _with_scales(node)
        else:
            nodes.append(node)
    if scaled:
        graph.initializer.append(numpy_helper.from_array(np.array(_LEAST_SCALE, np.float32), _FLOOR))
        _set_nodes(graph, nodes)
    return scaled


def _set_nodes(graph: onnx.GraphProto, nodes: list[Any]) -> None:
    del graph.node[:]
    graph.node.extend(nodes)


def _neither_scale_nor_shift(graph: onnx.GraphProto, ids: str) -> list[Any]:
    """Nodes that make a scale of ones and a shift of zeros, of shape (length,)."""
    bounds = ["norm/from", "norm/to"]
    for position, name in enumerate(bounds, start=1):
        graph.initializer.append(numpy_helper.from_array(np.array([position], dtype=np.int64), name))
    one, zero = (helper.make_tensor("value", TensorProto.FLOAT, [1], [v]) for v in (1.0, 0.0))
    return [
        helper.make_node("Shape", [ids], ["norm/shape"], name="norm/Shape"),
        helper.make_node("Slice", ["norm/shape", *bounds], [_TOKENS], name="norm/Slice"),
        helper.make_node("ConstantOfShape", [_TOKENS], [_ONES], name="norm/Ones", value=one),
        helper.make_node("ConstantOfShape", [_TOKENS], [_ZEROS], name="norm/Zeros", value=zero),
    ]


def _as_instance_norm(node: Any) -> list[Any]:
    rows, weight, *bias = node.input
    output, name = node.output[0], node.name or node.output[0]
    # by the operator's definition 1e-5 where the node does not say
    epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
    normal, scaled = f"{output}/normal", f"{output}/scaled" if bias else output
    made = [
        helper.make_node(
            "InstanceNormalization", [rows, _ONES, _ZEROS], [normal], name=f"{name}/normal", epsilon=epsilon
        ),
        helper.make_node("Mul", [normal, weight], [scaled], name=f"{name}/weight"),
    ]
    if bias:
        made.append(helper.make_node("Add", [scaled, bias[0]], [output], name=f"{name}/bias"))
    return made


def _with_scales(node: Any) -> list[Any]:
    rows, weight = node.input
    name, output = node.name or node.output[0], node.output[0]
    largest, scale, even, product = (f"{name}/{part}" for part in ("largest", "scale", "even", "product"))
    return [
        helper.make_node("ReduceMax", [rows], [largest], name=f"{name}/ReduceMax", axes=[-1], keepdims=1),
        helper.make_node("Max", [largest, _FLOOR], [scale], name=f"{name}/Max"),
        helper.make_node("Div", [rows, scale], [even], name=f"{name}/Div"),
        helper.make_node("MatMul", [even, weight], [product], name=name),
        helper.make_node("Mul", [product, scale], [output], name=f"{name}/Mul"),
    ]
