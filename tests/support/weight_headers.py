"""Weight files that are all header: shapes and settings, and holes where the weights would be."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_safetensors(folder: Path, shapes: Mapping[str, Sequence[int]]) -> Path:
    """A checkpoint folder whose ``model.safetensors`` has these tensors, in float32."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    header = {
        name: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 0]} for name, shape in shapes.items()
    }
    content = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(content)) + content)
    return folder


def write_gguf(file: Path, size: int, values: Mapping[str, int | str | list[str]], n_weights: int) -> Path:
    """A GGUF file of ``size`` bytes with one tensor of type Q4_1."""

    def text(said: str) -> bytes:
        return struct.pack("<Q", len(said.encode())) + said.encode()

    content = b"GGUF" + struct.pack("<IQQ", 3, 1, len(values))
    for key, value in values.items():
        if isinstance(value, list):
            items = b"".join(map(text, value))
            content += text(key) + struct.pack("<IIQ", 9, 8, len(value)) + items
        elif isinstance(value, str):
            content += text(key) + struct.pack("<I", 8) + text(value)
        else:
            content += text(key) + struct.pack("<II", 4, value)
    content += text("token_embd.weight") + struct.pack("<IQIQ", 1, n_weights, 3, 0)
    with file.open("wb") as opened:
        opened.write(content)
        opened.truncate(size)
    return file
