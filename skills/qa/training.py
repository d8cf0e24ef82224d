"""Teaching a reader: windows with targets, one optimisation step, checkpoints.

Only a training run imports this module (and with it transformers); reading never does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy, kl_div
from transformers import AutoModelForQuestionAnswering

from skills.deltas import apply_adapter
from skills.errors import ConfigurationError
from skills.learning import Learner, Recipe, fast_autocast, load_to_train
from skills.low_rank import save_low_rank, with_low_rank
from skills.qa.dataset import merged
from skills.qa.spans import FloatArray
from skills.qa.teacher import Teacher
from skills.qa.windows import Window, WindowTokenizer, collate
from skills.quantization_aware import quantization_aware
from skills.runtime import IntArray


@dataclass(frozen=True)
class ReaderRecipe(Recipe):
    """How a reader is taught; see :class:`Recipe`.

    Attributes:
        lora_rank: of the low-rank adapter that is trained instead of every weight; 0 trains them.
        lora_first_layer: the adapter's pairs of the layers before this one stay as ``init_path`` has them;
            no gradient is computed there, which at half of the layers spares a quarter of a step.
        teacher_weight: share of the loss that the teacher's probabilities have, in [0, 1]; the
            annotators' answers have the rest.
        untaught: a SQuAD-format file; beside its contexts the teacher has no say, for annotators that know
            what it does not. "" is none.
        teacher_temperature: both sides' logits are divided by it where they are compared.
        quantization_aware: whether the matrices compute in training as they will in 8 bits
            (``skills.quantization_aware``); not for a low-rank adapter.
    """

    lora_rank: int = 0
    lora_first_layer: int = 0
    teacher_weight: float = 0.0
    untaught: str = ""
    teacher_temperature: float = 2.0
    quantization_aware: bool = False


class ReaderLearner(Learner):
    """A span-extraction model in training.

    Args:
        checkpoint: folder of the base model.
        base_name: its name, which the adapter remembers.
        tokenizer: makes the windows.
        recipe: how to teach.
        work_path: folder of the checkpoints and of the result.
        init_path: what a former stage left, to start from: its ``model.safetensors`` or the folder of an
            adapter (with ``lora_rank``, one of that rank); or None.
        teacher: a reader whose probabilities are learnt from too, or None.

    Raises:
        ConfigurationError: if the recipe is aware of quantisation and low-rank, or ``untaught`` is no
            SQuAD-format file.
        DamagedCheckpoint: if ``init_path`` holds an adapter of another shape.
    """

    def __init__(
        self,
        checkpoint: Path,
        base_name: str,
        tokenizer: WindowTokenizer,
        recipe: ReaderRecipe,
        work_path: Path,
        init_path: Path | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        if recipe.quantization_aware and recipe.lora_rank:
            raise ConfigurationError(
                f"quantization_aware trains every weight: expected lora_rank 0, not {recipe.lora_rank}"
            )
        torch.manual_seed(recipe.seed)
        self.tokenizer = tokenizer
        self.teacher = teacher
        self.untaught: frozenset[str] = frozenset()
        if recipe.untaught:
            articles = merged([Path(recipe.untaught).expanduser()])["data"]
            self.untaught = frozenset(p["context"] for article in articles for p in article["paragraphs"])
        self.random = random.Random(recipe.seed)  # noqa: S311
        model, fresh = load_to_train(AutoModelForQuestionAnswering, checkpoint, recipe.dropout)
        base: dict[str, torch.Tensor] = {}
        if recipe.lora_rank:
            model = with_low_rank(
                model, recipe.lora_rank, fresh, init_path, first_layer=recipe.lora_first_layer
            )
        else:
            base = {n: p.detach().clone() for n, p in model.named_parameters() if n not in fresh}
            if init_path is not None and init_path.is_dir():
                apply_adapter(model, init_path)
            elif init_path is not None:
                model.load_state_dict({k: v.float() for k, v in load_file(init_path).items()}, strict=False)
            if recipe.freeze_embeddings:
                for parameter in model.base_model.embeddings.parameters():
                    parameter.requires_grad_(False)
        if recipe.quantization_aware:
            quantization_aware(model, getattr(model.config, "intermediate_size", 0))
        self.low_rank = bool(recipe.lora_rank)
        super().__init__(model, base, base_name, recipe, work_path)
        self.recipe: ReaderRecipe

    def learn(
        self,
        contexts: Sequence[str],
        questions: Sequence[str],
        answers: Sequence[Sequence[str]],
        starts: Sequence[Sequence[int]],
    ) -> float:
        """One optimisation step; returns the loss."""
        windows, firsts, lasts, asked, read = [], [], [], [], []
        for context, question, texts, begins in zip(contexts, questions, answers, starts, strict=True):
            made = self.tokenizer.windows([question], [context])
            if not made:
                continue
            window, first, last = self._choose(made, begins[0], begins[0] + len(texts[0]))
            windows.append(window)
            firsts.append(first)
            lasts.append(last)
            asked.append(question)
            read.append(context)
        self.model.train()
        # few different shapes: the kernels are compiled anew, and kept, for each
        inputs = collate(windows, multiple_of=32)
        given = self._logits(*inputs)
        targets = torch.tensor(firsts), torch.tensor(lasts)
        losses = 0.5 * sum(
            (cross_entropy(g, t, reduction="none") for g, t in zip(given, targets, strict=True)),
            torch.tensor(0.0),
        )
        taught = [row for row, context in enumerate(read) if context not in self.untaught]
        if self.teacher is not None and taught:
            shown = self.teacher(
                [asked[row] for row in taught],
                [read[row] for row in taught],
                [windows[row] for row in taught],
                inputs[0].shape[1],
            )
            away = 0.5 * sum(
                (
                    _divergence(mine[taught], torch.from_numpy(theirs), self.recipe.teacher_temperature)
                    for mine, theirs in zip(given, shown, strict=True)
                ),
                torch.tensor(0.0),
            )
            share = self.recipe.teacher_weight
            losses = losses.index_add(0, torch.tensor(taught), share * (away - losses[taught]))
        loss = losses.mean()
        return self.descend([loss])

    def save(self, adapter_path: Path) -> None:
        """Write the averaged weights; of a low-rank adapter there is nothing but the adapter."""
        if self.low_rank:
            save_low_rank(self.model, self.averaged, adapter_path, self.base_name)
        else:
            super().save(adapter_path)

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
        with fast_autocast():
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
        with self.averaged_weights():
            start, end = self._logits(input_ids, attention_mask, token_type_ids)
        return start.numpy(), end.numpy()


def _divergence(mine: torch.Tensor, theirs: torch.Tensor, temperature: float) -> torch.Tensor:
    """How far each of the learner's probabilities is from the teacher's (KL), with gradients of the usual
    size; shape (n_windows,)."""
    apart = kl_div((mine / temperature).log_softmax(-1), (theirs / temperature).softmax(-1), reduction="none")
    return temperature**2 * apart.sum(-1)


def _token_span(window: Window, start: int, end: int) -> tuple[int, int] | None:
    """First and last token (positions in ``input_ids``) of the characters, or None if not inside."""
    offsets = window.offsets
    inside = np.flatnonzero((offsets[:, 1] > start) & (offsets[:, 0] < end))
    if not len(inside) or offsets[0, 0] > start or offsets[-1, 1] < end:
        return None
    return window.context_start + int(inside[0]), window.context_start + int(inside[-1])
