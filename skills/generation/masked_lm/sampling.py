"""From the logits of one place to a token: penalties, filters, the draw. Pure numpy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from skills.generation.decoding import Decoding
from skills.generation.masked_lm.masking import FloatArray


def distribution(logits: FloatArray, decoding: Decoding, repeated: Iterable[int] = ()) -> FloatArray:
    """Probabilities from which a token is drawn.

    Args:
        logits: shape (vocabulary,); -inf where a token may not stand, finite somewhere.
        decoding: temperature, top_k, top_p and repetition_penalty of it are used; without
            ``do_sample`` all probability is the likeliest token's.
        repeated: tokens that the penalty is for.

    Returns:
        shape (vocabulary,), sums to 1.
    """
    scores = np.asarray(logits, dtype=np.float64)
    if decoding.repetition_penalty != 1.0:
        scores = scores.copy()
        # the penalty divides, so it asks for scores of one sign: log-probabilities, all below 0
        scores -= _log_sum(scores)
        scores[list(set(repeated))] *= decoding.repetition_penalty
    if not decoding.do_sample:
        greedy = np.zeros(len(scores), dtype=np.float32)
        greedy[int(scores.argmax())] = 1.0
        return greedy
    scores = scores / decoding.temperature
    if decoding.top_k:
        kept = min(decoding.top_k, len(scores))
        scores = np.where(scores < np.partition(scores, -kept)[-kept], -np.inf, scores)
    probabilities = np.exp(scores - _log_sum(scores))
    if decoding.top_p < 1.0:
        order = np.argsort(-probabilities, kind="stable")
        before = np.cumsum(probabilities[order]) - probabilities[order]
        probabilities[order[before >= decoding.top_p]] = 0.0
    result: FloatArray = (probabilities / probabilities.sum()).astype(np.float32)
    return result


def draw(probabilities: FloatArray, random: np.random.Generator) -> int:
    """A token of a distribution, shape (vocabulary,)."""
    cumulative = np.cumsum(probabilities, dtype=np.float64)
    return int(np.searchsorted(cumulative, random.random() * cumulative[-1], side="right"))


def _log_sum(scores: NDArray[np.float64]) -> float:
    top = scores.max()
    return float(top + np.log(np.exp(scores - top).sum()))
