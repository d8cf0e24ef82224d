"""Byte-level BPE, learnt from the texts: any text is written with it and comes back to the letter.

Needs the ``tokenizers`` library alone. What it writes, ``tokenizer.json`` and
``tokenizer_config.json``, is what transformers' ``AutoTokenizer`` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from skills.errors import ConfigurationError
from skills.generation.language_model.architecture import Kind
from skills.generation.text_folder import END_OF_TEXT

#: The special tokens, by kind and by their part in transformers, in the order of their ids:
#: GPT-2's for the causal model, RoBERTa's for the masked one.
SPECIAL_TOKENS: dict[Kind, dict[str, str]] = {
    "causal": {"eos_token": END_OF_TEXT},
    "masked": {
        "bos_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    },
}
#: What transformers calls the same token by other names.
ALIASES: dict[Kind, dict[str, str]] = {
    "causal": {"bos_token": "eos_token", "pad_token": "eos_token", "unk_token": "eos_token"},
    "masked": {"cls_token": "bos_token", "sep_token": "eos_token"},
}
#: A byte each, and the special tokens: below that nothing is learnt.
MIN_VOCABULARY = 300


def train_tokenizer(
    texts: Iterable[str], kind: Kind, vocabulary: int, show_progress: bool = False
) -> Tokenizer:
    """Learn a tokenizer (Sennrich et al. 2016, arXiv 1508.07909; on bytes as in GPT-2).

    Args:
        texts: what to learn from.
        kind: which special tokens it has.
        vocabulary: most tokens it may have, the special ones and 256 bytes included.
        show_progress: whether to show bars.

    Raises:
        ConfigurationError: if the vocabulary is too small for the bytes.
    """
    if vocabulary < MIN_VOCABULARY:
        raise ConfigurationError(
            f"language_model: vocabulary expects at least {MIN_VOCABULARY} tokens, for 256 of them are the "
            f"bytes; got {vocabulary}"
        )
    special = SPECIAL_TOKENS[kind]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    # a mask stands for a word with the space before it
    added = [AddedToken(t, lstrip=name == "mask_token", special=True) for name, t in special.items()]
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            min_frequency=2,
            special_tokens=added,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=show_progress,
        ),
    )
    if kind == "masked":
        first, last = special["bos_token"], special["eos_token"]
        tokenizer.post_processor = processors.RobertaProcessing(
            (last, tokenizer.token_to_id(last)),
            (first, tokenizer.token_to_id(first)),
            trim_offsets=True,
            add_prefix_space=False,
        )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, kind: Kind, context: int, folder: Path) -> None:
    """Write the two files that transformers reads.

    Args:
        tokenizer: the tokenizer.
        kind: of the model.
        context: most tokens that the model reads at once.
        folder: where to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    special = SPECIAL_TOKENS[kind]
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        **special,
        **{alias: special[name] for alias, name in ALIASES[kind].items()},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    # last, and whole or not at all: where it is, it counts as learnt
    partial = folder / "tokenizer.partial"
    tokenizer.save(str(partial))
    partial.replace(folder / "tokenizer.json")


def special_ids(tokenizer: Tokenizer, kind: Kind) -> dict[str, int]:
    """Ids of the special tokens, by their part (``eos_token_id`` …), aliases included."""
    special = SPECIAL_TOKENS[kind]
    ids = {f"{name}_id": int(tokenizer.token_to_id(token)) for name, token in special.items()}
    return ids | {f"{alias}_id": ids[f"{name}_id"] for alias, name in ALIASES[kind].items()}
