"""Perplexity, as a DeepPavlov metric."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def perplexity(perplexities: Sequence[float], n_predictions: Sequence[int]) -> float:
    """Perplexity of several texts together: exp of the mean loss over all predictions.

    Args:
        perplexities: of each text.
        n_predictions: tokens predicted in each.

    Returns:
        At least 1; lower is better. A perplexity of 50 is the uncertainty of one choice among 50.
    """
    return float(np.exp(np.average(np.log(perplexities), weights=n_predictions)))
