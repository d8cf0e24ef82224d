"""Low-rank adapters in training (LoRA; Hu et al. 2021, arXiv 2106.09685), by peft.

For models too large to train every weight of: a few MB are learnt, no gradient of the base's
weights is ever computed. ``skills.deltas`` merges what is written here. Imported by training only.

    python -m skills.low_rank ADAPTER_FOLDER RANK

makes a trained adapter smaller, in place.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file

from skills.compiled import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from skills.errors import ConfigurationError, DamagedCheckpoint
from skills.training_checkpoint import write_tensors

_LAYER = re.compile(r"\.layers?\.(\d+)\.")


def with_low_rank(
    model: torch.nn.Module,
    rank: int,
    fresh: set[str],
    seen_from: Path | None,
    matrices: Collection[str] | None = None,
    first_layer: int = 0,
) -> Any:
    """Freeze a model and put a low-rank pair beside matrices of it.

    Args:
        model: of transformers.
        rank: of the pairs; the change is scaled by 2, as alpha is twice the rank.
        fresh: names of parameters that the checkpoint lacks (the head), which are trained whole.
        seen_from: folder of an adapter of the same rank to begin with, or None.
        matrices: last part of the names of those that get a pair; None is every matrix.
        first_layer: pairs of the layers before this one are not trained.

    Returns:
        peft's model; what it trains requires a gradient.

    Raises:
        ConfigurationError: if the model has no matrix of one of the names.
        DamagedCheckpoint: if the adapter to begin with has another shape.
    """
    heads = {name.rpartition(".")[0] for name in fresh}
    found_names = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name not in heads
    }
    absent = sorted(set(matrices or ()) - found_names)
    if absent:
        raise ConfigurationError(
            f"low-rank pairs for {', '.join(absent)}: the model has {', '.join(sorted(found_names))}"
        )
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=sorted(matrices or found_names),
        modules_to_save=sorted(heads),
    )
    adapted = get_peft_model(model, config)
    if seen_from is not None:
        try:
            found = set_peft_model_state_dict(
                adapted, {n: t.float() for n, t in load_file(seen_from / ADAPTER_WEIGHTS).items()}
            )
        except (OSError, RuntimeError) as error:
            raise DamagedCheckpoint(f"{seen_from}: no adapter of rank {rank} for this model") from error
        if found.unexpected_keys:
            raise DamagedCheckpoint(f"{seen_from}: {found.unexpected_keys[0]} fits nothing in the model")
    for name, parameter in adapted.named_parameters():
        layer = _LAYER.search(name)
        if layer and int(layer[1]) < first_layer:
            parameter.requires_grad_(False)
    return adapted


def save_low_rank(model: Any, averaged: Mapping[str, torch.Tensor], folder: Path, base_name: str) -> None:
    """Write an adapter in half precision, in peft's format.

    Args:
        model: of :func:`with_low_rank`.
        averaged: the weights to write, by the parameter's name.
        folder: where to.
        base_name: name of the base checkpoint, for the config.
    """
    tensors = model.state_dict() | dict(averaged)  # pairs that were not trained are part of the adapter
    state = get_peft_model_state_dict(model, state_dict=tensors, save_embedding_layers=False)
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors({n: t.detach().half().contiguous() for n, t in state.items()}, folder / ADAPTER_WEIGHTS, {})
    config: LoraConfig = model.peft_config["default"]
    config.base_model_name_or_path, config.inference_mode = base_name, True
    config.save_pretrained(str(folder))
    config.inference_mode = False
    if not (folder / ADAPTER_CONFIG).is_file():
        raise DamagedCheckpoint(f"{folder}: {ADAPTER_CONFIG} was not written")


def truncate(folder: Path, rank: int) -> float:
    """Bring an adapter in peft's format to a lower rank, each pair by its largest singular values.

    Args:
        folder: of the adapter; rewritten.
        rank: the new one, from 1 to the adapter's.

    Returns:
        the share of the change's energy (squared singular values) that is kept, in [0, 1].

    Raises:
        ConfigurationError: if the rank is not below the adapter's.
    """
    config = json.loads((folder / ADAPTER_CONFIG).read_text("utf-8"))
    if not 1 <= rank <= config["r"]:
        raise ConfigurationError(f"expected a rank from 1 to {config['r']}, not {rank}")
    tensors = load_file(folder / ADAPTER_WEIGHTS)
    kept = total = 0.0
    for name in [name for name in tensors if ".lora_A." in name]:
        other = name.replace(".lora_A.", ".lora_B.")
        left, left_rest = torch.linalg.qr(tensors[other].float())
        right, right_rest = torch.linalg.qr(tensors[name].float().T)
        u, values, v = torch.linalg.svd(left_rest @ right_rest.T)
        # the change is scaled by alpha / r, which stays: alpha follows the rank below
        root = values[:rank].sqrt()
        tensors[other] = ((left @ u[:, :rank]) * root).half().contiguous()
        tensors[name] = (root[:, None] * (v[:rank] @ right.T)).half().contiguous()
        kept += float((values[:rank] ** 2).sum())
        total += float((values**2).sum())
    alpha = config["lora_alpha"] * rank / config["r"]
    config["lora_alpha"] = int(alpha) if alpha == int(alpha) else alpha
    config["r"] = rank
    write_tensors(tensors, folder / ADAPTER_WEIGHTS, {})
    (folder / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    return kept / total if total else 1.0


if __name__ == "__main__":
    sys.stdout.write(f"energy kept: {truncate(Path(sys.argv[1]), int(sys.argv[2])):.4f}\n")
