"""Which tokens a masked model has to guess. Numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def mask_blocks(
    blocks: IntArray,
    share: float,
    mask_id: int,
    special: frozenset[int],
    n_tokens: int,
    random: np.random.Generator,
) -> tuple[IntArray, BoolArray]:
    """Hide tokens as BERT does (Devlin et al. 2019, arXiv 1810.04805).

    Of the chosen tokens eight in ten become the mask, one in ten another token, and one in ten stays as
    it is. Every block has at least one.

    Args:
        blocks: token ids, (n_blocks, length).
        share: of the tokens that are chosen, in (0, 1).
        mask_id: the mask's id.
        special: ids that are never chosen.
        n_tokens: size of the vocabulary.
        random: source of every choice.

    Returns:
        The blocks as the model sees them, and which tokens it has to guess, both of the shape of
        ``blocks``.
    """
    free = ~np.isin(blocks, list(special))
    draw = np.where(free, random.random(blocks.shape), 2.0)
    chosen = draw < share
    chosen[np.arange(len(blocks)), draw.argmin(axis=1)] = free.any(axis=1)
    chosen &= free
    fate = random.random(blocks.shape)
    seen = np.where(chosen & (fate < 0.8), mask_id, blocks)
    other = random.integers(len(special), n_tokens, blocks.shape)
    return np.where(chosen & (fate >= 0.9), other, seen), chosen
