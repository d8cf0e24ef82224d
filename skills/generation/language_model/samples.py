"""Texts that a fresh language model writes, for its card. Torch is imported by the functions."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer

from skills.generation.language_model.likelihood import Task

N_SAMPLES = 5
_TEMPERATURE = 0.8
_TOP_K = 40


def write_samples(model: Any, tokenizer: Tokenizer, task: Task, n_tokens: int, seed: int = 0) -> list[str]:
    """Five texts of the model, each ``n_tokens`` long or up to its end.

    Every token is drawn from the 40 likeliest at temperature 0.8. A causal model writes on from the end
    of a text; a masked one is given masks alone and fills them from left to right, each in the light of
    those before it and of how many are left (after Wang & Cho 2019, arXiv 1902.04094, who fill in any
    order).

    Args:
        model: of transformers.
        tokenizer: its tokenizer.
        task: its kind and special tokens.
        n_tokens: fewer than the model's context.
        seed: the same seed gives the same texts.
    """
    import torch

    random = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        rows = (_continue if task.kind == "causal" else _fill)(model, task, n_tokens, random)
    model.train(was_training)
    end = task.special["eos_token_id"]
    return [
        tokenizer.decode(row[: row.index(end)] if end in row else row, skip_special_tokens=True).strip()
        for row in rows
    ]


def _continue(model: Any, task: Task, n_tokens: int, random: Any) -> list[list[int]]:
    import torch

    ids = torch.full((N_SAMPLES, 1), task.special["eos_token_id"])
    for _ in range(n_tokens):
        states = model.base_model(input_ids=ids, use_cache=False, return_dict=False)[0]
        ids = torch.cat([ids, _draw(model.lm_head(states[:, -1]), random)], dim=1)
    rows: list[list[int]] = ids[:, 1:].tolist()
    return rows


def _fill(model: Any, task: Task, n_tokens: int, random: Any) -> list[list[int]]:
    import torch

    ids = torch.full((N_SAMPLES, n_tokens + 2), task.special["mask_token_id"])
    ids[:, 0], ids[:, -1] = task.special["bos_token_id"], task.special["eos_token_id"]
    for at in range(1, n_tokens + 1):
        states = model.base_model(input_ids=ids, return_dict=False)[0]
        logits = model.lm_head(states[:, at])
        logits[:, sorted(set(task.special.values()))] = -torch.inf
        ids[:, at] = _draw(logits, random)[:, 0]
    rows: list[list[int]] = ids[:, 1:-1].tolist()
    return rows


def _draw(logits: Any, random: Any) -> Any:
    """A token of each row, (n, 1)."""
    import torch

    best, which = logits.topk(min(_TOP_K, logits.shape[-1]), dim=-1)
    drawn = torch.multinomial((best / _TEMPERATURE).softmax(dim=-1), 1, generator=random)
    return which.gather(1, drawn)
