"""What the headers of weight files tell: how many weights there are, and in which types.

Reads a few kilobytes of a safetensors file and the key-value part of a GGUF file, never a weight.
Formats: github.com/huggingface/safetensors (README, "Format") and github.com/ggml-org/ggml
(docs/gguf.md, version 3; versions 2 and 3 are read).
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from skills.errors import DamagedCheckpoint

#: GGUF's value types that are one number: struct's letter by type.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_STRING = 1 << 26
#: A safetensors header is refused by the library itself beyond this.
_MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class GgufHeader:
    """The head of a GGUF file.

    Attributes:
        values: the single values and short arrays of numbers, by key; vocabularies are left out.
        n_weights: elements of all tensors.
        types: the tensors' types, by GGML's numbers.
    """

    values: Mapping[str, Any]
    n_weights: int
    types: frozenset[int]

    def of_architecture(self, key: str, default: Any = None) -> Any:
        """The value ``<architecture>.key``."""
        return self.values.get(f"{self.values.get('general.architecture')}.{key}", default)

    def cache_bytes_per_token(self) -> int:
        """Bytes of keys and values, in half precision, that one token of context takes."""
        n_heads = self.of_architecture("attention.head_count", 1)
        n_kv_heads = self.of_architecture("attention.head_count_kv", n_heads)
        n_blocks = int(self.of_architecture("block_count", 0))
        width = int(self.of_architecture("embedding_length", 0)) // max(1, _largest(n_heads))
        keys = int(self.of_architecture("attention.key_length", width))
        values = int(self.of_architecture("attention.value_length", width))
        n_all = sum(n_kv_heads) if isinstance(n_kv_heads, list) else int(n_kv_heads) * n_blocks
        return int(n_all * (keys + values) * 2)


def gguf_header(file: Path) -> GgufHeader:
    """Read the head of a GGUF file; tens of milliseconds, most of it for the vocabulary.

    Raises:
        DamagedCheckpoint: if it is not one.
    """
    try:
        with file.open("rb") as opened:
            return _gguf(opened)
    except (OSError, struct.error, ValueError, KeyError) as error:
        raise DamagedCheckpoint(f"{file} is not a GGUF file of version 2 or 3: {error}") from error


def n_safetensors_weights(folder: Path) -> int:
    """Elements of all tensors in a folder's ``*.safetensors``.

    Raises:
        DamagedCheckpoint: if there is none, or one is not what it should be.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise DamagedCheckpoint(f"{folder} has no *.safetensors; other weight formats are not loaded")
    return sum(_n_weights(file) for file in files)


def safetensors_header(file: Path) -> tuple[dict[str, Any], int]:
    """The tensors of a safetensors file, and where its data begins, in bytes.

    Returns:
        name -> ``{"dtype", "shape", "data_offsets"}``, the offsets counted from where the data begins.

    Raises:
        DamagedCheckpoint: if it is not one.
    """
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > _MAX_HEADER:
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(opened.read(length))
        tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
        for tensor in tensors.values():
            math.prod(tensor["shape"])
        return tensors, 8 + length
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedCheckpoint(f"{file} is not a safetensors file: {error}") from error


def _n_weights(file: Path) -> int:
    tensors, _ = safetensors_header(file)
    return sum(math.prod(tensor["shape"]) for tensor in tensors.values())


def _gguf(opened: BinaryIO) -> GgufHeader:
    if opened.read(4) != b"GGUF":
        raise ValueError("its first four bytes are not 'GGUF'")
    version, n_tensors, n_values = struct.unpack("<IQQ", opened.read(20))
    if version not in (2, 3):
        raise ValueError(f"version {version}")
    values: dict[str, Any] = {}
    for _ in range(n_values):
        key = _string(opened)
        value = _value(opened, _number(opened, 4))
        if value is not None:
            values[key] = value
    n_weights, types = 0, set()
    for _ in range(n_tensors):
        _string(opened)
        n_dimensions = _number(opened, 4)
        shape = struct.unpack(f"<{n_dimensions}Q", opened.read(8 * n_dimensions))
        n_weights += math.prod(shape)
        types.add(_number(opened, 4))
        opened.seek(8, 1)  # where the tensor begins
    return GgufHeader(values, n_weights, frozenset(types))


def _value(opened: BinaryIO, kind: int) -> Any:
    """A value; None for an array of strings or of many numbers, which is skipped."""
    if kind == _STRING:
        return _string(opened)
    if kind != _ARRAY:
        return _number(opened, kind)
    item, n_items = _number(opened, 4), _number(opened, 10)
    if item == _STRING:
        for _ in range(n_items):
            opened.seek(_number(opened, 10), 1)
        return None
    size = struct.calcsize(f"<{_NUMBERS[item]}")
    if n_items > 1024:
        opened.seek(size * n_items, 1)
        return None
    return list(struct.unpack(f"<{n_items}{_NUMBERS[item]}", opened.read(size * n_items)))


def _number(opened: BinaryIO, kind: int) -> Any:
    letter = f"<{_NUMBERS[kind]}"
    return struct.unpack(letter, opened.read(struct.calcsize(letter)))[0]


def _string(opened: BinaryIO) -> str:
    length = _number(opened, 10)
    if length > _MAX_STRING:
        raise ValueError(f"a text of {length} bytes")
    return opened.read(length).decode("utf-8", "replace")


def _largest(value: Any) -> int:
    return max(value) if isinstance(value, list) else int(value)
