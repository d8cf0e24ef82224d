"""Peak memory and time of loading: our ways of loading a model against transformers' plain one.

    python -m benchmarks.memory [--only WORD]

Every row is a process of its own. What it imports is loaded first; then the peak is set back, the
model is loaded and used once, and the growth of the peak is divided by the size that the weights
have in the precision they are kept in: 1.0 is a model that is in memory once. Context that is kept
for conversations is taken off first and printed beside. Pages that are mapped from a file count
like any others. Each config is then built whole, against plain loading of the same models.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.memory_loading import CONFIGS, ROOT
from benchmarks.report import machine, ratio, table

HEADS = (
    "what",
    "precision",
    "weights MiB",
    "context MiB",
    "peak grew MiB",
    "× weights",
    "load s",
    "peak is ×",
)
#: The ways of loading, plain float32 first: the ratios are to it.
WAYS: dict[str, Sequence[tuple[str, str]]] = {
    "reader": (
        ("transformers", "float32"), ("transformers", "bfloat16"), ("compiled", "fp32"), ("compiled", "int8"),
    ),
    "replies": (
        ("transformers gguf", "float32"), ("transformers gguf", "bfloat16"),
        ("engine transformers", "float32"), ("engine transformers", "bfloat16"), ("engine llama_cpp", "Q4_1"),
    ),
}  # fmt: skip


def main() -> int:
    """Run every row and print the tables; the exit status is 1 where one failed."""
    options = argparse.ArgumentParser(description="memory and time of loading")
    options.add_argument("--only", default="", help="rows and configs whose name holds this word")
    chosen = options.parse_args()
    print(machine(), flush=True)
    failed = _models(chosen.only) + _configs(chosen.only)
    return 1 if failed else 0


def _models(only: str) -> int:
    """Loading a model, row by row; the ratio is to plain loading of the same model in float32."""
    rows, failed = [], 0
    for part, ways in WAYS.items():
        if only not in part:
            continue
        plain = 0.0
        for name, precision in ways:
            found = measured(name, precision)
            if found is None:
                failed += 1
                continue
            grew = found["peak_mib"] - found["before_mib"]
            own = grew - found["context_mib"]
            plain = plain or grew
            sizes = [f"{mib:.0f}" for mib in (found["weights_mib"], found["context_mib"], grew)]
            times = f"{own / found['weights_mib']:.2f}"
            rows.append(
                [f"{part}: {name}", precision, *sizes, times, f"{found['load_s']:.1f}", ratio(grew, plain)]
            )
    if rows:
        print(table(HEADS, rows))
    return failed


def _configs(only: str) -> int:
    rows, failed = [], 0
    for config in CONFIGS:
        if only not in config or not (ROOT / "configs" / config).is_file():
            continue
        ours, plain = measured("config", config), measured("config-plain", config)
        if ours is None or plain is None:
            failed += 1
            continue
        rows.append(
            [
                config, f"{ours['peak_mib']:.0f}", f"{plain['peak_mib']:.0f}",
                ratio(ours["peak_mib"], plain["peak_mib"]), f"{ours['load_s']:.1f}", f"{plain['load_s']:.1f}",
            ]
        )  # fmt: skip
    if rows:
        print(table(("whole process", "peak MiB", "plain MiB", "ratio", "s", "plain s"), rows))
    return failed


def measured(*arguments: str) -> dict[str, float] | None:
    """What a worker prints last; None, and a line, where it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory_loading", *arguments],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        print(f"{' '.join(arguments)} failed: {(done.stderr.strip().splitlines() or ['without a word'])[-1]}")
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
