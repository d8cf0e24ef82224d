"""A tokenizer as a masked language model's writer needs it.

Which tokens are special, which begin a word, which go on with one, which end a sentence, and
what stands around a text: all is read off the tokenizer (BERT's ``[CLS] … [SEP]``, RoBERTa's
``<s> … </s>``, word pieces, byte pairs), nothing is assumed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from skills.errors import ConfigurationError
from skills.runtime import encodable, load_tokenizer

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: What families call their mask and their padding token.
MASK_TOKENS = ("[MASK]", "<mask>")
PAD_TOKENS = ("[PAD]", "<pad>")
#: What ends a sentence.
ENDS = (".", "?", "!")
#: The other marks that may be written; brackets and quotes would want a partner.
MARKS = (",", ";", ":", "'", "’")
#: What stands before a token that begins a word, in byte pairs and in SentencePiece.
WORD_MARKERS = ("Ġ", "▁")
_RESERVED = re.compile(r"[\[<].+[\]>]")


class Vocabulary:
    """The tokens of a masked language model.

    Args:
        tokenizer_file: a ``tokenizer.json``.

    Attributes:
        before: special tokens that begin an input.
        after: special tokens that end one.
        mask_id: the mask.
        pad_id: the padding token, which is never written.
        special_ids: every special token.
        separator_id: the first of ``after``.
        end_ids: the tokens . ? !
        size: number of tokens.
        lowercases: whether capitals are lost.

    Raises:
        DamagedCheckpoint: if the file is not a tokenizer.
        ConfigurationError: if it has no mask, no padding token or nothing that ends an input.
    """

    def __init__(self, tokenizer_file: Path) -> None:
        self.tokenizer: Tokenizer = load_tokenizer(tokenizer_file)
        self.mask_id = self._first(MASK_TOKENS, tokenizer_file)
        self.pad_id = self._first(PAD_TOKENS, tokenizer_file)
        encoding = self.tokenizer.encode("a", add_special_tokens=True)
        inside = [i for i, sequence in enumerate(encoding.sequence_ids) if sequence is not None]
        self.before = tuple(encoding.ids[: inside[0]])
        self.after = tuple(encoding.ids[inside[-1] + 1 :])
        if not self.after:
            raise ConfigurationError(
                f"{tokenizer_file}: expected a special token after a text, as BERT's [SEP]"
            )
        self.separator_id = self.after[0]
        self.size = self.tokenizer.get_vocab_size(with_added_tokens=True)
        model = json.loads(self.tokenizer.to_str())["model"]
        self._prefix = model.get("continuing_subword_prefix") or ""
        added = self.tokenizer.get_added_tokens_decoder()
        unknown = self.tokenizer.token_to_id(model["unk_token"]) if model.get("unk_token") else None
        self.special_ids = {i for i, token in added.items() if token.special}
        self.special_ids |= {*self.before, *self.after, self.mask_id, self.pad_id}
        self.special_ids |= set() if unknown is None else {unknown}
        small = self.encode("a")
        self.lowercases = self.encode("A") == small and not self.special_ids & set(small)
        self.end_ids = set(np.flatnonzero(self.ends).tolist())

    def _first(self, names: Sequence[str], file: Path) -> int:
        for name in names:
            if (token_id := self.tokenizer.token_to_id(name)) is not None:
                return int(token_id)
        raise ConfigurationError(f"{file}: expected a token {' or '.join(names)}, as a masked model has")

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, without special ones."""
        return list(self.tokenizer.encode(encodable(text), add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of tokens; special ones are left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def ordinary_ids(self) -> IntArray:
        """Every token that is not special."""
        return np.array(sorted(set(range(self.size)) - self.special_ids), dtype=np.int64)

    # -- kinds of tokens, each a mask of shape (size,) ---------------------------------------

    @cached_property
    def words(self) -> BoolArray:
        """Letters and digits: whole words and pieces of words."""
        return self._which(lambda token, surface: surface.isalnum())

    @cached_property
    def begins(self) -> BoolArray:
        """Of ``words``, those that begin one."""
        return self._which(lambda token, surface: surface.isalnum() and self._begins(token))

    @cached_property
    def marks(self) -> BoolArray:
        """Marks within a sentence."""
        return self._which(lambda token, surface: surface in MARKS)

    @cached_property
    def ends(self) -> BoolArray:
        """Marks that end a sentence."""
        return self._which(lambda token, surface: surface in ENDS)

    @cached_property
    def _markers(self) -> tuple[str, ...]:
        tokens = self.tokenizer.get_vocab()
        return tuple(m for m in WORD_MARKERS if sum(t.startswith(m) for t in tokens) > 1)

    def _begins(self, token: str) -> bool:
        if self._prefix:
            return not token.startswith(self._prefix)
        return not self._markers or token.startswith(self._markers)

    def _which(self, rule: Callable[[str, str], bool]) -> BoolArray:
        """Tokens that are not special, by a rule on the token and on the text it stands for."""
        found = np.zeros(self.size, dtype=np.bool_)
        for token, token_id in self.tokenizer.get_vocab().items():
            if token_id in self.special_ids or _RESERVED.fullmatch(token):
                continue
            bare = token.removeprefix(self._prefix) if self._prefix else token
            for marker in self._markers:
                bare = bare.removeprefix(marker)
            found[token_id] = rule(token, bare)
        return found
