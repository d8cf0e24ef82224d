"""Texts to batches of equal length without a wasted token: ``packed_text_iterator``.

All texts are written as tokens one after the other, with the end token between them, and cut into
blocks of the model's context. On the first run the tokenizer is learnt; afterwards it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from logging import getLogger
from pathlib import Path
from typing import Any

import numpy as np
from deeppavlov.core.data.data_learning_iterator import DataLearningIterator
from numpy.typing import NDArray
from tokenizers import Tokenizer

from skills.batching import seed_of
from skills.errors import ConfigurationError, refuse_unknown
from skills.generation.language_model.architecture import Architecture, Kind
from skills.generation.language_model.masking import IntArray
from skills.generation.language_model.tokenizer import save_tokenizer, special_ids, train_tokenizer
from skills.generation.text_folder import Example, stretches

#: DeepPavlov's own channel for what a training run tells a person.
log = getLogger("train_report")
#: Characters that are encoded at a time: enough for both cores, little memory.
_PIECE = 20_000


class PackedTextIterator(DataLearningIterator):
    """Batches of blocks for a language model, an epoch's cuts and order after its number.

    Args:
        data: what the reader gave.
        kind: of the model.
        context: tokens of a block.
        vocabulary: most tokens of the tokenizer.
        tokenizer_path: folder of the tokenizer; learnt from the training texts where there is none.
        seed: of every random choice.

    Raises:
        ConfigurationError: if there is too little text for one block, or the folder's tokenizer was
            learnt from other texts or otherwise.
    """

    def __init__(
        self,
        data: dict[str, list[Example]],
        kind: Kind,
        context: int | str,
        vocabulary: int | str,
        tokenizer_path: str,
        seed: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_unknown("packed_text_iterator", kwargs)
        shape = Architecture.from_config(kind=kind, context=context, vocabulary=vocabulary)
        texts = {name: [text for text, _ in data.get(name, [])] for name in ("train", "valid")}
        tokenizer = learnt_tokenizer(texts["train"], shape, Path(tokenizer_path).expanduser())
        self.special = special_ids(tokenizer, shape.kind)
        self.shape = shape
        self.seed = seed_of(seed)
        self.epoch = 0
        self.streams = {
            name: encode(tokenizer, of_name, self.special["eos_token_id"]) for name, of_name in texts.items()
        }
        blocks = {name: pack(stream, shape, self.special) for name, stream in self.streams.items()}
        for name, of_name in blocks.items():
            if not len(of_name):
                raise ConfigurationError(
                    f"language_model: expected at least {shape.context} tokens of {name} text, one block, "
                    f"found {len(self.streams[name])}; add text, or shorten the blocks (DP_CONTEXT)"
                )
        n_train, n_valid = (f"{len(self.streams[name]):,}" for name in ("train", "valid"))
        log.info(f"{n_train} tokens to learn from, {n_valid} held out")
        super().__init__({name: [(b, b) for b in of_name] for name, of_name in blocks.items()}, self.seed)

    def gen_batches(
        self, batch_size: int, data_type: str = "train", shuffle: bool | None = None
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield (blocks, blocks), each (batch_size, context): what is read is what is to be learnt."""
        stream = self.streams[data_type]
        if data_type != "train" or shuffle is False:
            blocks = pack(stream, self.shape, self.special)
            order = np.arange(len(blocks))
        else:
            random = np.random.default_rng([self.seed, self.epoch])
            # cut elsewhere each time, as far as no block is lost
            room = len(stream) - self._n_blocks() * body_length(self.shape)
            blocks = pack(stream[random.integers(room + 1) :], self.shape, self.special)
            order = random.permutation(len(blocks))
        for first in range(0, len(order), batch_size):
            batch = blocks[order[first : first + batch_size]].astype(np.int64)
            yield batch, batch

    def n_batches(self, batch_size: int) -> int:
        """How many batches an epoch of training has."""
        return -(-self._n_blocks() // batch_size)

    def _n_blocks(self) -> int:
        # one less than there is room for, where there are several, so that the cuts can move
        n = len(self.streams["train"]) // body_length(self.shape)
        return n - 1 if n > 1 else n


def learnt_tokenizer(texts: Sequence[str], shape: Architecture, folder: Path) -> Tokenizer:
    """The folder's tokenizer, learnt first where there is none.

    Raises:
        ConfigurationError: if it was learnt from other texts, for another kind or another vocabulary.
    """
    source = {
        "kind": shape.kind,
        "vocabulary": shape.vocabulary,
        "texts": sha256("\0".join(texts).encode()).hexdigest(),
    }
    file, source_file = folder / "tokenizer.json", folder / "tokenizer_source.json"
    if file.is_file():
        former = json.loads(source_file.read_text("utf-8")) if source_file.is_file() else {}
        other = [name for name, value in source.items() if former.get(name) != value]
        if other:
            raise ConfigurationError(
                f"{folder} holds a model with other {' and '.join(other)} than are now asked for; name "
                f"another folder (DP_WORK_PATH) or remove this one"
            )
        return Tokenizer.from_file(str(file))
    log.info(f"Learning a tokenizer of {shape.vocabulary:,} tokens from {sum(map(len, texts)):,} characters")
    pieces = (piece for text in texts for piece in stretches(text, _PIECE))
    tokenizer = train_tokenizer(pieces, shape.kind, shape.vocabulary)
    folder.mkdir(parents=True, exist_ok=True)
    source_file.write_text(json.dumps(source, indent=2) + "\n", "utf-8")
    save_tokenizer(tokenizer, shape.kind, shape.context, folder)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str], end_id: int) -> NDArray[np.uint32]:
    """All texts as one row of token ids, each with the end token after it."""
    rows: list[NDArray[np.uint32]] = []
    end = np.array([end_id], np.uint32)
    for text in texts:
        encoded = tokenizer.encode_batch_fast(stretches(text, _PIECE), add_special_tokens=False)
        rows += [np.array(piece.ids, np.uint32) for piece in encoded]
        rows.append(end)
    return np.concatenate(rows) if rows else np.empty(0, np.uint32)


def body_length(shape: Architecture) -> int:
    """Tokens of text in a block: a masked model's has a token before and one after them."""
    return shape.context - (2 if shape.kind == "masked" else 0)


def pack(stream: NDArray[np.uint32], shape: Architecture, special: dict[str, int]) -> NDArray[np.uint32]:
    """Cut a row of tokens into blocks, (n_blocks, context); what is left over at the end is dropped."""
    length = body_length(shape)
    n = len(stream) // length
    body = stream[: n * length].reshape(n, length)
    if shape.kind == "causal":
        return body
    edge = np.ones((n, 1), np.uint32)
    return np.concatenate([edge * special["bos_token_id"], body, edge * special["eos_token_id"]], axis=1)
