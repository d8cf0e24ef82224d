"""8-bit weights whose sums of two products fit into 16 bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skills.pair_sums import pair_scales

WEIGHTS = arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 4)),
    elements=st.floats(-8, 8, width=32),
)


@given(WEIGHTS)
def test_no_two_neighbours_are_more_than_16_bits_hold(weight: np.ndarray) -> None:
    steps = np.abs(np.rint(weight / pair_scales(weight))).astype(int)
    padded = np.pad(steps, ((0, len(steps) % 2), (0, 0)))
    assert steps.max() <= 127
    assert (255 * (padded[::2] + padded[1::2])).max() <= 32767


@pytest.mark.parametrize(
    ("column", "step"),
    [([1.0, 0, 0, 0.5], 1 / 127), ([1.0, 0.5, 0, 0], 1.5 / 127), ([0, 0, -1.0], 1 / 127)],
)
def test_only_neighbours_share(column: list[float], step: float) -> None:
    assert pair_scales(np.array([column], np.float32).T) == pytest.approx([step])
