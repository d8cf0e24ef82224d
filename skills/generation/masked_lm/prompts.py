"""A text and how its continuation begins, to tokens; new tokens, to the continuation's text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skills.errors import ConfigurationError, DamagedCheckpoint
from skills.generation.masked_lm.vocabulary import Vocabulary

#: After these the first word follows without a space.
_OPENING = ("(", "[", "{", "“", "‘", "«", "/", "-", "–", "—")
_FIRST_PERSON = re.compile(r"\bi\b")
_APOSTROPHE = re.compile(r"(?<=\w) (['’]) (?=\w)")
_FIRST_LETTER = re.compile(r"^\W*[a-z]")


@dataclass(frozen=True)
class Prompt:
    """What a continuation is written after.

    Attributes:
        ids: the last tokens of text and suggestion, without special ones.
        suggestion: how the continuation begins, as it came; "" where it is free.
        n_cut: how many tokens no longer fitted; they were cut from the left.
    """

    ids: tuple[int, ...]
    suggestion: str
    n_cut: int = 0


def make_prompt(vocabulary: Vocabulary, text: str, suggestion: str, room: int) -> Prompt:
    """Tokens of a text and a suggestion, at most ``room`` of them, the last ones."""
    ids = vocabulary.encode(" ".join(part.strip() for part in (text, suggestion) if part.strip()))
    ids = [i for i in ids if i != vocabulary.mask_id]  # a mask that somebody typed is no place to fill
    return Prompt(tuple(ids[max(0, len(ids) - room) :]), suggestion, max(0, len(ids) - room))


def continued(vocabulary: Vocabulary, suggestion: str, new_ids: Sequence[int]) -> str:
    """The continuation: the suggestion to the letter, and the new tokens as text after it.

    Where the vocabulary has no capitals, those that spelling asks for are put back.
    """
    written = vocabulary.decode(new_ids).strip()
    written = _APOSTROPHE.sub(r"\1", written)
    if vocabulary.lowercases:
        written = _FIRST_PERSON.sub("I", written)
        if not suggestion.strip():
            written = _FIRST_LETTER.sub(lambda found: found.group().upper(), written)
    begun = suggestion.rstrip()
    gap = "" if not begun or not written or begun.endswith(_OPENING) else " "
    return f"{begun}{gap}{written}"


def longest_input(folder: Path, max_seq_length: int) -> int:
    """Tokens of an input at most: what was asked for, where the model's positions allow it.

    Raises:
        ConfigurationError: if there are fewer than 8.
        DamagedCheckpoint: if the folder has no readable ``config.json``.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedCheckpoint(f"{folder / 'config.json'} cannot be read: {error}") from error
    # RoBERTa's family begin to count after the padding token's id, and loses two positions by that
    positions = int(config.get("max_position_embeddings", max_seq_length + 2)) - 2
    if max_seq_length < 8:
        raise ConfigurationError(f"max_seq_length: expected at least 8 tokens, got {max_seq_length}")
    return min(max_seq_length, positions)
