"""Training that knows its matrices will be multiplied in 8 bits (quantization-aware training).

The products of a model in training see weights and inputs rounded as the compiled model rounds them, and
the gradient passes as if they were not (straight-through estimator; Jacob et al. 2018, arXiv 1712.05877,
Zafrir et al. 2019, arXiv 1910.06188). Where we differ: the range of the inputs is that of the batch at
hand, as in dynamic quantisation, so none is learnt. The compiled model's inputs are evener
(``skills.smoothing``), so that training sees somewhat more of the rounding. Imported by training only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

#: Smaller ranges than this are taken for it.
_LEAST_RANGE = 1e-6


def quantization_aware(model: nn.Module, feed_forward: int) -> int:
    """Make every linear layer of a model compute with rounded numbers, in place; parameters stay the same.

    Args:
        model: of transformers.
        feed_forward: how many numbers come out of its activation functions; what takes in so many has a
            scale for every token (``skills.onnx_rewrites.scale_tokens``). 0 where it is not known: then
            every tensor has one scale.

    Returns:
        how many layers there are.
    """
    found = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent.named_children()
        if type(layer) is nn.Linear
    ]
    for parent, name, layer in found:
        setattr(parent, name, _RoundedLinear(layer, layer.in_features == feed_forward))
    return len(found)


class _RoundedLinear(nn.Linear):
    """A linear layer on rounded numbers, with the parameters of another."""

    def __init__(self, layer: nn.Linear, scale_tokens: bool) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self.scale_tokens = scale_tokens

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        inputs = rounded_inputs(input, self.scale_tokens)
        return nn.functional.linear(inputs, rounded_weights(self.weight), self.bias)


def rounded_weights(weight: torch.Tensor) -> torch.Tensor:
    """Weights in 255 steps, a scale for each output, zero in the middle.

    Args:
        weight: shape (outputs, inputs).
    """
    with torch.no_grad():
        scale = weight.abs().amax(1, keepdim=True).clamp(min=_LEAST_RANGE) / 127
        rounded = (weight / scale).round_().mul_(scale)
    return _straight_through(weight, rounded)


def rounded_inputs(inputs: torch.Tensor, scale_tokens: bool) -> torch.Tensor:
    """Inputs in 256 steps from the smallest to the largest, or to zero if all lie on one side of it.

    Args:
        inputs: shape (…, features).
        scale_tokens: whether each row has a scale of its own, or the whole tensor one.
    """
    with torch.no_grad():
        low, high = inputs.amin(-1, keepdim=True), inputs.amax(-1, keepdim=True)
        if not scale_tokens:
            low, high = low.amin(), high.amax()
        low, high = low.float().clamp(max=0), high.float().clamp(min=0)
        scale = (high - low).clamp(min=_LEAST_RANGE) / 255
        zero = (-low / scale).round()
        steps = (inputs / scale).round_().add_(zero).clamp_(0, 255)
        rounded = steps.sub_(zero).mul_(scale).to(inputs.dtype)
    return _straight_through(inputs, rounded)


def _straight_through(exact: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = _StraightThrough.apply(exact, rounded)
    return result


class _StraightThrough(torch.autograd.Function):
    """The rounded numbers forwards, the gradient of the exact ones backwards."""

    @staticmethod
    def forward(ctx: Any, exact: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
        return rounded

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradients[0], None
