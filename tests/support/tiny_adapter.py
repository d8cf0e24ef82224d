"""Low-rank adapters without a training: seeded, random, in peft's format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

#: Of ``tiny_models.tiny_gguf``: matrix of a layer -> (rows, columns).
TINY_SHAPES = {
    "self_attn.q_proj": (64, 64), "self_attn.k_proj": (32, 64), "self_attn.v_proj": (32, 64),
    "self_attn.o_proj": (64, 64), "mlp.gate_proj": (96, 64), "mlp.up_proj": (96, 64),
    "mlp.down_proj": (64, 96),
}  # fmt: skip
#: Of SmolLM2-135M.
SMOL_SHAPES = {
    "self_attn.q_proj": (576, 576), "self_attn.k_proj": (192, 576), "self_attn.v_proj": (192, 576),
    "self_attn.o_proj": (576, 576), "mlp.gate_proj": (1536, 576), "mlp.up_proj": (1536, 576),
    "mlp.down_proj": (576, 1536),
}  # fmt: skip


def write_adapter(
    folder: Path,
    base: str,
    shapes: Mapping[str, tuple[int, int]],
    layers: range,
    *,
    rank: int = 4,
    size: float = 0.1,
    seed: int = 0,
    **config: Any,
) -> Path:
    """Write an adapter whose pairs change a matrix's outputs by about ``size`` of their inputs' size."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    tensors = {}
    for layer in layers:
        for name, (rows, columns) in shapes.items():
            key = f"base_model.model.model.layers.{layer}.{name}"
            first, second = random.normal(size=(rank, columns)), random.normal(size=(rows, rank))
            tensors[f"{key}.lora_A.weight"] = (first / columns**0.5).astype(np.float16)
            tensors[f"{key}.lora_B.weight"] = (second * size / rank**0.5).astype(np.float16)
    save_file(tensors, folder / "adapter_model.safetensors")
    known = {"peft_type": "LORA", "base_model_name_or_path": base, "r": rank, "lora_alpha": 2 * rank}
    (folder / "adapter_config.json").write_text(json.dumps({**known, **config}), "utf-8")
    return folder
