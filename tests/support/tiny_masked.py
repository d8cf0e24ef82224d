"""Tiny seeded masked language models of two families, saved as ordinary checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.tiny_bert import tiny_bert

TEXTS = [
    "the lighthouse was built in 1874 by mara.",
    "who built the bridge? it was mara, in the winter!",
    "it is a period of peace; the harbour's lamps burn all night.",
]


def masked_bert(folder: Path, seed: int = 0) -> Path:
    """The tiny BERT with a head for masked language modelling."""
    import torch
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertForMaskedLM

    tiny_bert(folder)
    file = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.save(str(file))
    config = BertConfig.from_pretrained(folder, local_files_only=True)
    torch.manual_seed(seed)
    _lively(BertForMaskedLM(config)).save_pretrained(folder)
    return folder


def masked_roberta(folder: Path, seed: int = 0) -> Path:
    """A RoBERTa of two layers and 32 dimensions with byte pairs and RoBERTa's special tokens."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing
    from transformers import RobertaConfig, RobertaForMaskedLM

    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(TEXTS * 20, vocab_size=400, special_tokens=specials, show_progress=False)
    tokenizer._tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,
        type_vocab_size=1,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
    _lively(RobertaForMaskedLM(config)).save_pretrained(folder)
    return folder


def _lively(model: Any) -> Any:
    """Random weights large enough that the tokens' probabilities hang on the input."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(8)
    return model.eval()
