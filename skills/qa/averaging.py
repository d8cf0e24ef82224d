"""The mean of several stages' weights as one reader (model soup; Wortsman et al. 2022, arXiv 2203.05482).

    python -m skills.qa.averaging CHECKPOINT TARGET_FOLDER MODEL.safetensors MODEL.safetensors …

CHECKPOINT is the base's name or folder; each MODEL is what a training run left in its work path, of the
same base, one trained on from the other. Written is an adapter as training writes it. What it brought the
small reader is in its card (``skills/qa/weights/minilm-squad``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForQuestionAnswering

from skills.checkpoints import checkpoint_folder
from skills.deltas import save_delta
from skills.errors import CheckpointError, DamagedCheckpoint
from skills.learning import load_to_train


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
            raise DamagedCheckpoint(f"{file}: expected a training run's model.safetensors") from error
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        if n and shapes != {name: tensor.shape for name, tensor in mean.items()}:
            raise DamagedCheckpoint(f"{file}: expected the same tensors as in {files[0]}")
        for name, tensor in tensors.items():
            share = tensor.float() / len(files)
            mean[name] = mean[name] + share if n else share
    return mean


def main(arguments: list[str]) -> int:
    """Average and write; a mistake is said in a line."""
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    name, target, *files = arguments
    try:
        model, fresh = load_to_train(AutoModelForQuestionAnswering, checkpoint_folder(name), 0.0)
        base = {n: p.detach() for n, p in model.named_parameters() if n not in fresh}
        save_delta(base, averaged([Path(file) for file in files]), Path(target), name)
    except CheckpointError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{target}: the mean of {len(files)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
