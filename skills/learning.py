"""What every learner shares: a recipe, one optimisation step, averaged weights, checkpoints.

A learner holds a model in training. It knows nothing of texts or of DeepPavlov; what a loss is
its subclasses say. Only a training run imports this module (and with it torch).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import AutoConfig
from transformers.utils import logging

from skills.deltas import save_delta
from skills.errors import ConfigurationError, refuse_unknown
from skills.training_checkpoint import read_checkpoint, write_checkpoint, write_tensors

RecipeT = TypeVar("RecipeT", bound="Recipe")


@dataclass(frozen=True)
class Recipe:
    """How a model is taught.

    Attributes:
        learning_rate: peak, reached after ``warmup`` of the steps, falling linearly to 0 in the
            last ``cooldown`` of them.
        warmup: share of the steps, in [0, 1].
        cooldown: share of the steps, in [0, 1]; where it meets the warm-up there is no level part.
        planned_steps: steps of the schedule where a run is to end before its epochs do; 0 is the
            whole run.
        weight_decay: AdamW's.
        clip_norm: bound on the gradient's norm.
        freeze_embeddings: whether the embeddings stay as they are.
        average: decay of the weights' moving average, which is what is validated and saved
            (Polyak averaging); 0 turns it off.
        dropout: in the hidden states and the attention.
        seed: of every random choice.
    """

    learning_rate: float = 1.5e-4
    warmup: float = 0.1
    cooldown: float = 1.0
    planned_steps: int = 0
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    freeze_embeddings: bool = True
    average: float = 0.998
    dropout: float = 0.0
    seed: int = 1337

    @classmethod
    def from_config(cls: type[RecipeT], component: str, values: Mapping[str, Any]) -> RecipeT:
        """A recipe from a config block; a variable set in the environment arrives as a string.

        Args:
            component: whose recipe it is, for messages.
            values: the block.

        Raises:
            ConfigurationError: if a key does not exist or a value is no number.
        """
        known = {f.name: f for f in fields(cls)}
        refuse_unknown(f"{component}'s recipe", values, known)
        try:
            typed = {k: _typed(known[k].default, v) for k, v in values.items()}
        except ValueError as error:
            raise ConfigurationError(f"{component}'s recipe: expected numbers: {error}") from error
        return cls(**typed)


def _typed(default: Any, value: Any) -> Any:
    """``value`` as the type of ``default``; "false" is False."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "yes")
    return type(default)(value)


def computes_in_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16.

    Without AVX-512 BF16 or AMX a matrix product in it is several times slower than in float32 (seven
    times on a Zen 1).
    """
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_tile"))


def fast_autocast() -> torch.autocast:
    """Mixed precision where the CPU computes in it, full precision where it only emulates it."""
    return torch.autocast("cpu", torch.bfloat16, enabled=computes_in_bfloat16())


def load_to_train(kind: Any, checkpoint: Path, dropout: float) -> tuple[Any, set[str]]:
    """A model of transformers to be trained.

    Args:
        kind: an ``AutoModelFor…`` class.
        checkpoint: folder of the base model.
        dropout: in the hidden states and the attention. On a CPU it doubles a step: its random
            numbers come from one thread, and fused attention knows none.

    Returns:
        the model, and the names of the parameters that the checkpoint lacks (the head).
    """
    config = AutoConfig.from_pretrained(checkpoint, local_files_only=True)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # that a head is new is what training is for
    try:
        model, report = kind.from_pretrained(
            checkpoint,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    finally:
        logging.set_verbosity(verbosity)
    return model, set(report["missing_keys"])


class Learner:
    """A model in training: optimizer, schedule, averaged weights, checkpoints.

    Args:
        model: its parameters that require a gradient are trained.
        base: the untouched parameters that the shipped weights are told apart from, by name.
        base_name: name of the checkpoint they are from.
        recipe: how to teach.
        work_path: folder of the checkpoints and of the result.
        rates: how many times the recipe's learning rate parameters get whose name begins so.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        base: dict[str, torch.Tensor],
        base_name: str,
        recipe: Recipe,
        work_path: Path,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        self.model: Any = model
        self.base = base
        self.base_name = base_name
        self.recipe = recipe
        self.work_path = work_path
        self.checkpoint_file = work_path / "checkpoint.safetensors"
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.averaged = {n: p.detach().clone() for n, p in self.parameters.items()}
        groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for name, parameter in self.parameters.items():
            rate = next((r for prefix, r in (rates or {}).items() if name.startswith(prefix)), 1.0)
            decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": members, "weight_decay": decay, "rate": rate}
                for (rate, decay), members in groups.items()
            ],
            lr=recipe.learning_rate,
            fused=True,
        )
        self.total_steps = 1
        self.share = 0.0
        self.step = 0

    def plan(self, total_steps: int) -> None:
        """Fix the learning-rate schedule's length."""
        planned = self.recipe.planned_steps
        self.total_steps = max(min(total_steps, planned) if planned else total_steps, 1)

    def advance(self, share: float) -> None:
        """Say how much of the training is done, in [0, 1]; time may run faster than steps."""
        self.share = share

    def descend(self, losses: Iterable[torch.Tensor]) -> float:
        """One optimisation step down the sum of losses; returns it.

        Args:
            losses: drawn one at a time, so that only one part's activations are held.
        """
        self._schedule()
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for loss in losses:
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), self.recipe.clip_norm)
        self.optimizer.step()
        self.step += 1
        self._average()
        return total

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """The model in evaluation mode with the averaged weights, without gradients."""
        self.model.eval()
        kept = {n: p.data for n, p in self.parameters.items()}
        for name, parameter in self.parameters.items():
            parameter.data = self.averaged[name]
        try:
            with torch.inference_mode():
                yield
        finally:
            for name, parameter in self.parameters.items():
                parameter.data = kept[name]

    def _schedule(self) -> None:
        tick = 1 / self.total_steps
        done = max(self.step * tick, self.share)
        warmup = max(self.recipe.warmup, tick)
        cooldown = max(min(self.recipe.cooldown, 1 - warmup), tick)
        factor = max(0.0, min((done + tick) / warmup, (1 - done) / cooldown, 1.0))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * group["rate"] * factor

    def _average(self) -> None:
        # a shorter memory at first, so that the average does not hang on to the beginning
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.averaged.values()), [p.data for p in self.parameters.values()], 1 - decay
            )

    def save(self, adapter_path: Path) -> None:
        """Write the averaged weights: whole in half precision to ``work_path/model.safetensors``,
        from which a later stage can begin, and as the adapter that ships to ``adapter_path``.
        """
        tensors = {n: t.half().contiguous() for n, t in self.averaged.items()}
        write_tensors(tensors, self.work_path / "model.safetensors", {})
        save_delta(self.base, self.averaged, adapter_path, self.base_name)

    def checkpoint(self, state: dict[str, Any]) -> None:
        """Write everything needed to go on: weights, their average, the optimizer and ``state``."""
        write_checkpoint(
            self.checkpoint_file, self._groups(), self.parameters, self.optimizer,
            {**state, "step": self.step},
        )  # fmt: skip

    def resume(self) -> dict[str, Any] | None:
        """Read the last checkpoint back, if there is one; returns its state."""
        state = read_checkpoint(self.checkpoint_file, self._groups(), self.parameters, self.optimizer)
        if state is not None:
            self.step = state.pop("step")
        return state

    def _groups(self) -> dict[str, dict[str, torch.Tensor]]:
        return {"weight": {n: p.data for n, p in self.parameters.items()}, "average": self.averaged}
