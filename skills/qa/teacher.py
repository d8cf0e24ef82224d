"""A larger reader that teaches a smaller one: its probabilities of where the answer begins and ends.

Knowledge distillation (Hinton et al. 2015, arXiv 1503.02531). Both readers cut a text into the same
words' pieces, with other special tokens around them; positions are matched by their characters.
Only a training run imports this module.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skills.qa.span_model import SpanModel
from skills.qa.spans import FloatArray
from skills.qa.windows import Window, WindowTokenizer, collate

#: A logit that no softmax notices.
NEVER = -1e4


class Teacher:
    """Logits of a larger reader at a smaller one's positions; what was asked before is remembered.

    Args:
        model: the larger reader.
        tokenizer: its own.
        max_batch_tokens: padded tokens of one forward pass.
    """

    def __init__(self, model: SpanModel, tokenizer: WindowTokenizer, max_batch_tokens: int = 2048) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.max_batch_tokens = max_batch_tokens
        self._known: dict[tuple[str, str], list[tuple[Window, FloatArray, FloatArray]]] = {}

    def __call__(
        self, questions: Sequence[str], contexts: Sequence[str], windows: Sequence[Window], length: int
    ) -> tuple[FloatArray, FloatArray]:
        """Start and end logits for the learner's windows.

        Args:
            questions: one for each window.
            contexts: likewise.
            windows: the learner's, of these questions and contexts.
            length: to which the learner pads them.

        Returns:
            two arrays of shape (n_windows, length): the teacher's logits at the first position (no answer)
            and the context's, :data:`NEVER` at all others.
        """
        self._learn(questions, contexts)
        starts = np.full((len(windows), length), NEVER, dtype=np.float32)
        ends = starts.copy()
        for row, (question, context, window) in enumerate(zip(questions, contexts, windows, strict=True)):
            known = self._known[question, context]
            # long contexts have several windows: the one that shares most with the learner's
            theirs, start, end = max(known, key=lambda k: _shared(k[0], window))
            starts[row, 0], ends[row, 0] = start[0], end[0]
            _, mine, other = np.intersect1d(
                window.offsets[:, 0], theirs.offsets[:, 0], return_indices=True, assume_unique=False
            )
            places = window.context_start + mine
            starts[row, places] = start[1 + other]
            ends[row, places] = end[1 + other]
        return starts, ends

    def _learn(self, questions: Sequence[str], contexts: Sequence[str]) -> None:
        """Ask the teacher what it was not asked before."""
        asked = [p for p in dict.fromkeys(zip(questions, contexts, strict=True)) if p not in self._known]
        if not asked:
            return
        windows = self.tokenizer.windows([q for q, _ in asked], [c for _, c in asked])
        longest = max(len(w.input_ids) for w in windows)
        step = max(1, self.max_batch_tokens // longest)
        for first in range(0, len(windows), step):
            group = windows[first : first + step]
            start, end = self.model(*collate(group))
            for window, starts, ends in zip(group, start, end, strict=True):
                inside = slice(window.context_start, window.context_start + len(window.offsets))
                kept = [np.concatenate([a[:1], a[inside]]).astype(np.float16) for a in (starts, ends)]
                self._known.setdefault(asked[window.question], []).append((window, kept[0], kept[1]))


def _shared(theirs: Window, mine: Window) -> int:
    """Characters that two windows of a context share."""
    first = max(theirs.offsets[0, 0], mine.offsets[0, 0])
    last = min(theirs.offsets[-1, 1], mine.offsets[-1, 1])
    return int(last - first)
