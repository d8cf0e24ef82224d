"""What reading and searching run on: a compiled model, a tokenizer, batches of similar length.

Shared by the reader and the sentence encoder; knows neither spans nor embeddings. A file that two
components name, in one pipeline or in two, is in memory once for as long as one of them lives.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from skills.errors import DamagedCheckpoint, whole_number

IntArray = NDArray[np.int64]

#: What is loaded, by file and threads; an entry goes when nobody holds its session any more.
_SESSIONS: weakref.WeakValueDictionary[tuple[Path, int], Any] = weakref.WeakValueDictionary()
_LOADING = threading.Lock()


class OnnxModel:
    """A compiled model on ONNX Runtime; safe to call from several threads.

    Args:
        onnx_file: made by ``skills.compiled``; its name tells its content, so that what was
            loaded from it before is taken where it is still in use.
        n_threads: threads of one forward pass.

    Raises:
        ConfigurationError: if ``n_threads`` is no whole number, or one as a text.
        DamagedCheckpoint: if the file is not a model.
    """

    def __init__(self, onnx_file: Path, n_threads: int | str = 2) -> None:
        n_threads = whole_number("n_threads", n_threads, 1, 512)
        with _LOADING:
            key = (onnx_file.resolve(), n_threads)
            self._session = _SESSIONS.get(key) or _load_session(onnx_file, n_threads)
            _SESSIONS[key] = self._session
        self._inputs = [i.name for i in self._session.get_inputs()]
        #: Size of the last dimension of the first output, where it is fixed.
        self.n_dimensions: Any = self._session.get_outputs()[0].shape[-1]

    def __call__(self, inputs: Mapping[str, IntArray]) -> list[Any]:
        """All outputs, in the model's order; inputs that the model does not take are left out."""
        outputs: list[Any] = self._session.run(None, {name: inputs[name] for name in self._inputs})
        return outputs


def _load_session(onnx_file: Path, n_threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 3
    # inputs come in every length: keeping a memory plan for each only costs memory
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's exceptions have no public root
        raise DamagedCheckpoint(f"{onnx_file} is not a compiled model: {error}") from error


def encodable(text: str) -> str:
    """A text as long as the given one in which "?" stands for lone surrogates.

    Python strings may hold them (JSON brings them in), libraries that want UTF-8 refuse them.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def load_tokenizer(file: Path) -> Tokenizer:
    """A tokenizer that neither pads nor truncates.

    Its state must not change afterwards: fast tokenizers refuse to be changed while another
    thread uses them.

    Raises:
        DamagedCheckpoint: if the file is not a ``tokenizer.json``.
    """
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception
        raise DamagedCheckpoint(f"{file} is not a tokenizer file: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def side_by_side(
    texts: Sequence[Sequence[int] | IntArray], multiple_of: int = 1
) -> tuple[IntArray, IntArray]:
    """Token ids of several texts as one batch.

    A text is filled up with its own last token, as a rule the one that ends every text. No other token sees
    it, but a scale of 8-bit integers is for all of them, and what a model makes of the padding token is like
    nothing else: with it, batches of eight cost MiniLM's logits 0.076, like this 0.058, as much as texts read
    one at a time (root of the mean square, 96 questions).

    Args:
        texts: at least one, none empty.
        multiple_of: the length is rounded up to a multiple of this.

    Returns:
        input_ids and attention_mask, each of shape (n_texts, length).
    """
    length = -(-max(len(text) for text in texts) // multiple_of) * multiple_of
    input_ids = np.empty((len(texts), length), dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    for row, text in enumerate(texts):
        input_ids[row, : len(text)] = text
        input_ids[row, len(text) :] = text[-1]
        attention_mask[row, : len(text)] = 1
    return input_ids, attention_mask


def by_length(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Group inputs of similar length so that no batch holds more than ``max_tokens`` padded tokens.

    Args:
        lengths: tokens of each input.
        max_tokens: of a batch. On two cores more than a few hundred no longer fit the caches and
            are slower than one after the other.

    Returns:
        lists of indices into ``lengths``; an input longer than ``max_tokens`` is alone.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if groups and lengths[index] * (len(groups[-1]) + 1) <= max_tokens:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
