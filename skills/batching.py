"""Batches for training: of similar length, in an order that follows a random generator.

Knows nothing of what an example is; iterators of DeepPavlov's kind are made of :class:`PooledBatches`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, TypeVar

from skills.errors import whole_number

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


class PooledBatches:
    """Put before a ``DataLearningIterator`` among the bases: training batches of similar length.

    An epoch's examples and their order follow its number, so that a training goes on after a stop as
    if it had not been. Other data comes in the base's order.

    Attributes:
        seed: of every random choice.
        pool: how many batches are sorted by length together.
        epoch: whose batches are drawn next; the trainer counts it up.
    """

    seed: int
    pool: int
    epoch: int = 0
    train: list[Any]

    def epoch_examples(self, random: Random) -> list[Any]:
        """Examples of one epoch; an iterator that draws some anew says so here."""
        return list(self.train)

    def length_of(self, example: Any) -> int:
        """Length of an example in whatever costs."""
        raise NotImplementedError

    def gen_batches(
        self, batch_size: int, data_type: str = "train", shuffle: bool | None = None
    ) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Yield (inputs, targets) batches."""
        if data_type != "train" or shuffle is False:
            base: Any = super()
            yield from base.gen_batches(batch_size, data_type, shuffle=False)
            return
        random = Random(f"{self.seed}:{self.epoch}")  # noqa: S311
        yield from pooled_batches(self.epoch_examples(random), batch_size, self.pool, random, self.length_of)


def seed_of(value: int | str | None) -> int:
    """A seed from a config, where the environment makes every variable a text; 0 for none.

    Raises:
        ConfigurationError: if it is no whole number from 0 to 4,294,967,295.
    """
    return 0 if value is None else whole_number("seed", value, 0, 2**32 - 1)


def spread(items: Sequence[Example], n: int) -> Sequence[Example]:
    """At most ``n`` items, evenly from the whole."""
    return items[:: max(1, len(items) // max(1, n))][:n]
