"""Checkpoints as ONNX files, made once and kept.

Reading and searching run on ONNX Runtime: it starts in a tenth of a second, where importing
torch takes two and transformers four more, and its int8 kernels are the fastest we measured
on a CPU. This module finds the compiled file, or has ``skills.compiler`` make it in a process
of its own, so that torch never enters the process that talks to people.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from skills.checkpoints import checkpoint_folder, file_sha256
from skills.errors import CheckpointError, DamagedCheckpoint

Head = Literal["span", "encoder"]
Precision = Literal["int8", "fp32"]

#: Counts up whenever the compiler makes something else of the same weights.
COMPILER_VERSION = 1
DEFAULT_CACHE = "~/.cache/quoth/compiled"


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
            sentence embeddings.
        adapter: folder with ``adapter_config.json`` and ``adapter_model.safetensors``, or None.
        precision: of the weights and matrix products; ``int8`` is dynamic quantisation.
        cache_path: folder of the compiled files.
        announce: told, in a sentence, that a compilation begins.

    Returns:
        the file; its name is a hash of everything it was made from.

    Raises:
        CheckpointError: if the weights are missing or damaged, or do not compile.
    """
    folder = checkpoint_folder(checkpoint)
    adapter_folder = Path(adapter).expanduser() if adapter else None
    key = _key(folder, adapter_folder, head, precision)
    cache = Path(cache_path).expanduser()
    target = cache / f"{head}-{key}.onnx"
    if _is_whole(target):
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that start together compile once
        if not _is_whole(target):
            if announce is not None:
                announce(f"Preparing {folder.name if adapter is None else Path(adapter).name} "
                         f"({head}, {precision}) for this machine, once, about 20 s …")
            _compile(folder, adapter_folder, head, precision, target)
    return target


def span_metadata(onnx_file: Path) -> dict[str, Any]:
    """What the compiler noted beside the file."""
    content: dict[str, Any] = json.loads(onnx_file.with_suffix(".json").read_text("utf-8"))
    return content


def _key(folder: Path, adapter: Path | None, head: str, precision: str) -> str:
    """Hash of the sources: a changed weight, adapter or compiler makes another file."""
    digest = hashlib.sha256(f"{COMPILER_VERSION}:{head}:{precision}".encode())
    sources = sorted(folder.glob("*.safetensors")) + [folder / "config.json"]
    if adapter is not None:
        sources += [adapter / "adapter_config.json", adapter / "adapter_model.safetensors"]
    for source in sources:
        if not source.is_file():
            raise CheckpointError(f"{source} is missing; a checkpoint needs config.json and *.safetensors")
        digest.update(file_sha256(source).encode())
    if not any(s.suffix == ".safetensors" for s in sources):
        raise CheckpointError(f"{folder} has no *.safetensors; other weight formats are not loaded")
    return digest.hexdigest()[:16]


def _is_whole(target: Path) -> bool:
    """Whether the file is there with the size the compiler noted."""
    note = target.with_suffix(".json")
    try:
        size = json.loads(note.read_text("utf-8"))["size"]
        return bool(target.stat().st_size == size)
    except (OSError, ValueError, KeyError):
        return False


def _compile(folder: Path, adapter: Path | None, head: str, precision: str, target: Path) -> None:
    command = [sys.executable, "-m", "skills.compiler", str(folder), head, precision, str(target)]
    if adapter is not None:
        command.append(str(adapter))
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode or not _is_whole(target):
        lines = done.stderr.strip().splitlines()
        raise DamagedCheckpoint(
            f"{folder} could not be compiled for {head}: {lines[-1] if lines else 'no message'}"
        )
