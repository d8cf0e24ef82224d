"""The bound on memory in the real programs, and the estimate against what a program takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(command: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("QUOTH_", "REDIS_", "TELEGRAM_", "DP_"))}
    environment = {**kept, "QUOTH_DATA_DIR": str(folder), **settings}
    return subprocess.run(
        [sys.executable, "-m", "bot", command], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=300, check=False, input="",
    )  # fmt: skip


@pytest.mark.parametrize("command", ["chat", "api", "telegram", "doctor"])
def test_too_low_a_bound_is_one_line_and_nothing_is_started(command: str, tmp_path: Path) -> None:
    done = run(command, tmp_path, QUOTH_MEMORY_MB="100", TELEGRAM_TOKEN="1:token")
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert "QUOTH_MEMORY_MB is 100, and this configuration needs about" in line
    for part in ("program", "reader", "sentence encoder", "replies by llama_cpp", "Set it to"):
        assert part in line
    assert list(tmp_path.iterdir()) == [], "no server was started, no folder made"


def test_the_estimate_is_near_what_the_program_takes(data_dir: Path) -> None:
    done = run("doctor", data_dir, QUOTH_MEMORY_MB="2000")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = re.search(r"memory: (\d+) MiB at most so far, bound 2000 MiB; estimated (\d+) MiB", done.stdout)
    assert figures, done.stdout
    measured, estimated = map(int, figures.groups())
    assert 0.8 * measured <= estimated <= 1.4 * measured
