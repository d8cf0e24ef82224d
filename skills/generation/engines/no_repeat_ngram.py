"""No run of tokens twice, as transformers' processor of that name has it, but for a chat's template.

The library's own counts what the template writes before and after every message: it forbids a reply
the first word of an earlier one, and its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class NoRepeatNGram:
    """A logits processor of transformers.

    Args:
        size: no run of so many tokens comes twice.
        begin: position of the first token that belongs to a new run: in a chat, the reply's first.
        never: tokens that are never forbidden: the end, and what only templates write.
    """

    def __init__(self, size: int, begin: int, never: frozenset[int]) -> None:
        self.size = size
        self.begin = begin
        self.never = never

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """input_ids [rows, length], scores [rows, vocabulary] -> scores, -inf where forbidden."""
        scores = scores.clone()
        for row, ids in enumerate(input_ids.tolist()):
            scores[row, sorted(self.forbidden(ids))] = -float("inf")
        return scores

    def forbidden(self, ids: Sequence[int]) -> set[int]:
        """The tokens that would complete a run that stands in ``ids`` already."""
        n_before = self.size - 1
        if len(ids) - self.begin < n_before:
            return set()
        run = ids[len(ids) - n_before :]
        places = range(len(ids) - n_before)
        return {ids[at + n_before] for at in places if ids[at : at + n_before] == run} - self.never
