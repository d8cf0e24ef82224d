"""Teaching a causal language model some of a text's tokens: one optimisation step of a low-rank adapter.

Knows nothing of what the texts are. Only a training run and a measurement import this module (and with
it torch).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skills.generation.encoded import Encoded
from skills.learning import Learner, Recipe, fast_autocast
from skills.low_rank import save_low_rank, with_low_rank
from skills.runtime import by_length


@dataclass(frozen=True)
class AdapterRecipe(Recipe):
    """How an adapter is taught; see :class:`Recipe`.

    Attributes:
        lora_rank: of the pairs.
        lora_matrices: last part of the names of the matrices that get a pair, with commas between.
            Those that write to the residual stream change much for their number, and every further
            matrix costs time in each token that is generated.
    """

    learning_rate: float = 2e-3
    warmup: float = 0.05
    cooldown: float = 0.8
    weight_decay: float = 0.0
    average: float = 0.9
    lora_rank: int = 12
    lora_matrices: str = "o_proj,down_proj"


class AdapterLearner(Learner):
    """A low-rank adapter of a causal language model in training.

    Args:
        model: of transformers.
        base_name: name of the model, for the adapter's config.
        recipe: how to teach.
        work_path: folder of the checkpoints.
        max_batch_tokens: padded tokens in one forward and backward pass.
    """

    def __init__(
        self,
        model: Any,
        base_name: str,
        recipe: AdapterRecipe,
        work_path: Path,
        max_batch_tokens: int = 512,
    ) -> None:
        torch.manual_seed(recipe.seed)
        names = [name.strip() for name in recipe.lora_matrices.split(",") if name.strip()]
        adapted = with_low_rank(model, recipe.lora_rank, set(), None, names)
        self.max_batch_tokens = max_batch_tokens
        super().__init__(adapted, {}, base_name, recipe, work_path)

    def learn(self, encoded: Sequence[Encoded]) -> tuple[float, int]:
        """One optimisation step; the mean loss of a target, and the tokens that were read."""
        self.model.train()
        n_targets = sum(len(e.targets) for e in encoded)
        if not n_targets:
            return 0.0, 0
        groups = by_length([len(e.input_ids) for e in encoded], self.max_batch_tokens)
        parts = ([encoded[i] for i in group] for group in groups)
        loss = self.descend(self._quick_losses(part).sum() / n_targets for part in parts)
        return loss, sum(len(e.input_ids) for e in encoded)

    def _quick_losses(self, part: Sequence[Encoded]) -> torch.Tensor:
        """Losses to learn from; those that are told are computed in full precision."""
        with fast_autocast():
            return target_losses(self.model, part)

    def losses(self, encoded: Encoded) -> NDArray[np.float32]:
        """Loss of each target under the averaged weights, for validation."""
        with self.averaged_weights():
            found: NDArray[np.float32] = target_losses(self.model, [encoded]).numpy()
        return found

    def save(self, adapter_path: Path) -> None:
        """Write the averaged weights as an adapter, which is all there is."""
        save_low_rank(self.model, self.averaged, adapter_path, self.base_name)


def target_losses(model: Any, encoded: Sequence[Encoded]) -> torch.Tensor:
    """Cross-entropy (nats) of each target, text after text; shape (n_targets,).

    Only the states before targets go through the output matrix, a fifth of all weights.

    Args:
        model: of transformers, or peft's around one.
        encoded: texts, padded to the longest; what is padded follows all targets, so
            nothing looks at it.
    """
    length = max(len(e.input_ids) for e in encoded)
    ids = torch.zeros((len(encoded), length), dtype=torch.long)
    for row, e in enumerate(encoded):
        ids[row, : len(e.input_ids)] = torch.from_numpy(e.input_ids)
    rows = np.concatenate([np.full(len(e.targets), row) for row, e in enumerate(encoded)])
    columns = np.concatenate([e.targets for e in encoded])
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    states = whole.model(input_ids=ids, use_cache=False).last_hidden_state
    logits = whole.lm_head(states[torch.from_numpy(rows), torch.from_numpy(columns - 1)])
    wanted = ids[torch.from_numpy(rows), torch.from_numpy(columns)]
    return torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="none")
