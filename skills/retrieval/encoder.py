"""Texts to sentence embeddings. Knows neither documents nor indexes.

all-MiniLM-L6-v2 (Reimers & Gurevych 2019, arXiv 1908.10084) compiled by ``skills.compiled``:
mean pooling and the division by the length are inside the graph. The tokenizer's state is set
once and never again, so threads share it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component
from numpy.typing import NDArray

from skills.checkpoints import checkpoint_folder, source_hashes
from skills.compiled import DEFAULT_CACHE, Precision, compile_checkpoint
from skills.dialog import Progress
from skills.errors import parameter_names, refuse_unknown, whole_number
from skills.runtime import OnnxModel, by_length, encodable, load_tokenizer, side_by_side

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]

#: From so many forward passes on they are made at the same time.
_MANY_PASSES = 8


class OnnxEncoder:
    """A compiled sentence encoder on ONNX Runtime; safe to call from several threads.

    Args:
        onnx_file: made by ``skills.compiled`` with the head ``encoder``.
        tokenizer_file: the checkpoint's ``tokenizer.json``.
        name: tells this encoder's vectors from those of another.
        max_seq_length: tokens of a text that are read, special tokens included.
        max_batch_tokens: padded tokens in one forward pass. More than a few hundred no longer
            fit the caches and are slower than one after the other.
        n_threads: of one forward pass; of many, passes at the same time, each in one thread.
            Threads within a pass wait for each other at each of its steps: a long document took a
            quarter more of the processor and, on a busy machine, a third more time.

    Attributes:
        name: as given.
        n_dimensions: length of a vector.

    Raises:
        DamagedCheckpoint: if a file is not what it should be.
    """

    def __init__(
        self,
        onnx_file: Path,
        tokenizer_file: Path,
        name: str,
        max_seq_length: int = 256,
        max_batch_tokens: int = 512,
        n_threads: int = 2,
    ) -> None:
        self._tokenizer = load_tokenizer(tokenizer_file)
        self._tokenizer.enable_truncation(max_seq_length)
        self._onnx_file = onnx_file
        self._model = OnnxModel(onnx_file, n_threads)
        self._n_threads = n_threads
        self._max_batch_tokens = max_batch_tokens
        self.name = name
        self.n_dimensions = int(self._model.n_dimensions)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> FloatArray:
        """Embeddings of texts, of length 1.

        Args:
            texts: each read up to ``max_seq_length`` tokens; "" has an embedding too.
            progress: told the share of the texts that is done, in this thread. What it raises
                ends the work and is passed on.

        Returns:
            float32, shape (n_texts, n_dimensions), in the order of ``texts``.
        """
        # one by one: batch encoding starts a thread pool that does not survive a fork
        ids = [self._tokenizer.encode(encodable(text)).ids for text in texts]
        vectors = np.empty((len(ids), self.n_dimensions), dtype=np.float32)
        groups = by_length([len(i) for i in ids], self._max_batch_tokens)
        n_done = 0
        with closing(self._passes([[ids[i] for i in group] for group in groups])) as passes:
            for group, found in zip(groups, passes, strict=True):
                vectors[group] = found
                n_done += len(group)
                if progress is not None:
                    progress(n_done / len(ids))
        return vectors

    def _passes(self, batches: Sequence[Sequence[Sequence[int]]]) -> Generator[FloatArray, None, None]:
        """The vectors of each batch, in order."""
        if len(batches) < _MANY_PASSES or self._n_threads == 1:
            for batch in batches:
                yield self._forward(self._model, batch)
            return
        # the weights are mapped from the same file; loading takes a tenth of a second
        model = OnnxModel(self._onnx_file, n_threads=1)
        pool = ThreadPoolExecutor(self._n_threads, thread_name_prefix="encoder")
        try:
            yield from pool.map(partial(self._forward, model), batches)
        finally:  # also where the caller gives up: what was not begun is not done
            pool.shutdown(cancel_futures=True)

    @staticmethod
    def _forward(model: OnnxModel, ids: Sequence[Sequence[int]]) -> FloatArray:
        input_ids, attention_mask = side_by_side(ids)
        given = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_type_ids": np.zeros_like(input_ids),
        }
        (vectors,) = model(given)
        return np.asarray(vectors, dtype=np.float32)


@register("sentence_encoder")
class SentenceEncoder(Component):
    """DeepPavlov's face of :class:`OnnxEncoder`: ``sentence_encoder(texts) -> embeddings``.

    Args:
        checkpoint: name or folder of the encoder (``skills.checkpoints``).
        precision: ``auto``, ``int8`` or ``fp32``. int8 even where it is not faster: an embedding
            loses nothing that a search would notice, and it takes a quarter of the memory.
        max_seq_length, max_batch_tokens, n_threads: see :class:`OnnxEncoder`.
        cache_path: where compiled models are kept.

    Attributes:
        name: a hash of the weights, so that a shelf knows whose vectors it holds. The precision has no
            part in it: int8 and fp32 vectors of a text have a cosine of 0.994 and find the same.
        n_dimensions: length of a vector.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
        CheckpointError: if weights are missing or damaged.
    """

    def __init__(
        self,
        checkpoint: str = "all-MiniLM-L6-v2",
        precision: Precision = "int8",
        max_seq_length: int = 256,
        max_batch_tokens: int = 512,
        n_threads: int = 2,
        cache_path: str = DEFAULT_CACHE,
        **kwargs: Any,
    ) -> None:
        refuse_unknown("sentence_encoder", kwargs, parameter_names(type(self).__init__))
        max_seq_length = whole_number("sentence_encoder: max_seq_length", max_seq_length, 8, 100_000)
        max_batch_tokens = whole_number("sentence_encoder: max_batch_tokens", max_batch_tokens, 1, 10_000_000)
        n_threads = whole_number("sentence_encoder: n_threads", n_threads, 1, 512)
        tokenizer_file = checkpoint_folder(checkpoint, verify=False) / "tokenizer.json"
        onnx_file = compile_checkpoint(
            checkpoint, "encoder", precision=precision, cache_path=cache_path, announce=log.warning
        )
        self.name = _name(checkpoint, max_seq_length)
        self._encoder = OnnxEncoder(
            onnx_file, tokenizer_file, self.name, max_seq_length, max_batch_tokens, n_threads
        )
        self.n_dimensions = self._encoder.n_dimensions

    def __call__(self, texts: Sequence[str]) -> list[FloatArray]:
        """Embeddings of texts, each float32 of shape (n_dimensions,)."""
        return list(self.encode(texts))

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> FloatArray:
        """Embeddings of texts, float32, shape (n_texts, n_dimensions); see :meth:`OnnxEncoder.encode`."""
        return self._encoder.encode(texts, progress)


def _name(checkpoint: str, max_seq_length: int) -> str:
    digest = hashlib.sha256(str(max_seq_length).encode())
    for file, sha256 in sorted(source_hashes(checkpoint).items()):
        digest.update(f"{file}={sha256}".encode())
    return digest.hexdigest()[:16]
