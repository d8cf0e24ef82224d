"""Teaching a language model from nothing: optimisation steps, checkpoints, the folder that goes out.

Only a training run imports this module (and with it torch and transformers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from skills.errors import ConfigurationError, refuse_unknown
from skills.generation.language_model.architecture import Architecture, make_model
from skills.generation.language_model.likelihood import (
    DEFAULT_MASK_SHARE,
    HEAD_CHUNK,
    Task,
    predicting_states,
)
from skills.generation.language_model.masking import IntArray
from skills.generation.language_model.schedule import cosine
from skills.generation.language_model.tokenizer import special_ids
from skills.learning import fast_autocast
from skills.training_checkpoint import read_checkpoint, write_checkpoint


@dataclass(frozen=True)
class Recipe:
    """How the model is taught.

    Attributes:
        learning_rate: the peak.
        warmup: share of the training in which it rises, in [0, 1).
        floor: factor of the peak at the end.
        weight_decay: AdamW's, of the matrices.
        clip_norm: bound on the gradient's norm.
        mask_share: share of the tokens that a masked model has to guess, in (0, 1).
        seed: of the first weights and of the masks.
    """

    learning_rate: float = 3e-3
    warmup: float = 0.05
    floor: float = 0.02
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    mask_share: float = DEFAULT_MASK_SHARE
    seed: int = 1337

    @classmethod
    def from_config(cls, values: Mapping[str, Any]) -> Recipe:
        """A recipe from a config block; a variable set in the environment arrives as a string.

        Raises:
            ConfigurationError: if a key does not exist or a value does not fit.
        """
        known: dict[str, Any] = {f.name: type(f.default) for f in fields(cls)}
        refuse_unknown("language_model's recipe", values, known)
        try:
            recipe = cls(**{name: known[name](value) for name, value in values.items()})
        except ValueError as error:
            raise ConfigurationError(f"language_model's recipe: expected numbers: {error}") from error
        if not (0 < recipe.mask_share < 1 and 0 <= recipe.warmup < 1):
            raise ConfigurationError(
                f"language_model's recipe: mask_share expects (0, 1) and warmup [0, 1); got "
                f"{recipe.mask_share} and {recipe.warmup}"
            )
        return recipe


class LanguageModelLearner:
    """A language model in training.

    Args:
        shape: its shape.
        recipe: how to teach.
        tokenizer: which tokens it deals in.
        work_path: folder of the checkpoints.
    """

    def __init__(self, shape: Architecture, recipe: Recipe, tokenizer: Tokenizer, work_path: Path) -> None:
        torch.manual_seed(recipe.seed)
        special = special_ids(tokenizer, shape.kind)
        self.shape = shape
        self.recipe = recipe
        self.checkpoint_file = work_path / "checkpoint.safetensors"
        self.task = Task(shape.kind, special, recipe.mask_share)
        self.n_tokens = int(tokenizer.get_vocab_size())
        self.model = make_model(shape, self.n_tokens, special)
        self.parameters = dict(self.model.named_parameters())
        matrices = [p for p in self.parameters.values() if p.ndim > 1]
        vectors = [p for p in self.parameters.values() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": recipe.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
            betas=(0.9, 0.95),
            fused=True,
        )
        self.share = 0.0
        self.step = 0

    @property
    def n_parameters(self) -> int:
        """Weights of the model, the shared embeddings counted once."""
        return sum(p.numel() for p in self.parameters.values())

    def learn(self, blocks: IntArray) -> tuple[float, int]:
        """One optimisation step; returns the mean loss of its predictions, in nats, and the tokens read."""
        factor = cosine(self.share, self.recipe.warmup, self.recipe.floor)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * factor
        random = np.random.default_rng([self.recipe.seed, self.step])
        inputs, predicting, targets = self.task.prepare(blocks, self.n_tokens, random)
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        with fast_autocast():
            states = predicting_states(self.model, inputs, predicting)
        states = states.float()
        loss, gradient = self._head(states.detach().requires_grad_(), torch.from_numpy(targets))
        states.backward(gradient)
        torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), self.recipe.clip_norm)
        self.optimizer.step()
        self.step += 1
        return loss, int(blocks.size)

    def _head(self, states: torch.Tensor, targets: torch.Tensor) -> tuple[float, torch.Tensor]:
        """Loss, and its gradient by the states; forward and backward a piece at a time."""
        total = 0.0
        for first in range(0, len(targets), HEAD_CHUNK):
            with fast_autocast():
                logits = self.model.lm_head(states[first : first + HEAD_CHUNK])
            loss = torch.nn.functional.cross_entropy(
                logits.float(), targets[first : first + HEAD_CHUNK], reduction="sum"
            ) / len(targets)
            loss.backward()
            total += float(loss.detach())
        assert states.grad is not None  # there is at least one target
        return total, states.grad

    def save(self, folder: Path) -> None:
        """Write ``config.json``, ``generation_config.json`` and ``model.safetensors``, beside the tokenizer.

        Each file is written whole or not at all.
        """
        partial = folder / "partial"
        self.model.save_pretrained(partial, safe_serialization=True)
        for file in sorted(partial.iterdir()):
            file.replace(folder / file.name)
        partial.rmdir()

    def checkpoint(self, state: dict[str, Any]) -> None:
        """Write everything needed to go on: weights, the optimizer and ``state``."""
        write_checkpoint(
            self.checkpoint_file,
            {"weight": {n: p.data for n, p in self.parameters.items()}},
            self.parameters,
            self.optimizer,
            {**state, "step": self.step, "shape": self.shape.as_dict()},
        )

    def resume(self) -> dict[str, Any] | None:
        """Read the last checkpoint back, if there is one; returns its state.

        Raises:
            ConfigurationError: if it is of a model of another shape.
        """
        found = read_checkpoint(
            self.checkpoint_file, {"weight": self.parameters}, self.parameters, self.optimizer, self._check
        )
        if found is not None:
            self.step = found.pop("step")
            found.pop("shape")
        return found

    def _check(self, state: dict[str, Any]) -> None:
        now = self.shape.as_dict()
        other = [f"{n} {v} (now {now[n]})" for n, v in state["shape"].items() if now[n] != v]
        if other:
            raise ConfigurationError(
                f"{self.checkpoint_file} is of a model with {', '.join(other)}; name another folder "
                f"(DP_WORK_PATH) or remove this one"
            )
