"""The compiled span-extraction model: windows in, logits out. Knows nothing of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from skills.qa.spans import FloatArray, WindowLogits
from skills.qa.windows import Window, collate
from skills.runtime import IntArray, OnnxModel, by_length


class SpanModel(Protocol):
    """Start and end logits of padded windows; all shapes (n_windows, length)."""

    def __call__(
        self, input_ids: IntArray, attention_mask: IntArray, token_type_ids: IntArray
    ) -> tuple[FloatArray, FloatArray]: ...


class OnnxSpanModel:
    """A compiled model with the head ``span``; safe to call from several threads.

    Args:
        onnx_file: made by ``skills.compiled``.
        n_threads: threads of one forward pass.

    Raises:
        DamagedCheckpoint: if the file is not a model.
    """

    def __init__(self, onnx_file: Path, n_threads: int = 2) -> None:
        self._model = OnnxModel(onnx_file, n_threads)

    def __call__(
        self, input_ids: IntArray, attention_mask: IntArray, token_type_ids: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Logits of padded windows."""
        start, end = self._model(
            {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        )
        return start, end


def window_logits(model: SpanModel, windows: Sequence[Window], max_batch_tokens: int) -> list[WindowLogits]:
    """Run windows through the model in batches of similar length.

    Args:
        model: gives the logits.
        windows: of any questions and contexts.
        max_batch_tokens: padded tokens in a batch at the most.

    Returns:
        the logits of each window's context tokens, in the order of ``windows``.
    """
    found: dict[int, WindowLogits] = {}
    for group in by_length([len(w.input_ids) for w in windows], max_batch_tokens):
        start, end = model(*collate([windows[i] for i in group]))
        for row, index in enumerate(group):
            window = windows[index]
            inside = slice(window.context_start, window.context_start + len(window.offsets))
            null_score = float(start[row, 0] + end[row, 0])
            found[index] = WindowLogits(
                np.asarray(start[row, inside]), np.asarray(end[row, inside]), null_score, window.offsets
            )
    return [found[i] for i in range(len(windows))]
