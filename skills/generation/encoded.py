"""A text as tokens, some of which are to be learnt. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Encoded:
    """Tokens of a text.

    Attributes:
        input_ids: shape (length,).
        targets: positions of tokens that are predicted from those before them, ascending.
    """

    input_ids: IntArray
    targets: IntArray
