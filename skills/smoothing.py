"""Evens out what goes into matrix products, so that 8-bit integers hold it (SmoothQuant).

Only compiling imports this module. What comes out of a layer norm has a few channels that are ten to
fifty times as large as the others, and one scale for all of them leaves the others few of its 255 steps.
Dividing each channel by a constant, and multiplying that row of the weights by it, is the same product
with evener inputs (Xiao et al. 2022, arXiv 2211.10438). Where we differ: the exponent is 0.7, as the
weights have a scale for each output anyway, and how large the channels are is seen on a text of our own,
which served as well as the texts that were asked about: the rounding error of products behind a layer norm
falls to a third in MiniLM's feed-forward layers, to a fifth in MPNet's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from skills.runtime import load_tokenizer

#: How much of the unevenness goes from the inputs to the weights, in [0, 1].
MIGRATED = 0.7
#: From how many times the range of the median token on that of all tokens together is uneven. Of MiniLM's six
#: feed-forward layers the first four are at 6 to 8, the others at 1.2 to 1.5, where a scale for each token
#: changes nothing but the time; of MPNet's twelve the last one and the fifth are below.
UNEVEN = 2.5
#: Channels and rows smaller than this are taken for it.
_LEAST = 1e-5
#: Tokens of a sample at the most.
_MAX_TOKENS = 160
FloatArray = NDArray[np.float32]
Inputs = Mapping[str, NDArray[np.int64]]

#: Questions and passages to see the channels on. What they say does not matter.
SAMPLES = (
    (
        "How long is the notice that a tenant has to give?",
        "The lease begins on 1 March 2024 and runs for two years. After that it goes on from month to month "
        "until one of the parties ends it. The tenant gives one month's notice, the landlord three; both in "
        "writing. The rent is 1,240 pounds a month, due on the third working day, and may be raised once a "
        "year by no more than the index of consumer prices. Pets need the landlord's consent, which is not "
        "to be withheld without a reason.",
    ),
    (
        "Who built the lighthouse on the northern cape?",
        "The first light on the cape was a coal fire, kept by the monks from 1531. The tower that stands "
        "there today was built between 1869 and 1874 by the engineer Ada Lindqvist; it is 38 metres high "
        "and can be seen from 22 nautical miles. During the war it was dark. In 1962 the lamp became "
        "electric, and the last keeper, Jon Berg, left in 1987.",
    ),
    (
        "what happens if the pump runs dry",
        "WARNING: never run the pump without water. Check (a) the inlet, (b) the filter and (c) the valve "
        "before each start. If the red lamp blinks: 1. switch the unit off; 2. wait 15 minutes; 3. fill the "
        "chamber with 0.5 l of clean water at 5-40 °C. The guarantee does not cover damage by dry running.",
    ),
)


def sample_inputs(tokenizer_file: Path, max_tokens: int) -> list[Inputs]:
    """The samples as a model takes them, one at a time.

    Args:
        tokenizer_file: a ``tokenizer.json``.
        max_tokens: longest input that the model takes.

    Raises:
        DamagedCheckpoint: if the file is not a tokenizer.
    """
    tokenizer = load_tokenizer(tokenizer_file)
    made: list[Inputs] = []
    for question, passage in SAMPLES:
        encoding = tokenizer.encode(question, passage)
        columns = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        n = min(max_tokens, _MAX_TOKENS)
        inputs = {name: np.asarray([values[:n]], dtype=np.int64) for name, values in columns.items()}
        made.append(inputs | {"rows": np.array([0]), "columns": np.array([1])})
    return made


def smooth_inputs(model: onnx.ModelProto, tensors: set[str], samples: Sequence[Inputs], scratch: Path) -> int:
    """Divide tensors by a constant for each channel before the products that take them in, in place.

    Args:
        model: in float32; its results stay the same but for rounding.
        tensors: names of those to be evened out, of shape (…, channels).
        samples: what the channels' sizes are seen on.
        scratch: a file that may be written.

    Returns:
        how many tensors were evened out; those stay that no constant matrix multiplies, or one that is used
        elsewhere, too.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    uses: dict[str, int] = {}
    for name in (name for node in graph.node for name in node.input):
        uses[name] = uses.get(name, 0) + 1
    products: dict[str, list[Any]] = {}
    for node in graph.node:
        # the fused attention begins with a product, too: of the inputs and the weights of q, k and v
        if (
            node.op_type in ("MatMul", "Attention")
            and node.input[0] in tensors
            and node.input[1] in constants
        ):
            products.setdefault(node.input[0], []).append(node)
    products = {k: found for k, found in products.items() if all(uses[n.input[1]] == 1 for n in found)}
    for name, largest in _largest(model, list(products), samples, scratch).items():
        weights = [numpy_helper.to_array(constants[node.input[1]]) for node in products[name]]
        rows = np.max([np.abs(weight).max(1) for weight in weights], axis=0)
        scale = np.maximum(largest, _LEAST) ** MIGRATED / np.maximum(rows, _LEAST) ** (1 - MIGRATED)
        for node, weight in zip(products[name], weights, strict=True):
            even = (weight * scale[:, None]).astype(np.float32)
            constants[node.input[1]].CopyFrom(numpy_helper.from_array(even, node.input[1]))
            node.input[0] = f"{name}/even"
        factor = numpy_helper.from_array((1 / scale).astype(np.float32), f"{name}/evening")
        graph.initializer.append(factor)
        evened = helper.make_node("Mul", [name, factor.name], [f"{name}/even"], name=f"{name}/Even")
        after = next(i for i, node in enumerate(graph.node) if name in node.output)
        graph.node.insert(after + 1, evened)
    return len(products)


def uneven_tokens(
    model: onnx.ModelProto, tensors: Sequence[str], samples: Sequence[Inputs], scratch: Path
) -> set[str]:
    """Those of some tensors in which a few tokens have far larger values than most.

    Args:
        model: in float32.
        tensors: names, of shape (batch, length, channels).
        samples: what the tokens' sizes are seen on.
        scratch: a file that may be written.
    """
    return {
        name
        for name, values in _seen(model, tensors, samples, scratch).items()
        if any(np.ptp(v) > UNEVEN * np.median(np.ptp(v, axis=-1)) for v in values)
    }


def _largest(
    model: onnx.ModelProto, tensors: Sequence[str], samples: Sequence[Inputs], scratch: Path
) -> dict[str, FloatArray]:
    """The largest absolute value of each channel of tensors, shape (channels,)."""
    return {
        name: np.max([np.abs(v).reshape(-1, v.shape[-1]).max(0) for v in values], axis=0)
        for name, values in _seen(model, tensors, samples, scratch).items()
    }


def _seen(
    model: onnx.ModelProto, tensors: Sequence[str], samples: Sequence[Inputs], scratch: Path
) -> dict[str, list[FloatArray]]:
    """What tensors are for each of the samples."""
    if not tensors:
        return {}
    graph = model.graph
    n_outputs = len(graph.output)
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in tensors)
    onnx.save_model(model, str(scratch))
    del graph.output[n_outputs:]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(scratch), options, providers=["CPUExecutionProvider"])
    taken = [i.name for i in session.get_inputs()]
    seen = [session.run(list(tensors), {name: inputs[name] for name in taken}) for inputs in samples]
    return {name: [values[i] for values in seen] for i, name in enumerate(tensors)}
