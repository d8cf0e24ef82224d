"""Texts to learn writing mask by mask from, and the scores of what was learnt."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skills.generation.masked_lm.masking import Masking, mask_text
from skills.generation.masked_lm.scoring import masked_accuracy, pseudo_perplexity


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0, 1))
def test_masked_training_texts_can_be_put_together_again(seed: int, n: int, continuation: float) -> None:
    ids = [6 + (i * 7) % 8 for i in range(n)]
    masked = mask_text(
        ids, (2,), (3,), 4, {12, 13}, np.arange(6, 18), Masking(continuation=continuation), Random(seed)
    )
    assert len(masked.positions) >= 1
    assert (masked.input_ids[0], masked.input_ids[-1]) == (2, 3)
    whole = masked.input_ids.copy()
    whole[masked.positions] = masked.targets
    assert list(whole[1:-1]) == ids[: len(whole) - 2]


def test_scores() -> None:
    assert masked_accuracy([[1, 0], [1, 1]]) == 0.75
    assert pseudo_perplexity([[np.log(0.5)], [np.log(0.125)]]) == pytest.approx(4.0)
