"""The card of a trained language model: facts, samples and the curve of its learning."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skills.generation.language_model.architecture import Kind

CURVE = "learning.png"
_WHAT: dict[Kind, str] = {
    "causal": "A causal language model (GPT-2's architecture): it writes a text on, token by token.",
    "masked": "A masked language model (RoBERTa's architecture): it fills gaps in a text.",
}
_MEASURE: dict[Kind, str] = {
    "causal": "The perplexity is that of each token given those before it in its block.",
    "masked": (
        "The perplexity is the masked one: of the {share:.0%} of the tokens that are hidden, given all the "
        "others; it does not compare with a causal model's."
    ),
}
_USE: dict[Kind, str] = {
    "causal": (
        "QUOTH_ENGINE=transformers QUOTH_MODEL={folder} python -m deeppavlov interact configs/chat.json"
    ),
    "masked": "DP_CHECKPOINT={folder} python -m deeppavlov interact configs/bert_generator.json",
}


def card(
    kind: Kind, folder: Path, facts: Mapping[str, Any], samples: Sequence[str], mask_share: float
) -> str:
    """A model card in Markdown.

    Args:
        kind: of the model.
        folder: where the model lies.
        facts: name to value.
        samples: texts of the model, unchosen.
        mask_share: of a masked model's tokens that are hidden.
    """
    rows = "\n".join(f"| {name.replace('_', ' ')} | {value} |" for name, value in facts.items())
    texts = "\n\n".join("\n".join(f"> {line}" for line in text.splitlines()) or ">" for text in samples)
    return (
        f"# A language model from scratch\n\n{_WHAT[kind]} Trained on a folder of plain text and nothing "
        "else, by `python -m deeppavlov train configs/lm_from_scratch.json`.\n\n"
        f"| what | value |\n|---|---|\n{rows}\n\n"
        f"{_MEASURE[kind].format(share=mask_share)} It is measured on text that was never learnt from.\n\n"
        f"![held-out perplexity in the course of the training]({CURVE})\n\n"
        f"## Use\n\n```sh\n{_USE[kind].format(folder=folder)}\n```\n\n"
        f"## Samples\n\nThe first {len(samples)} that it wrote, unchosen.\n\n"
        + "\n\n---\n\n".join(texts.split("\n\n"))
        + "\n"
    )


def draw_curve(history: Sequence[Mapping[str, Any]], measure: str, file: Path) -> None:
    """Draw held-out perplexity over the tokens learnt from, and what the training text gave.

    Args:
        history: of the trainer, an entry for each validation: ``tokens``, ``epoch``, ``seconds``, ``loss``
            and ``perplexity``.
        measure: name of the perplexity.
        file: where to.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    tokens = [entry["tokens"] / 1e6 for entry in history]
    held_out = [entry["perplexity"] for entry in history]
    figure, axes = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    axes.plot(tokens, held_out, marker="o", color="#c44e52", label="held-out text")
    axes.plot(
        tokens,
        # where nothing was learnt since a stop there is no loss
        [math.nan if entry["loss"] is None else math.exp(entry["loss"]) for entry in history],
        linestyle="--",
        color="#8c8c8c",
        label="text being learnt (running)",
    )
    for at, entry in enumerate(history):
        if at in (0, len(history) - 1):
            minutes = entry["seconds"] / 60
            axes.annotate(
                f"{entry['perplexity']:.1f}\nepoch {entry['epoch']:.3g}, {minutes:.0f} min",
                (tokens[at], held_out[at]),
                xytext=(10, 3) if at == 0 else (0, 16),
                textcoords="offset points",
                ha="left" if at == 0 else "right",
                fontsize=8,
            )
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticker.LogLocator(base=10, subs=(1, 2, 3, 5)))
    axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    axes.margins(x=0.06, y=0.18)
    axes.set(xlabel="million tokens learnt from", ylabel=measure)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
