"""Teaching a reader: windows with targets, one optimisation step, checkpoints.

Only a training run imports this module (and with it transformers); reading never does.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from logging import getLogger
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForQuestionAnswering

from skills.deltas import save_delta
from skills.errors import ConfigurationError, refuse_unknown
from skills.qa.spans import FloatArray
from skills.qa.windows import IntArray, Window, WindowTokenizer, collate
from skills.training_checkpoint import read_checkpoint, write_checkpoint, write_tensors

log = getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How the reader is taught.

    Attributes:
        learning_rate: peak, reached after ``warmup`` of the steps, then falling linearly to 0.
        warmup: share of the steps, in [0, 1].
        weight_decay: AdamW's.
        clip_norm: bound on the gradient's norm.
        freeze_embeddings: whether the embeddings stay as they are.
        average: decay of the weights' moving average, which is what is validated and saved
            (Polyak averaging); 0 turns it off.
        dropout: in the hidden states and the attention.
        seed: of dropout and window choice.
    """

    learning_rate: float = 1.5e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    freeze_embeddings: bool = True
    average: float = 0.998
    dropout: float = 0.0
    seed: int = 1337

    @classmethod
    def from_config(cls, values: Mapping[str, Any]) -> Recipe:
        """A recipe from a config block; a variable set in the environment arrives as a string.

        Raises:
            ConfigurationError: if a key does not exist or a value is no number.
        """
        known = {f.name: f for f in fields(cls)}
        refuse_unknown("squad_reader's recipe", values, known)
        try:
            typed = {k: _typed(known[k].default, v) for k, v in values.items()}
        except ValueError as error:
            raise ConfigurationError(f"squad_reader's recipe: expected numbers: {error}") from error
        return cls(**typed)


