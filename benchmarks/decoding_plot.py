"""The picture of ``benchmarks.decoding``: a panel for each metric, a row for each preset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

#: Family -> (colour, presets), from top to bottom.
FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "search": ("#4c72b0", ("greedy", "beam", "contrastive")),
    "greedy with a penalty": ("#dd8452", ("repetition_penalty", "ctrl", "no_repeat_ngram")),
    "sampling": ("#55a868", ("temperature", "top_k", "top_p", "min_p", "typical")),
    "chat styles": ("#8172b3", ("precise", "balanced", "creative")),
}
#: What each metric says, under its name.
MEANINGS = {
    "tokens/s": "speed",
    "distinct-1": "different words",
    "distinct-2": "different pairs",
    "seq-rep-4": "repeats itself",
    "self-BLEU": "draws alike",
    "log-prob.": "likely to the model",
}


def plot(results: Sequence[tuple[str, str, Mapping[str, float]]], file: Path) -> None:
    """Draw it.

    Args:
        results: (preset, engine, metric -> value).
        file: PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    found = {preset: (engine, metrics) for preset, engine, metrics in results}
    rows = [(p, colour) for colour, presets in FAMILIES.values() for p in presets if p in found]
    metrics = list(results[0][2])
    figure, panels = pyplot.subplots(1, len(metrics), figsize=(14, 0.36 * len(rows) + 1.6), sharey=True)
    for panel, metric in zip(panels, metrics, strict=True):
        values = [found[preset][1][metric] for preset, _ in rows]
        panel.barh(range(len(rows)), values, color=[colour for _, colour in rows], height=0.72)
        low, high = min(0.0, *values), max(0.0, *values)
        for at, value in enumerate(values):
            text = f"{value:.1f}" if metric == "tokens/s" else f"{value:.2f}"
            side = "left" if value >= 0 else "right"
            panel.annotate(text, (value, at), (3 if value >= 0 else -3, 0), textcoords="offset points",
                           ha=side, va="center", fontsize=8.5)  # fmt: skip
        panel.set_xlim(low * 1.32, high * 1.32)
        panel.set_title(f"{metric}\n{MEANINGS[metric]}", fontsize=10)
        panel.set_xticks([])
        panel.tick_params(axis="y", length=0)
        for side in ("top", "right", "bottom", "left"):
            panel.spines[side].set_visible(False)
        panel.axvline(0, color="black", linewidth=0.6)
    slow = {preset: engine == "transformers" for preset, (engine, _) in found.items()}
    panels[0].set_yticks(range(len(rows)), [f"{p} *" if slow[p] else p for p, _ in rows], fontsize=10)
    panels[0].invert_yaxis()
    figure.legend(
        handles=[Patch(color=colour, label=family) for family, (colour, _) in FAMILIES.items()],
        loc="lower center", ncols=len(FAMILIES), frameon=False, fontsize=10,
    )  # fmt: skip
    figure.text(0.995, 0.012, "* on transformers; the others on llama.cpp", ha="right", fontsize=9)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(file, dpi=100)
    pyplot.close(figure)
