"""Teaching a masked language model: texts with hidden tokens in, one optimisation step.

Only a training run imports this module (and with it transformers); writing never does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from transformers import AutoModelForMaskedLM

from skills.generation.masked_lm.head import masked_logits
from skills.generation.masked_lm.masking import FloatArray, IntArray, Masked, Masking, mask_text
from skills.generation.masked_lm.vocabulary import Vocabulary
from skills.generation.text_folder import TextFolderReader
from skills.learning import Learner, Recipe, fast_autocast, load_to_train
from skills.runtime import by_length, side_by_side


@dataclass(frozen=True)
class MaskedRecipe(Recipe):
    """How a masked language model is taught; see :class:`Recipe`.

    Attributes:
        head_rate: how many times the learning rate what the checkpoint lacks (its head) gets.
        continuation, run_tokens, random_rate, prefix_rate, keep, swap: see :class:`Masking`.
    """

    learning_rate: float = 2.5e-4
    warmup: float = 0.05
    cooldown: float = 0.4
    head_rate: float = 5.0
    continuation: float = 0.5
    run_tokens: int = 6
    random_rate: float = 0.3
    prefix_rate: float = 0.15
    keep: float = 0.05
    swap: float = 0.05

    def masking(self) -> Masking:
        """Its part about masking."""
        return Masking(
            self.continuation, self.run_tokens, self.random_rate, self.prefix_rate, self.keep, self.swap
        )


class MaskedLearner(Learner):
    """A masked language model in training.

    The decoder is tied to the word embeddings, which stay as they are; its bias begins with how
    often each token occurs in the training texts, so that no step is spent on learning that.

    Args:
        checkpoint: folder of the base model, with or without a head.
        base_name: its name, which the adapter remembers.
        vocabulary: its tokens.
        recipe: how to teach.
        work_path: folder of the checkpoints and of the result.
        max_seq_length: tokens of a text that are read.
        prior_path: folder of the texts whose tokens are counted for the bias, or None.
        max_batch_tokens: padded tokens in one forward and backward pass.
    """

    def __init__(
        self,
        checkpoint: Path,
        base_name: str,
        vocabulary: Vocabulary,
        recipe: MaskedRecipe,
        work_path: Path,
        max_seq_length: int,
        prior_path: Path | None = None,
        max_batch_tokens: int = 512,
    ) -> None:
        torch.manual_seed(recipe.seed)
        model, fresh = load_to_train(AutoModelForMaskedLM, checkpoint, recipe.dropout)
        base = {n: p.detach().clone() for n, p in model.named_parameters() if n not in fresh}
        if recipe.freeze_embeddings:
            for parameter in model.base_model.embeddings.parameters():
                parameter.requires_grad_(False)
        self.vocabulary = vocabulary
        self.masking = recipe.masking()
        self.max_tokens = max_seq_length - len(vocabulary.before) - len(vocabulary.after)
        self.max_batch_tokens = max_batch_tokens
        self.ordinary_ids = vocabulary.ordinary_ids()
        bias = model.get_output_embeddings().bias
        if prior_path is not None and any(p is bias for n, p in model.named_parameters() if n in fresh):
            bias.data.copy_(torch.from_numpy(log_frequencies(vocabulary, prior_path, len(bias))))
        rates = dict.fromkeys(sorted(fresh), recipe.head_rate)
        super().__init__(model, base, base_name, recipe, work_path, rates)

    def learn(self, texts: Sequence[str]) -> float:
        """One optimisation step; returns the loss over the hidden tokens."""
        random = Random(f"{self.recipe.seed}:{self.step}")  # noqa: S311
        vocabulary = self.vocabulary
        masked = [
            mask_text(
                ids[: self.max_tokens], vocabulary.before, vocabulary.after, vocabulary.mask_id,
                vocabulary.end_ids, self.ordinary_ids, self.masking, random,
            )
            for text in texts
            if (ids := vocabulary.encode(text))
        ]  # fmt: skip
        n_hidden = sum(len(m.positions) for m in masked)
        groups = by_length([len(m.input_ids) for m in masked], self.max_batch_tokens)
        return self.descend(self._loss([masked[i] for i in group], n_hidden) for group in groups)

    def _loss(self, masked: Sequence[Masked], n_hidden: int) -> torch.Tensor:
        """Share of one part of a batch in the mean loss over the batch's hidden tokens."""
        rows = np.concatenate([np.full(len(m.positions), i) for i, m in enumerate(masked)])
        columns = np.concatenate([m.positions for m in masked])
        targets = np.concatenate([m.targets for m in masked])
        self.model.train()
        logits = self._logits(*side_by_side([m.input_ids for m in masked]), rows, columns)
        return (
            torch.nn.functional.cross_entropy(logits, torch.from_numpy(targets), reduction="sum") / n_hidden
        )

    def _logits(
        self, input_ids: IntArray, attention_mask: IntArray, rows: IntArray, columns: IntArray
    ) -> torch.Tensor:
        """Logits of chosen places, shape (n, vocabulary)."""
        inputs = {
            "input_ids": torch.from_numpy(input_ids),
            "attention_mask": torch.from_numpy(attention_mask),
        }
        with fast_autocast():
            return masked_logits(
                self.model, inputs, torch.from_numpy(rows), torch.from_numpy(columns)
            ).float()

    def __call__(
        self, input_ids: IntArray, attention_mask: IntArray, rows: IntArray, columns: IntArray
    ) -> FloatArray:
        """Logits of the averaged weights at chosen places, for validation; shape (n, vocabulary)."""
        with self.averaged_weights():
            logits: FloatArray = self._logits(input_ids, attention_mask, rows, columns).numpy()
        return logits


def log_frequencies(vocabulary: Vocabulary, folder: Path, size: int) -> FloatArray:
    """Log of how often each token occurs in the training texts of a folder, shape (size,).

    Counts are smoothed by a tenth: a token that never occurs is rare, not impossible.
    """
    counts: Counter[int] = Counter()
    for text, _ in TextFolderReader().read(str(folder), min_chars=1)["train"]:
        for line in text.splitlines():
            counts.update(vocabulary.encode(line))
    seen = np.full(size, 0.1, dtype=np.float32)
    for token_id, count in counts.items():
        seen[token_id] += count
    frequencies: FloatArray = np.log(seen / seen.sum())
    return frequencies
