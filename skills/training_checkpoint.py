"""What a training needs to go on after a stop, in one safetensors file.

The tensors are named ``group/parameter``: the caller's groups (weights, averages) and the optimizer's
(``exp_avg`` and so on); the state is JSON in the file's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

Tensors = Mapping[str, torch.Tensor]
#: What AdamW keeps of each parameter.
_KEPT = ("step", "exp_avg", "exp_avg_sq")


def write_tensors(tensors: dict[str, torch.Tensor], file: Path, metadata: dict[str, str]) -> None:
    """Write whole or not at all: a stop in the middle leaves the former file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    save_file(tensors, partial, metadata)
    partial.replace(file)


def write_checkpoint(
    file: Path,
    groups: Mapping[str, Tensors],
    parameters: Mapping[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Any],
) -> None:
    """Write tensors, the optimizer's memory and a state that JSON can hold.

    Args:
        file: where to.
        groups: name of a group to its tensors, by the parameter's name.
        parameters: what the optimizer changes.
        optimizer: an AdamW.
        state: the trainer's and the component's.
    """
    tensors = {f"{group}/{name}": t for group, of_group in groups.items() for name, t in of_group.items()}
    for name, parameter in parameters.items():
        for key, value in optimizer.state[parameter].items():
            tensors[f"{key}/{name}"] = torch.as_tensor(value).clone()
    write_tensors(tensors, file, {"state": json.dumps(dict(state))})


def read_checkpoint(
    file: Path,
    groups: Mapping[str, Tensors],
    parameters: Mapping[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    check: Callable[[dict[str, Any]], None] = lambda state: None,
) -> dict[str, Any] | None:
    """Read what :func:`write_checkpoint` wrote into the same tensors; the state, or None without a file.

    Args:
        file: the checkpoint.
        groups: as when writing; their tensors are overwritten.
        parameters: as when writing.
        optimizer: as when writing.
        check: is shown the state before anything is overwritten, and may raise.
    """
    if not file.is_file():
        return None
    with safe_open(file, framework="pt") as opened:
        state: dict[str, Any] = json.loads(opened.metadata()["state"])
    check(state)
    tensors = load_file(file)
    for group, of_group in groups.items():
        for name, tensor in of_group.items():
            tensor.data.copy_(tensors[f"{group}/{name}"])
    for name, parameter in parameters.items():
        if f"exp_avg/{name}" in tensors:
            optimizer.state[parameter] = {key: tensors[f"{key}/{name}"].clone() for key in _KEPT}
    return state