def _typed(default: Any, value: Any) -> Any:
    """``value`` as the type of ``default``; "false" is False."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "yes")
    return type(default)(value)


class ReaderLearner:
    """A span-extraction model in training.

    Args:
        checkpoint: folder of the base model.
        tokenizer: makes the windows.
        recipe: how to teach.
        work_path: folder of the checkpoints and of the result.
        init_path: a ``.safetensors`` file to start from (a former stage's result), or None.
    """

    def __init__(
        self,
        checkpoint: Path,
        tokenizer: WindowTokenizer,
        recipe: Recipe,
        work_path: Path,
        init_path: Path | None = None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.tokenizer = tokenizer
        self.recipe = recipe
        self.work_path = work_path
        self.checkpoint_file = work_path / "checkpoint.safetensors"
        self.random = random.Random(recipe.seed)  # noqa: S311
        config = AutoConfig.from_pretrained(checkpoint, local_files_only=True)
        # on a CPU dropout doubles a step: its random numbers come from one thread, and fused
        # attention knows none
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = recipe.dropout
        self.model, loading = AutoModelForQuestionAnswering.from_pretrained(
            checkpoint,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
        self.base_name = checkpoint.name
        self.base = {
            name: parameter.detach().clone()
            for name, parameter in self.model.named_parameters()
            if name not in loading["missing_keys"]
        }
        if init_path is not None:
            self.model.load_state_dict({k: v.float() for k, v in load_file(init_path).items()}, strict=False)
        if recipe.freeze_embeddings:
            for parameter in self.model.base_model.embeddings.parameters():
                parameter.requires_grad_(False)
        self.parameters = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        self.averaged = {n: p.detach().clone() for n, p in self.parameters.items()}
        decayed = [p for n, p in self.parameters.items() if p.ndim > 1]
        plain = [p for n, p in self.parameters.items() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": recipe.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
        )
        self.total_steps = 1
        self.step = 0

    def plan(self, total_steps: int) -> None:
        """Fix the learning-rate schedule's length."""
        self.total_steps = max(total_steps, 1)

    def learn(
        self,
        contexts: Sequence[str],
        questions: Sequence[str],
        answers: Sequence[Sequence[str]],
        starts: Sequence[Sequence[int]],
    ) -> float:
        """One optimisation step; returns the loss."""
        windows, firsts, lasts = [], [], []
        for context, question, texts, begins in zip(contexts, questions, answers, starts, strict=True):
            made = self.tokenizer.windows([question], [context])
            if not made:
                continue
            window, first, last = self._choose(made, begins[0], begins[0] + len(texts[0]))
            windows.append(window)
            firsts.append(first)
            lasts.append(last)
        self._schedule()
        self.model.train()
        # few different shapes: the kernels are compiled anew, and kept, for each
        start_logits, end_logits = self._logits(
            *collate(windows, self.tokenizer.template.pad_id, multiple_of=32)
        )
        loss = 0.5 * (
            torch.nn.functional.cross_entropy(start_logits, torch.tensor(firsts))
            + torch.nn.functional.cross_entropy(end_logits, torch.tensor(lasts))
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), self.recipe.clip_norm)
        self.optimizer.step()
        self.step += 1
        self._average()
        return float(loss.detach())

    def _choose(self, windows: list[Window], start: int, end: int) -> tuple[Window, int, int]:
        """A window and the answer's tokens in it; (0, 0), the first token, where it holds none."""
        if start >= 0:
            held = [(w, span) for w in windows if (span := _token_span(w, start, end)) is not None]
            if held and self.random.random() < 0.95:
                window, (first, last) = self.random.choice(held)
                return window, first, last
        window = self.random.choice(windows)
        first, last = (_token_span(window, start, end) or (0, 0)) if start >= 0 else (0, 0)
        return window, first, last

    def _logits(
        self, input_ids: IntArray, attention_mask: IntArray, token_type_ids: IntArray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        mask = torch.from_numpy(attention_mask)
        arguments = {"input_ids": torch.from_numpy(input_ids), "attention_mask": mask}
        if getattr(self.model.config, "type_vocab_size", 0) > 1:
            arguments["token_type_ids"] = torch.from_numpy(token_type_ids)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = self.model(**arguments)
        away = mask == 0
        return (
            output.start_logits.float().masked_fill(away, -1e4),
            output.end_logits.float().masked_fill(away, -1e4),
        )

    def __call__(
        self, input_ids: IntArray, attention_mask: IntArray, token_type_ids: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Logits of the averaged weights, for validation; shapes (n_windows, length)."""
        self.model.eval()
        kept = {n: p.data for n, p in self.parameters.items()}
        for name, parameter in self.parameters.items():
            parameter.data = self.averaged[name]
        try:
            with torch.inference_mode():
                start, end = self._logits(input_ids, attention_mask, token_type_ids)
        finally:
            for name, parameter in self.parameters.items():
                parameter.data = kept[name]
        return start.numpy(), end.numpy()

    def _schedule(self) -> None:
        warm = max(1, int(self.recipe.warmup * self.total_steps))
        if self.step < warm:
            factor = (self.step + 1) / warm
        else:
            factor = max(0.0, (self.total_steps - self.step) / max(1, self.total_steps - warm))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * factor

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
            self.checkpoint_file,
            self._groups(),
            self.parameters,
            self.optimizer,
            {**state, "step": self.step},
        )

    def resume(self) -> dict[str, Any] | None:
        """Read the last checkpoint back, if there is one; returns its state."""
        state = read_checkpoint(self.checkpoint_file, self._groups(), self.parameters, self.optimizer)
        if state is not None:
            self.step = state.pop("step")
        return state

    def _groups(self) -> dict[str, dict[str, torch.Tensor]]:
        return {"weight": {n: p.data for n, p in self.parameters.items()}, "average": self.averaged}


def _token_span(window: Window, start: int, end: int) -> tuple[int, int] | None:
    """First and last token (positions in ``input_ids``) of the characters, or None if not inside."""
    offsets = window.offsets
    inside = np.flatnonzero((offsets[:, 1] > start) & (offsets[:, 0] < end))
    if not len(inside) or offsets[0, 0] > start or offsets[-1, 1] < end:
        return None
    return window.context_start + int(inside[0]), window.context_start + int(inside[-1])
