"""Turn a training run into the weights that ship: a small adapter beside its base.

    python -m skills.qa.export WORK_PATH ADAPTER_FOLDER [CHECKPOINT]

A program of its own, run once after training; the card beside the adapter is written by hand
from what ``evaluate`` printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from safetensors.torch import load_file
from transformers import AutoModelForQuestionAnswering

from skills.checkpoints import checkpoint_folder
from skills.deltas import WEIGHTS, save_delta


def main(arguments: list[str]) -> int:
    """Write the adapter and say how large it came out."""
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    work_path, folder = Path(arguments[0]).expanduser(), Path(arguments[1]).expanduser()
    checkpoint = arguments[2] if len(arguments) == 3 else "all-MiniLM-L6-v2"
    model = AutoModelForQuestionAnswering.from_pretrained(
        checkpoint_folder(checkpoint), local_files_only=True, use_safetensors=True
    )
    base = {n: p.detach() for n, p in model.named_parameters() if not n.startswith("qa_outputs")}
    save_delta(base, load_file(work_path / "model.safetensors"), folder, checkpoint)
    print(f"{folder}: {(folder / WEIGHTS).stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
