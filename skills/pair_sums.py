"""8-bit weights whose sums of two products fit into 16 bits.

Only compiling imports this module. Without instructions for 8-bit numbers ONNX Runtime multiplies on x86 by
VPMADDUBSW, which adds the products of two neighbours up in 16 bits and cuts off what does not fit: of inputs
up to 255 and weights up to 127, half. The runtime's own way out is to halve all weights (``reduce_range``).
But only neighbours have to share: the scale of each output is set by the largest sum of two neighbouring
weights that it has, not by twice its largest weight. In MiniLM steps get 1.2 to 1.4 times as coarse, not
twice. (Unsigned weights are multiplied exactly, by other instructions that take a seventh longer.)
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

#: The largest weight, and the largest sum of two before rounding, which may add one half to each:
#: 255 · 128 is the most that fits.
_LARGEST = 127
#: What quantisation appends to the name of a constant, and what to one that it turned round before.
_QUANTISED, _SCALE, _TRANSPOSED = "_quantized", "_scale", "_Transposed"
FloatArray = NDArray[np.float32]


def limit_pair_sums(quantised: onnx.ModelProto, plain: onnx.ModelProto) -> int:
    """Round weights anew, in place, so that no sum of two products is cut off.

    Args:
        quantised: what ONNX Runtime's dynamic quantisation made, with signed weights.
        plain: what it was made of.

    Returns:
        how many matrices were rounded anew.
    """
    plain_weights = {tensor.name: tensor for tensor in plain.graph.initializer}
    constants = {tensor.name: tensor for tensor in quantised.graph.initializer}
    rounded = 0
    for name, tensor in constants.items():
        if tensor.data_type != onnx.TensorProto.INT8 or not name.endswith(_QUANTISED):
            continue
        origin = name.removesuffix(_QUANTISED)
        scales = constants[origin + _SCALE]
        if origin in plain_weights:
            weight = numpy_helper.to_array(plain_weights[origin])
        else:
            weight = numpy_helper.to_array(plain_weights[origin.removesuffix(_TRANSPOSED)]).T
        scale = pair_scales(weight)
        if not scales.dims:  # one for all outputs
            scale = scale.max()
        steps = np.clip(np.rint(weight / scale), -_LARGEST, _LARGEST).astype(np.int8)
        tensor.CopyFrom(numpy_helper.from_array(steps, name))
        scales.CopyFrom(numpy_helper.from_array(np.float32(scale).reshape(scales.dims), scales.name))
        rounded += 1
    return rounded


def pair_scales(weight: FloatArray) -> FloatArray:
    """The step of each output's weights.

    Args:
        weight: shape (inputs, outputs).

    Returns:
        shape (outputs,), larger than 0.
    """
    sizes = np.abs(weight)
    if len(sizes) % 2:
        sizes = np.pad(sizes, ((0, 1), (0, 0)))
    largest = (sizes[::2] + sizes[1::2]).max(0)
    scale: FloatArray = np.maximum(largest / _LARGEST, np.finfo(np.float32).tiny).astype(np.float32)
    return scale
