"""Contrastive search (Su et al. 2022, arXiv 2202.06417), which transformers no longer carries.

Of the k likeliest tokens it takes the one that is both likely and unlike, in the model's own
representation, everything that stands before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def contrastive_search(
    model: Any,
    input_ids: torch.Tensor,
    *,
    penalty_alpha: float,
    top_k: int,
    max_new_tokens: int,
    eos_token_ids: frozenset[int],
    process_logits: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    on_token: Callable[[int], bool],
) -> list[int]:
    """Go on with a prompt.

    Args:
        model: a causal language model of transformers with a cache.
        input_ids: [1, prompt length].
        penalty_alpha: weight of the likeness to what stands before, in [0, 1].
        top_k: candidates at each step.
        max_new_tokens: limit.
        eos_token_ids: tokens that end the text; they are not returned.
        process_logits: (input_ids [1, length], logits [1, vocabulary]) -> logits, for penalties.
        on_token: told each token; True stops.

    Returns:
        the new tokens.
    """
    import torch

    made: list[int] = []
    output = model(input_ids=input_ids, use_cache=True, output_hidden_states=True)
    cache = output.past_key_values
    context = torch.nn.functional.normalize(output.hidden_states[-1].float(), dim=-1)  # [1, length, d]
    logits = output.logits[:, -1, :].float()  # [1, vocabulary]
    while len(made) < max_new_tokens:
        probabilities = torch.softmax(process_logits(input_ids, logits), dim=-1)
        confidence, candidates = probabilities.topk(top_k, dim=-1)  # [1, k] each
        cache.batch_repeat_interleave(top_k)
        output = model(
            input_ids=candidates.view(top_k, 1),
            past_key_values=cache,
            use_cache=True,
            output_hidden_states=True,
        )
        cache = output.past_key_values
        hidden = torch.nn.functional.normalize(output.hidden_states[-1].float(), dim=-1)  # [k, 1, d]
        likeness = (hidden @ context.transpose(1, 2)).squeeze(1)  # [k, length]
        score = (1 - penalty_alpha) * confidence[0] - penalty_alpha * likeness.max(dim=-1).values  # [k]
        best = score.argmax().view(1)
        token = int(candidates[0, best])
        if token in eos_token_ids:
            break
        made.append(token)
        cache.batch_select_indices(best)
        context = torch.cat([context, hidden[best]], dim=1)
        logits = output.logits[best, -1, :].float()
        input_ids = torch.cat([input_ids, candidates[:, best]], dim=1)
        if on_token(token):
            break
    return made
