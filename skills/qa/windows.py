"""Question and context to token windows, and the map back to characters.

Knows the tokenizer's output and nothing of models, configs or documents. The question and
the context are tokenized apart and joined by hand, so no tokenizer state (truncation,
padding) ever changes: that is what makes it safe from several threads, and lets the tokens
of a context be kept for the next question about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
from tokenizers import Encoding

from skills.errors import ConfigurationError
from skills.runtime import IntArray, encodable, load_tokenizer, side_by_side


@dataclass(frozen=True)
class Tokens:
    """A tokenized text.

    Attributes:
        ids: token ids, shape (n,).
        offsets: first and one past the last character of each token in the text, shape (n, 2).
    """

    ids: IntArray
    offsets: IntArray


@dataclass(frozen=True)
class Window:
    """One input of the model: a question and a stretch of its context.

    Attributes:
        question: which (question, context) pair of the batch this window belongs to.
        input_ids: token ids with special tokens, shape (length,).
        token_type_ids: segment of each token, shape (length,).
        context_start: position in ``input_ids`` of the first context token.
        offsets: characters of each context token in the whole context, shape (n_context, 2).
        token_start: index in the context's tokens of the window's first one.
    """

    question: int
    input_ids: IntArray
    token_type_ids: IntArray
    context_start: int
    offsets: IntArray
    token_start: int


@dataclass(frozen=True)
class PairTemplate:
    """How a model joins question and context: ``[CLS] q [SEP] c [SEP]``, ``<s> q </s></s> c </s>``…"""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    context_type_id: int

    @property
    def n_special(self) -> int:
        """Number of special tokens in a pair."""
        return len(self.before) + len(self.between) + len(self.after)


class WindowTokenizer:
    """Makes windows with the tokenizer of a checkpoint.

    Args:
        tokenizer_file: a ``tokenizer.json``.
        max_seq_length: tokens in a window at the most, special tokens included.
        doc_stride: tokens that two neighbouring windows of a context share.
        max_question_length: tokens of the question that are kept, from its start.
        cache_size: how many contexts' tokens are kept for the next question.

    Raises:
        DamagedCheckpoint: if the file is not a tokenizer.
        ConfigurationError: if the lengths leave no room for the context.
    """

    def __init__(
        self,
        tokenizer_file: Path,
        max_seq_length: int = 384,
        doc_stride: int = 128,
        max_question_length: int = 64,
        cache_size: int = 512,
    ) -> None:
        self._tokenizer = load_tokenizer(tokenizer_file)
        self.template = self._learn_template()
        room = max_seq_length - max_question_length - self.template.n_special
        if not 0 <= doc_stride < room:
            raise ConfigurationError(
                f"doc_stride must be from 0 to {room - 1} with max_seq_length {max_seq_length} and "
                f"max_question_length {max_question_length}, not {doc_stride}"
            )
        self.max_seq_length = max_seq_length
        self.doc_stride = doc_stride
        self.max_question_length = max_question_length
        self.context_tokens = lru_cache(maxsize=cache_size)(self.tokens)

    def tokens(self, text: str) -> Tokens:
        """Tokenize a text without special tokens."""
        encoding: Encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        ids = np.asarray(encoding.ids, dtype=np.int64)
        offsets = np.fromiter(chain.from_iterable(encoding.offsets), dtype=np.int64).reshape(-1, 2)
        return Tokens(ids, offsets)

    def windows(self, questions: Sequence[str], contexts: Sequence[str]) -> list[Window]:
        """Cut every (question, context) pair into overlapping windows, in the order of the pairs.

        A context without a single token gives no window.
        """
        made: list[Window] = []
        for index, (question, context) in enumerate(zip(questions, contexts, strict=True)):
            made.extend(self._windows_of(index, question, context))
        return made

    def _windows_of(self, index: int, question: str, context: str) -> list[Window]:
        asked = self.tokens(question).ids[: self.max_question_length]
        tokens = self.context_tokens(context)
        template = self.template
        room = self.max_seq_length - len(asked) - template.n_special
        head = np.concatenate([template.before, asked, template.between]).astype(np.int64)
        made = []
        start = 0
        while start < len(tokens.ids):
            stop = min(start + room, len(tokens.ids))
            ids = np.concatenate([head, tokens.ids[start:stop], template.after]).astype(np.int64)
            types = np.zeros(len(ids), dtype=np.int64)
            types[len(head) :] = template.context_type_id
            made.append(Window(index, ids, types, len(head), tokens.offsets[start:stop], start))
            if stop == len(tokens.ids):
                break
            start = stop - self.doc_stride
        return made

    def _learn_template(self) -> PairTemplate:
        """Read the special tokens off an encoded pair, so any BERT-like tokenizer fits."""
        encoding = self._tokenizer.encode("a", "b", add_special_tokens=True)
        sequence = encoding.sequence_ids
        if 0 not in sequence or 1 not in sequence:
            raise ConfigurationError("the tokenizer has no template for a pair of texts")
        first = [i for i, s in enumerate(sequence) if s == 0]
        second = [i for i, s in enumerate(sequence) if s == 1]
        ids = encoding.ids
        return PairTemplate(
            before=tuple(ids[: first[0]]),
            between=tuple(ids[first[-1] + 1 : second[0]]),
            after=tuple(ids[second[-1] + 1 :]),
            context_type_id=encoding.type_ids[second[0]],
        )


def collate(windows: Sequence[Window], multiple_of: int = 1) -> tuple[IntArray, IntArray, IntArray]:
    """Fill windows up to the longest of them.

    Args:
        windows: at least one.
        multiple_of: the length is rounded up to a multiple of this.

    Returns:
        input_ids, attention_mask, token_type_ids, each of shape (n_windows, longest).
    """
    input_ids, attention_mask = side_by_side([window.input_ids for window in windows], multiple_of)
    token_type_ids = np.zeros_like(input_ids)
    for row, window in enumerate(windows):
        token_type_ids[row, : len(window.token_type_ids)] = window.token_type_ids
    return input_ids, attention_mask, token_type_ids
