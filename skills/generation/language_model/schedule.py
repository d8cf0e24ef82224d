"""The learning rate in the course of a training. Pure arithmetic."""

from __future__ import annotations

import math


def cosine(share: float, warmup: float, floor: float) -> float:
    """Factor of the peak learning rate: rising evenly, then falling along half a cosine.

    (Loshchilov & Hutter 2017, arXiv 1608.03983, without restarts.)

    Args:
        share: how much of the training is done, in [0, 1]; of its steps or of its time, whichever is
            further.
        warmup: share of the training in which it rises, in [0, 1).
        floor: factor at the end, in [0, 1].

    Returns:
        A factor in (0, 1].
    """
    if share < warmup:
        # the very first step already learns a little
        return max(share / warmup, 0.01)
    through = min(1.0, (share - warmup) / (1 - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * through))
