"""Which tokens of a training text are hidden. Token ids in, token ids out; pure numpy.

Half of the texts are masked at random places (Devlin et al. 2019, arXiv 1810.04805), the
others lose their end: a run of masks stands at a random place and nothing after it, which is
what the model sees when it writes.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Masking:
    """How texts are masked for training.

    Attributes:
        continuation: share of the texts that lose their end, in [0, 1].
        run_tokens: longest run of masks at the end of such a text.
        random_rate: share of the tokens masked in the others, in (0, 1).
        prefix_rate: share of the tokens masked before a run, in [0, 1).
        keep: of the tokens chosen at random places, share that is shown as it is.
        swap: of them, share that is shown as another token.
    """

    continuation: float = 0.5
    run_tokens: int = 6
    random_rate: float = 0.3
    prefix_rate: float = 0.15
    keep: float = 0.05
    swap: float = 0.05


@dataclass(frozen=True)
class Masked:
    """A masked text.

    Attributes:
        input_ids: what the model sees, special tokens included, shape (length,).
        positions: places that it must fill, shape (n,), rising.
        targets: what stood there, shape (n,).
    """

    input_ids: IntArray
    positions: IntArray
    targets: IntArray


def mask_text(
    ids: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    mask_id: int,
    stops: Set[int],
    vocabulary: IntArray,
    masking: Masking,
    random: Random,
) -> Masked:
    """Hide a part of one text.

    Args:
        ids: the text's tokens, at least one, without special tokens.
        before: special tokens that begin an input.
        after: special tokens that end one.
        mask_id: the tokenizer's.
        stops: tokens that end a sentence; a run goes past none.
        vocabulary: tokens that a swapped one is drawn from.
        masking: how.
        random: makes every choice.
    """
    shown = np.asarray(ids, dtype=np.int64).copy()
    hidden: set[int] = set()
    if random.random() < masking.continuation and len(shown) > 1:
        first = random.randrange(1, len(shown))
        stop = min(first + random.randint(1, masking.run_tokens), len(shown))
        stop = next((i + 1 for i in range(first, stop) if int(shown[i]) in stops), stop)
        shown = shown[:stop]
        hidden.update(range(first, stop))
        free, rate = first, masking.prefix_rate
    else:
        free, rate = len(shown), masking.random_rate
    original = shown.copy()
    shown[sorted(hidden)] = mask_id
    count = round(rate * free) if hidden else max(1, round(rate * free))
    for place in random.sample(range(free), min(count, free)):
        hidden.add(place)
        draw = random.random()
        if draw >= masking.keep + masking.swap:
            shown[place] = mask_id
        elif draw >= masking.keep:
            shown[place] = vocabulary[random.randrange(len(vocabulary))]
    positions = np.array(sorted(hidden), dtype=np.int64)
    whole = np.concatenate([before, shown, after]).astype(np.int64)
    return Masked(whole, positions + len(before), original[positions])


def log_softmax(logits: FloatArray) -> FloatArray:
    """Log-probabilities over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result
