"""Logits to spans, in plain numpy.

Knows nothing of tokenizers or models: windows' logits and offsets in, ranked answers out.
The scoring is that of BERT's SQuAD 2.0 baseline (Devlin et al. 2019, arXiv 1810.04805,
section 4.3; transformers' ``utils_qa.py`` is its reference in code): a span scores the sum
of its start and end logits, "no answer" the sum at the first token, and over several
windows the null score is the smallest, since one window that holds the answer is enough.
Where we differ: spans are enumerated exactly, not from the n best starts and ends alone, the same
characters found by two overlapping windows count once, and whether there is an answer at all is told
by all spans together, not by the best one (Clark and Gardner 2018, arXiv 1710.10723, train their
no-answer option with such sums): a reader that wavers between two places still believes in an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class WindowLogits:
    """What the model said of one window.

    Attributes:
        start_logits: of the window's context tokens, shape (n_context,).
        end_logits: likewise.
        null_score: start plus end logit of the first token (``[CLS]``).
        offsets: characters of each context token in the whole context, shape (n_context, 2).
    """

    start_logits: FloatArray
    end_logits: FloatArray
    null_score: float
    offsets: IntArray


@dataclass(frozen=True)
class Span:
    """A candidate answer: characters ``start`` to ``end`` of the context, and its logit score."""

    start: int
    end: int
    score: float


@dataclass(frozen=True)
class SpanPrediction:
    """What was found in one context.

    Attributes:
        spans: the best ones, best first.
        null_score: of there being none.
        odds: natural logarithm of the odds that there is an answer, wherever it starts and wherever it
            ends: the sum of the two.
    """

    spans: tuple[Span, ...]
    null_score: float
    odds: float

    @property
    def margin(self) -> float:
        """Best span's score less the null score; above zero the model believes in an answer."""
        return self.spans[0].score - self.null_score if self.spans else float("-inf")


def best_spans(
    windows: Sequence[WindowLogits], n_best_size: int = 5, max_answer_length: int = 30
) -> SpanPrediction:
    """Find the best spans over all windows of one context.

    Args:
        windows: the windows' logits; none gives no span and a null score of zero.
        n_best_size: how many spans to return at the most, at least 1.
        max_answer_length: tokens in a span at the most, at least 1.

    Returns:
        spans sorted by falling score; equal scores by start, then by end.
    """
    null_score = min((float(w.null_score) for w in windows), default=0.0)
    found = [_window_spans(window, n_best_size, max_answer_length) for window in windows]
    best: dict[tuple[int, int], Span] = {}
    if found:
        starts, ends, scores = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.lexsort((ends, starts, -scores))
        for start, end, score in zip(*(c[order].tolist() for c in (starts, ends, scores)), strict=True):
            if len(best) == n_best_size:
                break
            best.setdefault((start, end), Span(start, end, score))
    return SpanPrediction(tuple(best.values()), null_score, max(map(_odds, windows), default=float("-inf")))


def _odds(window: WindowLogits) -> float:
    """The logarithm of Σ exp(start) · Σ exp(end) over the context, less that of the first token."""
    masses = (
        np.logaddexp.reduce(logits, dtype=np.float64) for logits in (window.start_logits, window.end_logits)
    )
    return float(sum(masses)) - window.null_score


def _window_spans(
    window: WindowLogits, n_best_size: int, max_answer_length: int
) -> tuple[IntArray, IntArray, FloatArray]:
    """The best spans of one window: first characters, one past the last, scores; in no order."""
    n = len(window.start_logits)
    if n == 0:
        return window.offsets[:0, 0], window.offsets[:0, 1], np.zeros(0, dtype=np.float32)
    width = min(max_answer_length, n)
    starts = np.asarray(window.start_logits, dtype=np.float32)
    ends = np.full(n + width - 1, -np.inf, dtype=np.float32)
    ends[:n] = window.end_logits
    # a token without characters (some tokenizers make them) is no edge of a span
    empty = window.offsets[:, 0] >= window.offsets[:, 1]
    if empty.any():
        starts, ends[:n] = np.where(empty, -np.inf, starts), np.where(empty, -np.inf, ends[:n])
    # scores[i, k] is the span that starts at token i and ends at token i + k: row i sees ends[i : i + width]
    step = ends.itemsize
    scores = starts[:, None] + np.ndarray((n, width), ends.dtype, ends, strides=(step, step))
    flat = scores.ravel()
    # byte-level tokenizers can give two tokens the same characters: look a little further
    wanted = 4 * n_best_size
    # as many starts have a span with at least this score, so all of the best spans have it, too
    least = np.partition(scores.max(1), n - wanted)[n - wanted] if n > wanted else -np.inf
    top = np.flatnonzero(flat >= max(least, np.finfo(flat.dtype).min))
    if top.size > 4 * wanted:
        top = top[np.argpartition(flat[top], top.size - wanted)[top.size - wanted :]]
    first, length = np.divmod(top, width)
    return window.offsets[first, 0], window.offsets[first + length, 1], flat[top]
