"""Logits of chosen places of a masked language model, whatever its family calls its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: Where families keep the head that turns hidden states to logits: BERT's, RoBERTa's and MPNet's.
HEADS = ("cls", "lm_head")


def masked_logits(
    model: Any, inputs: Mapping[str, torch.Tensor], rows: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    """Logits where a token is asked for, and nowhere else: the vocabulary is most of a head's cost.

    Args:
        model: a ``…ForMaskedLM`` of transformers.
        inputs: what it takes, each of shape (b, s).
        rows: first coordinate of each place, shape (n,).
        columns: second coordinate, shape (n,).

    Returns:
        shape (n, vocabulary).
    """
    head = next((getattr(model, name) for name in HEADS if hasattr(model, name)), None)
    if head is None:
        return model(**inputs).logits[rows, columns]  # type: ignore[no-any-return]
    hidden = model.base_model(**inputs).last_hidden_state
    return head(hidden[rows, columns])  # type: ignore[no-any-return]
