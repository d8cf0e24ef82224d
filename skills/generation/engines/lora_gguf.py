"""A low-rank adapter in peft's format as the GGUF file that llama.cpp reads; made once and kept.

Needs no torch. GGUF files of the architecture ``llama`` hold the rows of the query and key matrices
in another order than transformers does: for the rotary embeddings llama.cpp pairs neighbouring rows
of a head, transformers rows half a head apart. So the pairs of those two are put in that order too.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from skills.checkpoints import file_sha256
from skills.compiled import ADAPTER_CONFIG, ADAPTER_WEIGHTS, DEFAULT_CACHE, is_whole
from skills.errors import ConfigurationError, DamagedCheckpoint
from skills.generation.adapters import adapter_config
from skills.weight_files import GgufHeader, gguf_header

#: Counts up whenever something else is made of the same adapter.
_VERSION = 1
_ARCHITECTURE = "llama"
_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"
#: What is in peft's configs and llama.cpp has not; each must have this value.
_PLAIN = {"use_dora": False, "use_rslora": False, "bias": "none", "peft_type": "LORA"}

Tensors = dict[str, NDArray[Any]]


def compile_adapter(adapter: Path, model_file: Path, cache_path: str = DEFAULT_CACHE) -> Path:
    """The GGUF file of an adapter; makes it if it is not there yet (a second, once).

    Args:
        adapter: folder with ``adapter_config.json`` and ``adapter_model.safetensors``.
        model_file: the model's GGUF file.
        cache_path: folder of what is made.

    Returns:
        the file; its name is a hash of everything it was made from.

    Raises:
        DamagedCheckpoint: if a file cannot be read, or a tensor fits nothing in the model.
        ConfigurationError: if llama.cpp, or this module, does not know the kind of model or adapter.
    """
    header = gguf_header(model_file)
    shape = [header.values.get("general.architecture"), *map(header.of_architecture, _NEEDED)]
    made_from = [
        _VERSION,
        shape,
        *(file_sha256(adapter / name) for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS)),
    ]
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]
    cache = Path(cache_path).expanduser().resolve()
    target = cache / f"lora-{key}.gguf"
    if is_whole(target):
        return target
    config = adapter_config(adapter)
    try:
        pairs = load_file(adapter / ADAPTER_WEIGHTS)
    except Exception as error:  # safetensors' own error has no public root
        raise DamagedCheckpoint(f"{adapter / ADAPTER_WEIGHTS} cannot be read: {error}") from error
    tensors = gguf_tensors(pairs, header, adapter)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        made = Path(folder) / target.name
        _write(made, tensors, _alpha(config, adapter))
        note = Path(folder) / "note.json"
        note.write_text(json.dumps({"files": {target.name: file_sha256(made)}}), "utf-8")
        os.replace(made, target)  # whole or not at all: two processes may make it at once
        os.replace(note, target.with_suffix(".json"))
    return target


#: Of the model's header, what the conversion follows.
_NEEDED = ("block_count", "embedding_length", "attention.head_count", "attention.head_count_kv")


def gguf_tensors(pairs: Mapping[str, NDArray[Any]], header: GgufHeader, adapter: Path) -> Tensors:
    """The tensors of an adapter under llama.cpp's names and in its order of rows.

    Args:
        pairs: peft's ``base_model.model.X.lora_A.weight`` of shape (rank, in) and ``…lora_B.weight``
            of shape (out, rank).
        header: of the model's file.
        adapter: named in errors.

    Raises:
        DamagedCheckpoint, ConfigurationError: as :func:`compile_adapter`.
    """
    architecture = header.values.get("general.architecture")
    if architecture != _ARCHITECTURE:
        raise ConfigurationError(
            f"llama_cpp: adapters are known for models of the architecture {_ARCHITECTURE}, and this one is "
            f"{architecture}; set the engine to transformers, or the adapter to none"
        )
    import gguf

    n_blocks = int(header.of_architecture("block_count"))
    n_heads = int(header.of_architecture("attention.head_count"))
    n_kv_heads = int(header.of_architecture("attention.head_count_kv", n_heads))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, n_blocks)
    made: Tensors = {}
    for key, tensor in pairs.items():
        kind = next((kind for kind in (_A, _B) if key.endswith(kind)), None)
        matrix = key.removeprefix(_PREFIX).removesuffix(kind or "")
        name = names.get_name(matrix) if kind else None
        paired = f"{_PREFIX}{matrix}{_B if kind == _A else _A}" in pairs
        if kind is None or name is None or tensor.ndim != 2 or not paired:
            raise DamagedCheckpoint(f"{adapter}: {key} {tensor.shape} fits nothing in the model")
        if kind == _B and matrix.endswith((".q_proj", ".k_proj")):
            tensor = interleaved(tensor, n_heads if matrix.endswith(".q_proj") else n_kv_heads)
        made[f"{name}.weight.lora_{'a' if kind == _A else 'b'}"] = np.ascontiguousarray(tensor)
    return made


def interleaved(rows: NDArray[Any], n_heads: int) -> NDArray[Any]:
    """Rows of transformers' order in llama.cpp's: of each head, its halves in turn.

    Args:
        rows: shape (n_heads * width, anything).
        n_heads: heads that the rows belong to.

    Raises:
        DamagedCheckpoint: if the rows are not those of so many heads.
    """
    if rows.shape[0] % (2 * n_heads):
        raise DamagedCheckpoint(f"an adapter's matrix has {rows.shape[0]} rows, not those of {n_heads} heads")
    by_half = rows.reshape(n_heads, 2, rows.shape[0] // n_heads // 2, -1)
    return by_half.swapaxes(1, 2).reshape(rows.shape)


def _alpha(config: Mapping[str, Any], adapter: Path) -> float:
    """What the pairs are scaled by, times their rank.

    Raises:
        ConfigurationError: if the adapter is of a kind that llama.cpp has not.
    """
    odd = [name for name, value in _PLAIN.items() if config.get(name, value) != value]
    odd += [name for name in ("rank_pattern", "alpha_pattern", "modules_to_save") if config.get(name)]
    alpha = config.get("lora_alpha")
    if odd or not isinstance(alpha, (int, float)):
        without = f" and without {', '.join(odd)}" if odd else ""
        raise ConfigurationError(
            f"llama_cpp: {adapter / ADAPTER_CONFIG}: expected a plain LoRA adapter with a number as "
            f"lora_alpha{without}; set the engine to transformers, or the adapter to none"
        )
    return float(alpha)


def _write(file: Path, tensors: Tensors, alpha: float) -> None:
    import gguf

    writer = gguf.GGUFWriter(str(file), _ARCHITECTURE)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
