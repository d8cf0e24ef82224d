"""A GGUF file as a model of transformers, a piece of a tensor at a time.

transformers itself turns all tensors into float32 before it turns them into the precision asked
for. Here each is turned into what the model keeps, so that the whole is in memory once. The names
of the tensors and what is to be done to them stay transformers' own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Weights that are turned into numbers at a time: 4 MB of them, and as much again on the way.
_PIECE = 1 << 20


def gguf_model(file: Path, dtype: str) -> tuple[Any, dict[str, Any]]:
    """The model of a GGUF file, and transformers' report of what it lacks.

    Args:
        file: its tensors in any types that the gguf package can turn into numbers.
        dtype: of the model, by torch's name.

    Raises:
        Exception: what gguf and transformers raise on files that they cannot read.
    """
    import torch
    import transformers
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    described = load_gguf_checkpoint(str(file))["config"]
    config = transformers.CONFIG_MAPPING[described["model_type"]].from_dict(described)
    kind = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    with torch.device("meta"):
        empty = kind(config)
    weights = _weights(file, empty, described, getattr(torch, dtype))
    model, report = kind.from_pretrained(
        None, config=config, state_dict=weights, dtype=getattr(torch, dtype), output_loading_info=True
    )
    return model, report


def _weights(file: Path, empty: Any, described: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """Every tensor, under the model's name for it and in the model's precision."""
    import gguf
    import torch
    from transformers import modeling_gguf_pytorch_utils as known

    reader = gguf.GGUFReader(file)
    architecture = known.read_field(reader, "general.architecture")[0]
    reader.fields.clear()  # a vocabulary takes as much as a small model
    mapping = known.get_gguf_hf_weights_map(empty)
    processor = known.TENSOR_PROCESSORS.get(architecture, known.TensorProcessor)(config=described)
    found: dict[str, Any] = {}
    for tensor in reader.tensors:
        made = processor.process(
            weights=_numbers(file, tensor),
            name=tensor.name,
            tensor_key_mapping=mapping,
            # where a processor puts the experts that it takes apart
            parsed_parameters={"config": described, "tensors": found},
        )
        if made.name in mapping:
            found[mapping[made.name]] = torch.from_numpy(np.ascontiguousarray(made.weights)).to(dtype)
    _tie(empty, found)
    return found


def _tie(empty: Any, found: dict[str, Any]) -> None:
    """Name the output's weights where they are the input's, or they would be made up first."""
    shared = getattr(empty.get_input_embeddings(), "weight", None)
    if not getattr(empty.config, "tie_word_embeddings", False) or shared is None:
        return
    name = next((name for name, parameter in empty.named_parameters() if parameter is shared), None)
    for tied in empty._tied_weights_keys or ():
        if name in found and tied == "lm_head.weight":
            found.setdefault(tied, found[name])


def _numbers(file: Path, tensor: Any) -> NDArray[np.float32]:
    """A tensor's weights as float32; its rows are independent of each other in every type.

    They are read, not mapped: the pages of a mapping would count as the process's until its end.
    """
    import gguf

    width, dtype = int(tensor.data.shape[-1]), tensor.data.dtype
    n_rows = tensor.data.size // width
    shape = tuple(int(size) for size in reversed(tensor.shape))
    numbers = np.empty((n_rows, shape[-1]), dtype=np.float32)
    at_a_time = max(1, _PIECE // shape[-1])
    for first in range(0, n_rows, at_a_time):
        n = min(at_a_time, n_rows - first)
        offset = int(tensor.data_offset) + first * width * dtype.itemsize
        packed = np.fromfile(file, dtype=dtype, count=n * width, offset=offset).reshape(n, width)
        numbers[first : first + n] = gguf.dequantize(packed, tensor.tensor_type)
    return numbers.reshape(shape)
