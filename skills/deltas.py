"""Fine-tuned weights as small adapters: the difference from the base, in four bits.

Training every weight of a small encoder teaches it more than a low-rank adapter can hold (at
rank 64 an adapter of the same size keeps about 80% of the change's energy, four bits 98%), and
the change is small and evenly spread, so it stands coarse rounding (Liu et al. 2024, BitDelta,
arXiv 2402.10193, go down to one bit; we keep four, with a scale for every 32 weights, and no
further training). Adapters in peft's LoRA format are read as well.

Imported by the compiler and by training only: it needs torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from skills.compiled import ADAPTER_CONFIG as CONFIG
from skills.compiled import ADAPTER_WEIGHTS as WEIGHTS
from skills.errors import DamagedCheckpoint, MissingCheckpoint

BLOCK = 32
_TOP = 7  # the largest magnitude of four signed bits


def save_delta(
    base: dict[str, torch.Tensor],
    tuned: dict[str, torch.Tensor],
    folder: Path,
    base_name: str,
) -> None:
    """Write what training changed as an adapter.

    Args:
        base: parameters of the untouched model, by name.
        tuned: those that were trained; names that ``base`` lacks are stored whole.
        folder: where ``adapter_config.json`` and ``adapter_model.safetensors`` go.
        base_name: name of the base checkpoint, for the config.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in tuned.items():
        change = tensor.float() - base[name].float() if name in base else None
        if change is None or change.ndim != 2 or change.shape[1] % BLOCK:
            tensors[name] = tensor.half().contiguous()
            continue
        blocks = change.reshape(change.shape[0], -1, BLOCK)
        scales = (blocks.abs().amax(-1, keepdim=True) / _TOP).clamp(min=1e-8).half()
        levels = (blocks / scales.float()).round().clamp(-_TOP, _TOP).to(torch.int16) + 8
        flat = levels.reshape(change.shape).to(torch.uint8)
        tensors[f"{name}.delta"] = (flat[:, 0::2] | (flat[:, 1::2] << 4)).contiguous()
        tensors[f"{name}.scale"] = scales.squeeze(-1).contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS)
    config = {"kind": "delta", "bits": 4, "block": BLOCK, "base_model_name_or_path": base_name}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def apply_adapter(model: torch.nn.Module, folder: Path) -> set[str]:
    """Merge an adapter into a model, in place.

    Args:
        model: holds the base's parameters, in float32.
        folder: a delta of :func:`save_delta`, or a LoRA adapter in peft's format, whose pairs
            ``X.lora_A.weight``, ``X.lora_B.weight`` add ``B @ A * alpha / r`` to ``X.weight``
            (Hu et al. 2021, arXiv 2106.09685).

    Returns:
        names of the parameters that the adapter brought or changed.

    Raises:
        MissingCheckpoint: if a file of the adapter is not there.
        DamagedCheckpoint: if a tensor fits nothing in the model.
    """
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            raise MissingCheckpoint(f"{folder / file} is missing")
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    try:
        tensors = load_file(folder / WEIGHTS)
    except Exception as error:  # safetensors' own error has no public root
        raise DamagedCheckpoint(f"{folder / WEIGHTS} cannot be read: {error}") from error
    added, replaced = (_delta if config.get("kind") == "delta" else _lora)(tensors, config)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, change in added.items():
            _parameter(parameters, name, change, folder).add_(change)
        for name, tensor in replaced.items():
            _parameter(parameters, name, tensor, folder).copy_(tensor.float())
    return set(added) | set(replaced)


def _delta(tensors: dict[str, torch.Tensor], config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    added, replaced = {}, {}
    for key, tensor in tensors.items():
        if key.endswith(".delta"):
            name = key.removesuffix(".delta")
            flat = torch.empty(tensor.shape[0], tensor.shape[1] * 2, dtype=torch.uint8)
            flat[:, 0::2], flat[:, 1::2] = tensor & 15, tensor >> 4
            levels = (flat.to(torch.int16) - 8).float().reshape(tensor.shape[0], -1, config["block"])
            added[name] = (levels * tensors[f"{name}.scale"].float().unsqueeze(-1)).reshape(flat.shape)
        elif not key.endswith(".scale"):
            replaced[key] = tensor
    return added, replaced


def _lora(tensors: dict[str, torch.Tensor], config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    scale = config["lora_alpha"] / config["r"]
    added, replaced = {}, {}
    for key, tensor in tensors.items():
        name = key.removeprefix("base_model.model.")
        if name.endswith(".lora_A.weight"):
            other = tensors[key.replace(".lora_A.", ".lora_B.")].float()
            added[name.replace(".lora_A.weight", ".weight")] = other @ tensor.float() * scale
        elif not name.endswith(".lora_B.weight"):
            replaced[name] = tensor
    return added, replaced


def _parameter(
    parameters: dict[str, torch.nn.Parameter], name: str, tensor: torch.Tensor, folder: Path
) -> torch.nn.Parameter:
    parameter = parameters.get(name)
    if parameter is None or parameter.shape != tensor.shape:
        raise DamagedCheckpoint(f"{folder}: {name} {tuple(tensor.shape)} fits nothing in the model")
    return parameter
