"""A CTRL (Keskar et al. 2019) small enough to be made in a test: its classes, its files, random weights."""

from __future__ import annotations

import json
from pathlib import Path

CODES = ("Horror", "Links", "Reviews")
#: Words that are one token each.
WORDS = ("the", "old", "house", "by", "a", "cat", "sat", "on", "mat", "door", "and", "was", "dark", "it")


def tiny_ctrl(
    folder: Path,
    *,
    seed: int = 0,
    n_embd: int = 32,
    dff: int = 64,
    n_layer: int = 2,
    max_shard_size: str = "5GB",
) -> Path:
    """Write a CTRL with a vocabulary of words, in single precision, to a folder.

    Args:
        folder: where to.
        seed: of the random weights.
        n_embd, dff, n_layer: its size.
        max_shard_size: the weights are written in files of at most this size.
    """
    import torch
    from transformers import CTRLConfig, CTRLLMHeadModel, CTRLTokenizer

    tokens = ["<unk>", *CODES, *WORDS, "sea@@", "side", *"abcdefghijklmnopqrstuvwxyz."]
    tokens += [f"{letter}@@" for letter in "abcdefghijklmnopqrstuvwxyz"]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    vocabulary.write_text(json.dumps({token: at for at, token in enumerate(dict.fromkeys(tokens))}))
    merges.write_text("\n".join(["#version: 0.2", *_merges((*CODES, *WORDS, "side")), ""]))
    CTRLTokenizer(str(vocabulary), str(merges)).save_pretrained(str(folder))
    torch.manual_seed(seed)
    config = CTRLConfig(
        vocab_size=len(dict.fromkeys(tokens)),
        n_positions=256,
        n_embd=n_embd,
        dff=dff,
        n_layer=n_layer,
        n_head=4,
        initializer_range=0.4,  # far from uniform, so that strategies differ
    )
    CTRLLMHeadModel(config).save_pretrained(
        str(folder), safe_serialization=True, max_shard_size=max_shard_size
    )
    return folder


def _merges(words: tuple[str, ...]) -> list[str]:
    """Byte-pair merges that make each word one token, from its left end."""
    merges = []
    for word in words:
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            merges.append(" ".join(pieces[:2]))
            pieces[:2] = ["".join(pieces[:2])]
    return list(dict.fromkeys(merges))
