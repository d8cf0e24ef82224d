"""Small talk with and without the adapter: how likely it finds people's replies, and how it talks.

    python -m benchmarks.small_talk CONVERSATIONS [--adapter auto] [--held-out 60] [--threads 2]

CONVERSATIONS is chitchat-dataset's dataset.json or its folder; its held-out part is read as in
training. Perplexity is that of the replies' tokens (the one that ends a reply included) after the
running program's own prompt, on transformers; "learnt" are replies like those that are learnt,
"all" are all. The conversations have fixed lines of the user's and fixed seeds, on llama.cpp and the
default style: they are printed to be read, for no figure tells whether a reply makes sense.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks.report import machine, ratio, table
from benchmarks.small_talk_lines import TALKS
from benchmarks.text_metrics import distinct, repetition_across, sequence_repetition, tokens_of
from skills.generation.small_talk.claims import claims

MODEL = "SmolLM2-135M-Instruct"
SEED = 7
N_CTX = 2048
#: The perplexity with the adapter should be at most so many times that without.
TARGET = 0.6


@dataclass(frozen=True)
class Talk:
    """A conversation with fixed lines.

    Attributes:
        title: what it is about.
        lines: of the user.
        replies: one a line.
    """

    title: str
    lines: tuple[str, ...]
    replies: tuple[str, ...]


def main() -> int:
    """Measure both, print tables and conversations."""
    options = argparse.ArgumentParser(description="small talk with and without the adapter")
    options.add_argument("conversations", type=Path, help="dataset.json of chitchat-dataset, or its folder")
    options.add_argument("--adapter", default="auto", help="name or folder of the adapter")
    options.add_argument("--held-out", type=int, default=60, help="conversations of the held-out part")
    options.add_argument("--threads", type=int, default=2)
    chosen = options.parse_args()
    from bot.settings import offline_environment

    offline_environment()
    print(machine(), flush=True)
    sides = {"base": "", "adapter": chosen.adapter}
    talks, speeds = {}, {}
    for side, adapter in sides.items():
        talks[side], speeds[side] = talk(adapter, chosen.threads)
    for side in sides:
        print(f"\n== {side} ==\n\n{transcript(talks[side])}", flush=True)
    rows = [(side, *(f"{v:.3f}" for v in measures(of_side).values())) for side, of_side in talks.items()]
    print(table(["replies of", *measures(talks["base"])], rows))
    print(f"tokens/s: {table(['side', 'tokens/s'], [(s, f'{v:.1f}') for s, v in speeds.items()])}")
    found = {
        side: perplexities(chosen.conversations, adapter, chosen.held_out, chosen.threads)
        for side, adapter in sides.items()
    }
    heads = ["held-out perplexity", "base", "adapter", "ratio", "tokens"]
    rows = [
        (kind, f"{base:.1f}", f"{ours:.1f}", ratio(ours, base, TARGET, at_most=True), str(n))
        for kind, (base, n) in found["base"].items()
        for ours, _ in (found["adapter"][kind],)
    ]
    print(table(heads, rows))
    return 0


def talk(adapter: str, threads: int) -> tuple[list[Talk], float]:
    """Have every conversation; the replies, and tokens per second one chat at a time."""
    from skills.dialog import Turn
    from skills.generation.reply_generator import ReplyGenerator

    generator = ReplyGenerator(
        "llama_cpp", MODEL, n_ctx=N_CTX, n_slots=1, n_threads=threads, seed=SEED, adapter=adapter
    )
    talks, n_tokens, seconds = [], 0, 0.0
    for title, lines in TALKS.items():
        history: list[Turn] = []
        for line in lines:
            began = time.perf_counter()
            (draft,) = generator([line], [history], [None], [None], [None])
            seconds += time.perf_counter() - began
            assert draft is not None
            n_tokens += draft.n_tokens
            history += [Turn("user", line), Turn("assistant", draft.text)]
        talks.append(Talk(title, lines, tuple(t.text for t in history[1::2])))
    generator.destroy()
    return talks, n_tokens / seconds


def measures(talks: Sequence[Talk]) -> dict[str, float]:
    """Name to value, over all replies.

    "seq-rep-4" is the share of a reply's runs of four tokens that it had before, "across" the share
    that an earlier reply of the conversation had, "same" the share of replies that came before word
    for word; "claims" the share that claim a body, a past or a place.
    """
    replies = [reply for talk in talks for reply in talk.replies]
    same = [reply in talk.replies[:at] for talk in talks for at, reply in enumerate(talk.replies)]
    return {
        "words": mean(len(reply.split()) for reply in replies),
        "tokens": mean(len(tokens_of(reply)) for reply in replies),
        "distinct-1": distinct(replies, 1),
        "distinct-2": distinct(replies, 2),
        "seq-rep-4": mean(sequence_repetition(reply) for reply in replies),
        "across": mean(repetition_across(talk.replies) for talk in talks),
        "same": mean(same),
        "claims": mean(bool(claims(reply)) for reply in replies),
        "questions": mean("?" in reply for reply in replies),
    }


def transcript(talks: Sequence[Talk]) -> str:
    """The conversations, to be read; claims are marked with a star."""
    parts = []
    for one in talks:
        said = [f"-- {one.title}"]
        for line, reply in zip(one.lines, one.replies, strict=True):
            said += [f"  > {line}", f"  {'*' if claims(reply) else ' '} {' '.join(reply.split())}"]
        parts.append("\n".join(said))
    return "\n\n".join(parts) + "\n"


def perplexities(file: Path, adapter: str, n: int, threads: int) -> dict[str, tuple[float, int]]:
    """Perplexity of the held-out replies and how many tokens they have: of those learnt, and of all."""
    import torch

    from skills.generation.adapter_learning import target_losses
    from skills.generation.adapters import adapter_folder
    from skills.generation.engines.causal_model import load_causal_model
    from skills.generation.small_talk.dataset import SmallTalkReader
    from skills.generation.small_talk.encoding import ConversationEncoder

    torch.set_num_threads(threads)
    tokenizer, model = load_causal_model(MODEL, "float32", adapter_folder(adapter, MODEL))
    encode = ConversationEncoder(tokenizer)
    held_out = SmallTalkReader().read(str(file))["valid"]
    losses: dict[str, list[Any]] = {"learnt": [], "all": []}
    for conversation, _ in held_out[:: max(1, len(held_out) // n)][:n]:
        every, learnt = encode(conversation, every_reply=True), encode(conversation)
        with torch.inference_mode():
            of_all = target_losses(model, [every]).numpy()
        losses["all"].append(of_all)
        losses["learnt"].append(of_all[np.isin(every.targets, learnt.targets)])
    joined = {kind: np.concatenate(parts) for kind, parts in losses.items()}
    return {kind: (float(np.exp(of_kind.mean())), len(of_kind)) for kind, of_kind in joined.items()}


if __name__ == "__main__":
    sys.exit(main())
