"""Training in the numbers that the compiled model has: rounded as ONNX Runtime does, exact gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from deeppavlov import train_model
from onnx import TensorProto, helper
from torch import nn

from skills.errors import ConfigurationError
from skills.qa.training import ReaderLearner, ReaderRecipe
from skills.qa.windows import WindowTokenizer
from skills.quantization_aware import quantization_aware, rounded_inputs, rounded_weights
from tests.integration.test_training import config, squad
from tests.support.tiny_bert import tiny_bert

ROWS = torch.from_numpy(np.random.default_rng(0).normal(0.5, 2, (3, 7, 16)).astype(np.float32))


def as_onnx_runtime_rounds(inputs: torch.Tensor) -> np.ndarray[Any, Any]:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", "y"))
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": inputs.numpy()})[0])


@pytest.mark.parametrize("inputs", [ROWS, ROWS.abs() + 1, -ROWS.abs() - 1, torch.zeros(1, 2, 16)])
def test_inputs_are_rounded_as_onnx_runtime_does(inputs: torch.Tensor) -> None:
    expected = as_onnx_runtime_rounds(inputs)
    np.testing.assert_allclose(rounded_inputs(inputs, scale_tokens=False), expected, atol=1e-5)


def test_a_token_with_huge_values_takes_nothing_from_the_others() -> None:
    rows = ROWS.clone()
    rows[0, 0] *= 1000
    others = slice(1, None)
    alone = rounded_inputs(rows, scale_tokens=True)[others] - rows[others]
    together = rounded_inputs(rows, scale_tokens=False)[others] - rows[others]
    assert alone.abs().max() < 0.03 < together.abs().max()


def test_weights_have_a_scale_for_each_output() -> None:
    weight = ROWS[0] * torch.tensor([1e-3, 1, 1, 1, 1, 1, 1e3])[:, None]
    rounded = rounded_weights(weight)
    steps = weight.abs().amax(1, keepdim=True) / 127
    assert ((rounded - weight).abs() <= steps / 2 * 1.001).all()
    assert not torch.equal(rounded, weight)


def test_the_gradient_is_that_of_exact_numbers() -> None:
    layer = nn.Linear(16, 4)
    weight, bias = layer.weight, layer.bias
    model = nn.Sequential(layer)
    assert quantization_aware(model, 1) == 1
    inputs = ROWS[0].clone().requires_grad_()
    model(inputs).sum().backward()
    assert model[0].weight is weight
    assert model[0].bias is bias
    assert bias.grad is not None
    torch.testing.assert_close(inputs.grad, rounded_weights(weight).detach().sum(0).expand(7, 16))
    torch.testing.assert_close(weight.grad, rounded_inputs(ROWS[0], False).sum(0).expand(4, 16))


def test_a_learner_computes_with_rounded_numbers(tmp_path: Path) -> None:
    base = tiny_bert(tmp_path / "base")
    tokenizer = WindowTokenizer(base / "tokenizer.json", 64, 8, 16)
    (window,) = tokenizer.windows(["who built it?"], ["the bridge was built in 1901 by mara."])
    inputs = window.input_ids[None], np.ones_like(window.input_ids)[None], window.token_type_ids[None]

    def logits(aware: bool) -> np.ndarray[Any, Any]:
        recipe = ReaderRecipe(quantization_aware=aware)
        return ReaderLearner(base, "base", tokenizer, recipe, tmp_path / "runs")(*inputs)[0]

    exact, rounded = logits(False), logits(True)
    assert 0 < np.abs(rounded - exact).mean() < 0.2 * exact.std()


@pytest.mark.filterwarnings("ignore")
def test_the_config_trains_so(tmp_path: Path) -> None:
    squad(tmp_path / "data", "train")
    tiny_bert(tmp_path / "base")
    described = config(tmp_path, "aware")
    described["metadata"]["variables"].update(QUANTIZATION_AWARE="true", EPOCHS=6)
    trained = train_model(described)
    context = "the lighthouse was built in 1806 by mara"
    assert trained([context], ["when was the lighthouse built?"])[0] == ["1806"]


def test_an_adapter_is_not_trained_so(tmp_path: Path) -> None:
    base = tiny_bert(tmp_path / "base")
    recipe = ReaderRecipe(quantization_aware=True, lora_rank=4)
    with pytest.raises(ConfigurationError, match="expected lora_rank 0, not 4"):
        ReaderLearner(base, "base", WindowTokenizer(base / "tokenizer.json"), recipe, tmp_path / "runs")
