"""Batches for training: of similar length, in an order that follows a random generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeVar

Example = TypeVar("Example")


def pooled_batches(
    examples: list[Example], batch_size: int, pool: int, random: Random, length: Callable[[Example], int]
) -> Iterator[tuple[Any, ...]]:
    """Shuffle examples, sort them by length within pools, and yield the pools' batches in random order.

    Args:
        examples: of one epoch; shuffled in place.
        batch_size: examples of a batch; the last one may have fewer.
        pool: how many batches are sorted by length together.
        random: of every choice.
        length: of an example, in whatever costs.

    Yields:
        batches as DeepPavlov's iterators give them: a tuple for each part of the examples.
    """
    random.shuffle(examples)
    width = batch_size * pool
    for first in range(0, len(examples), width):
        near = sorted(examples[first : first + width], key=length)
        batches = [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
        random.shuffle(batches)
        for batch in batches:
            yield tuple(zip(*batch, strict=True))
