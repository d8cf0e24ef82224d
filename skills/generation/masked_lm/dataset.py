"""Plain text to the pieces that a masked language model learns from.

A line of a text is a document, whose sentences belong together. Documents are cut into pieces of
whole sentences that fill a model's input, and pieces of similar length come together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deeppavlov.core.data.data_learning_iterator import DataLearningIterator

from skills.batching import PooledBatches, seed_of, spread
from skills.checkpoints import checkpoint_folder
from skills.generation.masked_lm.vocabulary import Vocabulary
from skills.retrieval.sentences import sentences

Example = tuple[str, str]


class SentenceIterator(PooledBatches, DataLearningIterator):
    """Pieces of whole sentences that fill a model's input.

    Args:
        data: what the reader gave.
        checkpoint: name or folder whose tokenizer counts.
        max_seq_length: tokens of a piece; a sentence with more is a piece of its own, cut there.
        n_valid: pieces to validate on at most.
        seed: of every random choice.
        pool: how many batches are sorted by length together.
    """

    def __init__(
        self,
        data: dict[str, list[Example]],
        checkpoint: str,
        max_seq_length: int | str = 64,
        n_valid: int | str = 120,
        seed: int | str | None = None,
        pool: int = 50,
        **kwargs: Any,
    ) -> None:
        self.vocabulary = Vocabulary(checkpoint_folder(checkpoint, verify=False) / "tokenizer.json")
        self.max_seq_length = int(max_seq_length)  # a variable from the environment is a string
        self.seed = seed_of(seed)
        self.pool = pool
        pieces = {
            kind: [(p, "") for text, _ in texts for line in text.splitlines() for p in self._pieces(line)]
            for kind, texts in data.items()
        }
        pieces["valid"] = list(spread(pieces.get("valid", []), int(n_valid)))
        super().__init__(pieces, seed, **kwargs)

    def length_of(self, example: Example) -> int:
        """Characters of a piece."""
        return len(example[0])

    def n_batches(self, batch_size: int) -> int:
        """How many batches an epoch of training has."""
        return -(-len(self.train) // batch_size)

    def _pieces(self, document: str) -> Iterator[str]:
        """Neighbouring sentences, as many as fit in ``max_seq_length`` tokens."""
        begin = end = room = 0
        for start, stop in sentences(document):
            length = len(self.vocabulary.encode(document[start:stop]))
            if length > room and end > begin:
                yield document[begin:end]
                begin, room = start, self.max_seq_length
            elif end == begin:
                begin, room = start, self.max_seq_length
            end, room = stop, room - length
        if end > begin:
            yield document[begin:end]
