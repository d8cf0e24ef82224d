"""The mean of several trainings' weights as one adapter (model soup; Wortsman et al. 2022, arXiv 2203.05482).

    python -m skills.averaging CHECKPOINT TARGET_FOLDER MODEL.safetensors MODEL.safetensors …
    python -m skills.averaging CHECKPOINT TARGET_FOLDER ADAPTER_FOLDER ADAPTER_FOLDER …

CHECKPOINT is the base's name or folder. Each MODEL is what the training of a reader left in its work path;
each ADAPTER_FOLDER holds a low-rank adapter, of a reader or of anything else. They must have begun from the
same weights; one named twice counts twice. Of low-rank adapters the pairs are averaged, not their products:
the rank stays. What it brought is in the cards of the weights that it made.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForQuestionAnswering

from skills.checkpoints import checkpoint_folder
from skills.compiled import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from skills.deltas import save_delta
from skills.errors import CheckpointError, DamagedCheckpoint
from skills.learning import load_to_train
from skills.training_checkpoint import write_tensors


def averaged(files: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of the tensors of several files, in float32.

    Args:
        files: at least one, with tensors of the same names and shapes.

    Raises:
        DamagedCheckpoint: if a file cannot be read or has others.
    """
    mean: dict[str, torch.Tensor] = {}
    for n, file in enumerate(files):
        try:
            tensors = load_file(file)
        except (OSError, SafetensorError) as error:
            raise DamagedCheckpoint(f"{file}: expected the weights that a training run left") from error
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        if n and shapes != {name: tensor.shape for name, tensor in mean.items()}:
            raise DamagedCheckpoint(f"{file}: expected the same tensors as in {files[0]}")
        for name, tensor in tensors.items():
            share = tensor.float() / len(files)
            mean[name] = mean[name] + share if n else share
    return mean


def average_low_rank(folders: Sequence[Path], target: Path, base_name: str) -> None:
    """Write the mean of low-rank adapters, pair by pair, in half precision.

    Args:
        folders: of the adapters, of one base and one rank.
        target: folder to write to; may be one of them.
        base_name: name of the base checkpoint.

    Raises:
        DamagedCheckpoint: if one cannot be read, or is of another base or another shape.
    """
    for folder in folders:
        try:
            config = json.loads((folder / ADAPTER_CONFIG).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DamagedCheckpoint(f"{folder}: expected an adapter with its {ADAPTER_CONFIG}") from error
        if config.get("peft_type") != "LORA" or config.get("base_model_name_or_path") != base_name:
            raise DamagedCheckpoint(f"{folder}: expected a low-rank adapter of {base_name}")
    mean = averaged([folder / ADAPTER_WEIGHTS for folder in folders])
    write_tensors({n: t.half().contiguous() for n, t in mean.items()}, target / ADAPTER_WEIGHTS, {})
    if target != folders[0]:
        shutil.copyfile(folders[0] / ADAPTER_CONFIG, target / ADAPTER_CONFIG)


def main(arguments: list[str]) -> int:
    """Average and write; a mistake is said in a line."""
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    name, target = arguments[0], Path(arguments[1])
    files = [Path(file) for file in arguments[2:]]
    try:
        if all(file.is_dir() for file in files):
            average_low_rank(files, target, name)
        else:
            model, fresh = load_to_train(AutoModelForQuestionAnswering, checkpoint_folder(name), 0.0)
            base = {n: p.detach() for n, p in model.named_parameters() if n not in fresh}
            save_delta(base, averaged(files), target, name)
    except CheckpointError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{target}: the mean of {len(files)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
