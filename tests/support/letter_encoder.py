"""A sentence encoder without weights: letters in, vectors out, always the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skills.dialog import Progress


class LetterEncoder:
    """Texts that share three-letter stretches have similar vectors.

    Attributes:
        n_encoded: texts that were encoded so far.
    """

    def __init__(self, name: str = "letters", n_dimensions: int = 64) -> None:
        self.name = name
        self.n_dimensions = n_dimensions
        self.n_encoded = 0

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Any:
        """Vectors of length 1, shape (n_texts, n_dimensions)."""
        vectors = np.full((len(texts), self.n_dimensions), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for i in range(len(text) - 2):
                code = sum(ord(c.lower()) * 31**n for n, c in enumerate(text[i : i + 3]))
                vectors[row, code % self.n_dimensions] += 1.0
            if progress is not None:
                progress((row + 1) / len(texts))
        self.n_encoded += len(texts)
        vectors -= vectors.mean(axis=1, keepdims=True) * 0.5
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
