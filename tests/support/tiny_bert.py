"""Tiny seeded models, saved as ordinary checkpoints: real code paths in milliseconds."""

from __future__ import annotations

from pathlib import Path

WORDS = [
    "the",
    "a",
    "in",
    "by",
    "who",
    "when",
    "where",
    "what",
    "was",
    "built",
    "lighthouse",
    "bridge",
    "mara",
]


def tiny_bert(folder: Path, seed: int = 0) -> Path:
    """A BERT of two layers and 32 dimensions with a word-level tokenizer, as a checkpoint folder."""
    import torch
    from tokenizers import Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import WordPiece
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertForQuestionAnswering

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = (
        [chr(c) for c in range(97, 123)] + [f"##{chr(c)}" for c in range(97, 123)] + list("0123456789.,?")
    )
    vocabulary = {t: i for i, t in enumerate(dict.fromkeys(specials + WORDS + letters))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertForQuestionAnswering(config).save_pretrained(folder)
    return folder
