"""What a language model makes of blocks of tokens: hidden states, and the loss of each prediction.

Torch is imported by the functions, so that a config that names the component costs nothing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skills.generation.language_model.architecture import Kind
from skills.generation.language_model.masking import IntArray, mask_blocks

#: Tokens whose logits are there at the same time: 8 MB of them stay in the cache and in the allocator's
#: arena, which is a sixth faster than all at once.
HEAD_CHUNK = 512
#: BERT's share of hidden tokens.
DEFAULT_MASK_SHARE = 0.15


@dataclass(frozen=True)
class Task:
    """What the model is asked.

    Attributes:
        kind: ``causal``: every token after the first, from those before it; ``masked``: the hidden
            tokens, from the others.
        special: ids of the special tokens, by name.
        mask_share: share of the tokens that are hidden from a masked model.
    """

    kind: Kind
    special: dict[str, int]
    mask_share: float = DEFAULT_MASK_SHARE

    def prepare(
        self, blocks: IntArray, n_tokens: int, random: np.random.Generator
    ) -> tuple[IntArray, NDArray[np.bool_], IntArray]:
        """Inputs (n, length), the positions whose state predicts (n, length), and what they predict.

        The targets are in the positions' row-major order.
        """
        if self.kind == "causal":
            predicting = np.ones(blocks.shape, bool)
            predicting[:, -1] = False
            return blocks, predicting, blocks[:, 1:].reshape(-1)
        inputs, hidden = mask_blocks(
            blocks,
            self.mask_share,
            self.special["mask_token_id"],
            frozenset(self.special.values()),
            n_tokens,
            random,
        )
        return inputs, hidden, blocks[hidden]


def predicting_states(model: Any, inputs: IntArray, predicting: NDArray[np.bool_]) -> Any:
    """Hidden states of the positions that predict, (n_predictions, hidden)."""
    import torch

    ids = torch.from_numpy(inputs)
    states = model.base_model(input_ids=ids, return_dict=False)[0]
    return states[torch.from_numpy(predicting)]


def block_losses(model: Any, task: Task, blocks: IntArray) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum of the losses (nats) and number of predictions of each block, (n_blocks,) both.

    What is hidden from a masked model follows from the block alone: the same text has the same figure
    each time.
    """
    import torch

    prepared = [
        task.prepare(row[None], model.config.vocab_size, np.random.default_rng(zlib.crc32(row.tobytes())))
        for row in blocks
    ]
    inputs, predicting, targets = (np.concatenate(parts) for parts in zip(*prepared, strict=True))
    with torch.inference_mode():
        states = predicting_states(model, inputs, predicting)
        wanted = torch.from_numpy(targets)
        losses = torch.cat(
            [
                torch.nn.functional.cross_entropy(
                    model.lm_head(states[i : i + HEAD_CHUNK]), wanted[i : i + HEAD_CHUNK], reduction="none"
                )
                for i in range(0, len(wanted), HEAD_CHUNK)
            ]
        ).numpy()
    counts = predicting.sum(axis=1).astype(np.int64)
    of_block = np.repeat(np.arange(len(blocks)), counts)
    sums = np.bincount(of_block, losses, minlength=len(blocks)).astype(np.float64)
    return sums, counts
