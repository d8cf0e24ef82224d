"""Turns the checkpoint of a DeepPavlov SQuAD model into one that the reader takes, once.

    python -m skills.qa.convert MODEL.pth.tar BASE_FOLDER TARGET_FOLDER

MODEL.pth.tar is what DeepPavlov's ``torch_transformers_squad`` saved or downloaded, BASE_FOLDER the
model it was trained on, in transformers' format (``config.json`` and ``tokenizer.json`` or
``vocab.txt``). Written are ``model.safetensors`` in half precision, ``config.json`` and
``tokenizer.json``. The file is a pickle: it is read by torch's restricted unpickler, which makes
tensors and plain values and runs no code, and never again after this.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoTokenizer

from skills.errors import DamagedCheckpoint, MissingCheckpoint
from skills.training_checkpoint import write_tensors


def convert(weights: Path, base: Path, target: Path) -> None:
    """Write a checkpoint folder with a span head.

    Args:
        weights: DeepPavlov's ``.pth.tar``.
        base: folder of the model that it was trained on.
        target: folder to write to; made where it is missing.

    Raises:
        MissingCheckpoint: if a file is not there.
        DamagedCheckpoint: if the weights cannot be read safely or do not fit the base.
    """
    for path in (weights, base / "config.json"):
        if not path.is_file():
            raise MissingCheckpoint(f"{path} is missing")
    try:
        state: dict[str, Any] = torch.load(weights, map_location="cpu", weights_only=True)["model_state_dict"]
        # a model trained on several GPUs has one name more before each
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    except Exception as error:  # unpickling raises what it likes
        raise DamagedCheckpoint(
            f"{weights}: expected DeepPavlov's checkpoint, a dictionary with model_state_dict: "
            f"{type(error).__name__}"
        ) from error
    config = AutoConfig.from_pretrained(base, local_files_only=True)
    with torch.device("meta"):
        expected = AutoModelForQuestionAnswering.from_config(config).state_dict()
    for name, tensor in expected.items():
        if name not in state or state[name].shape != tensor.shape:
            raise DamagedCheckpoint(
                f"{weights}: {name} of shape {tuple(tensor.shape)} is not in it; is {base} the model that it "
                "was trained on?"
            )
    target.mkdir(parents=True, exist_ok=True)
    write_tensors(
        {n: state[n].half().contiguous() for n in expected}, target / "model.safetensors", {"format": "pt"}
    )
    shutil.copyfile(base / "config.json", target / "config.json")
    if (base / "tokenizer.json").is_file():
        shutil.copyfile(base / "tokenizer.json", target / "tokenizer.json")
    else:
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True, use_fast=True)
        tokenizer.backend_tokenizer.save(str(target / "tokenizer.json"))


def main(arguments: list[str]) -> int:
    """Convert; the exit status is 0 when it is done."""
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    weights, base, target = (Path(a).expanduser() for a in arguments)
    try:
        convert(weights, base, target)
    except (MissingCheckpoint, DamagedCheckpoint) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Written: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
