"""How well a masked language model knows a text: hidden tokens named, each token's probability.

Token ids in, numbers out, over any model that gives logits at chosen places.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from random import Random
from typing import Protocol

import numpy as np

from skills.generation.masked_lm.masking import FloatArray, IntArray, Masking, log_softmax, mask_text
from skills.generation.masked_lm.vocabulary import Vocabulary
from skills.runtime import by_length, side_by_side

#: Devlin et al. 2019's share of hidden tokens, all of them shown as masks.
HIDDEN = Masking(continuation=0.0, random_rate=0.15, keep=0.0, swap=0.0)


class MaskedModel(Protocol):
    """Logits at chosen places of padded inputs.

    input_ids, attention_mask: shape (b, s); rows, columns: shape (n,); result: (n, vocabulary).
    """

    def __call__(
        self, input_ids: IntArray, attention_mask: IntArray, rows: IntArray, columns: IntArray
    ) -> FloatArray: ...


def named_tokens(model: MaskedModel, vocabulary: Vocabulary, ids: Sequence[int]) -> list[int]:
    """1 for each hidden token that the model names, 0 for the others.

    15% of the tokens are hidden at once, always the same of a text.
    """
    if not ids:
        return []
    random = Random(zlib.crc32(np.asarray(ids, dtype=np.int64).tobytes()))  # noqa: S311
    masked = mask_text(
        ids, vocabulary.before, vocabulary.after, vocabulary.mask_id, set(), vocabulary.ordinary_ids(),
        HIDDEN, random,
    )  # fmt: skip
    rows = np.zeros_like(masked.positions)
    logits = model(*side_by_side([masked.input_ids]), rows, masked.positions)
    return [int(hit) for hit in logits.argmax(-1) == masked.targets]


def pseudo_log_probabilities(
    model: MaskedModel,
    vocabulary: Vocabulary,
    ids: Sequence[int],
    n_scored: int = 0,
    max_batch_tokens: int = 512,
) -> list[float]:
    """Log-probability of each token given all others (Salazar et al. 2020, arXiv 1910.14659).

    Args:
        model: gives the logits.
        vocabulary: its tokens.
        ids: of a text, without special tokens.
        n_scored: how many tokens are scored, evenly spread; 0 is all.
        max_batch_tokens: padded tokens in one forward pass.
    """
    places = range(len(ids)) if not n_scored else range(0, len(ids), max(1, len(ids) // n_scored))
    inputs = []
    for place in places:
        shown = [*ids[:place], vocabulary.mask_id, *ids[place + 1 :]]
        inputs.append(np.array([*vocabulary.before, *shown, *vocabulary.after], dtype=np.int64))
    found: list[float] = [0.0] * len(inputs)
    for group in by_length([len(i) for i in inputs], max_batch_tokens):
        columns = np.array([places[i] + len(vocabulary.before) for i in group], dtype=np.int64)
        batch = side_by_side([inputs[i] for i in group])
        logs = log_softmax(model(*batch, np.arange(len(group)), columns))
        for row, index in enumerate(group):
            found[index] = float(logs[row, ids[places[index]]])
    return found


def masked_accuracy(hits: Sequence[Sequence[int]]) -> float:
    """Metric: share of the hidden tokens that were named, in [0, 1]."""
    every = [hit for text in hits for hit in text]
    return sum(every) / max(1, len(every))


def pseudo_perplexity(log_probabilities: Sequence[Sequence[float]]) -> float:
    """Metric: exponential of the mean negative pseudo-log-probability of a token; at least 1."""
    every = [value for text in log_probabilities for value in text]
    return math.exp(-sum(every) / max(1, len(every)))
