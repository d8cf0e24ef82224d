"""Safetensors files as a model of transformers in another precision, a piece of a tensor at a time.

transformers maps the files and turns each tensor, so that the whole file and the whole model count as
the process's. Here the files are read piece by piece, and only what the model keeps stays.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from skills.errors import DamagedCheckpoint
from skills.weight_files import safetensors_header

#: Weights that are turned at a time.
_PIECE = 1 << 20
#: Types of safetensors files, by torch's names.
_TYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def stored_precision(folder: Path) -> str:
    """The type of most weights of a folder's ``*.safetensors``, by torch's name.

    Raises:
        DamagedCheckpoint: if a file is not one, or there is none.
    """
    counts: dict[str, int] = {}
    for file in sorted(folder.glob("*.safetensors")):
        for tensor in safetensors_header(file)[0].values():
            counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + math.prod(tensor["shape"])
    if not counts:
        raise DamagedCheckpoint(f"{folder} has no *.safetensors; other weight formats are not loaded")
    most = max(counts, key=lambda kind: counts[kind])
    return _TYPES.get(most, most)


def safetensors_model(folder: Path, dtype: str) -> tuple[Any, dict[str, Any]]:
    """The causal language model of a folder, and transformers' report of what it lacks.

    Args:
        folder: with ``config.json`` and ``*.safetensors``.
        dtype: of the model, by torch's name; integers and truth values stay what they are.

    Raises:
        DamagedCheckpoint: if a file is not what it should be.
        Exception: what transformers raises on models that it does not know.
    """
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    kind = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    wanted = getattr(torch, dtype)
    weights: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors, begin = safetensors_header(file)
        for name, tensor in tensors.items():
            weights[name] = _tensor(file, begin + tensor["data_offsets"][0], tensor, wanted)
    model, report = kind.from_pretrained(
        None, config=config, state_dict=weights, dtype=wanted, output_loading_info=True
    )
    if (folder / "generation_config.json").is_file():
        model.generation_config = transformers.GenerationConfig.from_pretrained(folder, local_files_only=True)
    return model, report


def _tensor(file: Path, offset: int, described: dict[str, Any], wanted: Any) -> Any:
    import torch

    if described["dtype"] not in _TYPES:
        raise DamagedCheckpoint(f"{file}: tensors of type {described['dtype']} are not read")
    stored = getattr(torch, _TYPES[described["dtype"]])
    kept = wanted if stored.is_floating_point else stored
    n = math.prod(described["shape"])
    made = torch.empty(n, dtype=kept)
    with file.open("rb") as opened:
        opened.seek(offset)
        for first in range(0, n, _PIECE):
            n_bytes = min(_PIECE, n - first) * stored.itemsize
            raw = bytearray(opened.read(n_bytes))
            if len(raw) != n_bytes:
                raise DamagedCheckpoint(f"{file} ends in the midst of a tensor")
            piece = torch.frombuffer(raw, dtype=stored)
            made[first : first + len(piece)] = piece.to(kept)
    return made.reshape(described["shape"])
