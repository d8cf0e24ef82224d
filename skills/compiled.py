"""Checkpoints as ONNX files, made once and kept.

Reading and searching run on ONNX Runtime: it starts in a tenth of a second, where importing
torch takes two and transformers four more, and its kernels are the fastest we measured on a
CPU. This module finds the compiled file, or has ``skills.compiler`` make it in a process of its
own, so that torch never enters the process that talks to people.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from skills.checkpoints import checkpoint_folder, file_sha256, source_hashes
from skills.cpu import multiplies_int8_fast, saturates_int8
from skills.errors import ConfigurationError, DamagedCheckpoint, MissingCheckpoint

Head = Literal["span", "encoder", "masked_lm"]
Precision = Literal["auto", "int8", "fp32"]

#: Counts up whenever the compiler makes something else of the same weights.
COMPILER_VERSION = 8
DEFAULT_CACHE = "~/.cache/quoth/compiled"
#: The two files of an adapter.
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def compile_checkpoint(
    checkpoint: str,
    head: Head,
    adapter: str | None = None,
    precision: Precision = "int8",
    cache_path: str = DEFAULT_CACHE,
    announce: Callable[[str], None] | None = None,
) -> Path:
    """The ONNX file of a checkpoint; compiles it if it is not there yet (10 to 30 s, once).

    Args:
        checkpoint: a name of ``skills.checkpoints`` or a folder with ``config.json``,
            ``tokenizer.json`` and ``*.safetensors``.
        head: ``span`` gives start and end logits, ``encoder`` L2-normalised mean-pooled
            sentence embeddings, ``masked_lm`` logits over the vocabulary at chosen places.
        adapter: folder with ``adapter_config.json`` and ``adapter_model.safetensors``, or None.
        precision: of the weights and matrix products; ``int8`` is dynamic quantisation, ``auto``
            takes it where the processor multiplies 8-bit integers faster than floats.
        cache_path: folder of the compiled files.
        announce: told, in a sentence, that a compilation begins.

    Returns:
        the file; its name is a hash of everything it was made from. Its weights are in a file
        beside it, which the runtime maps.

    Raises:
        CheckpointError: if the weights are missing or damaged, or do not compile.
    """
    kind = kind_of(precision)
    adapter_folder = Path(adapter).expanduser().resolve() if adapter else None
    cache = Path(cache_path).expanduser().resolve()
    target = cache / f"{head}-{_key(checkpoint, adapter_folder, head, kind)}.onnx"
    if is_whole(target):
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that start together compile once
        if not is_whole(target):
            folder = checkpoint_folder(checkpoint).resolve()
            if announce is not None:
                announce(f"Preparing {checkpoint} ({head}) for this machine; once, about 20 seconds")
            _compile(folder, adapter_folder, head, kind, target)
    return target


def resolved(precision: Precision) -> Literal["int8", "fp32"]:
    """What ``auto`` means on this machine.

    Raises:
        ConfigurationError: if there is no such precision.
    """
    if precision == "auto":
        return "int8" if multiplies_int8_fast() else "fp32"
    if precision not in ("int8", "fp32"):
        raise ConfigurationError(f"precision must be auto, int8 or fp32, not {precision!r}")
    return precision


def kind_of(precision: Precision) -> Literal["int8", "int8_pairs", "fp32"]:
    """The weights that the compiler makes for a precision on this machine.

    Raises:
        ConfigurationError: if there is no such precision.
    """
    exact = resolved(precision)
    return "int8_pairs" if exact == "int8" and saturates_int8() else exact


def _key(checkpoint: str, adapter: Path | None, head: str, kind: str) -> str:
    """Hash of the sources: a changed weight, adapter or compiler makes another file."""
    digest = hashlib.sha256(f"{COMPILER_VERSION}:{head}:{kind}".encode())
    for name, sha256 in sorted(source_hashes(checkpoint).items()):
        digest.update(f"{name}={sha256}".encode())
    if adapter is not None:
        for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
            if not (adapter / name).is_file():
                raise MissingCheckpoint(f"{adapter / name} is missing; an adapter needs {name}")
            digest.update(file_sha256(adapter / name).encode())
    return digest.hexdigest()[:16]


def is_whole(target: Path) -> bool:
    """Whether a compiled file and those beside it are there and are what was written (22 MB take 15 ms)."""
    try:
        note = json.loads(target.with_suffix(".json").read_text("utf-8"))
        return all(file_sha256(target.parent / name) == sha256 for name, sha256 in note["files"].items())
    except (OSError, ValueError, KeyError):
        return False


def _compile(folder: Path, adapter: Path | None, head: str, kind: str, target: Path) -> None:
    command = [sys.executable, "-m", "skills.compiler", str(folder), head, kind, str(target)]
    if adapter is not None:
        command.append(str(adapter))
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)  # noqa: S603
    if done.returncode or not is_whole(target):
        lines = done.stderr.strip().splitlines()
        raise DamagedCheckpoint(
            f"{folder} could not be compiled for {head}: {lines[-1] if lines else 'no message'}"
        )
