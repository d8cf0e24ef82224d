"""``python -m bot doctor``: is everything there, and does it answer?

One line a check, with what to do where it fails; the exit status is the number of failures, at
most 125. It speaks to an operator, in English, and asks the chain one real question.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from bot.errors import BotError, MemoryTooLow
from bot.pipeline import Pipeline
from bot.redis_sessions import open_store
from bot.settings import Settings
from skills.checkpoints import checkpoint_folder
from skills.dialog import Document, Knowledge, Preferences
from skills.errors import CheckpointError
from skills.model_sources import DEFAULT_SOURCES, FETCH_COMMAND
from skills.retrieval.changes import AddDocument

PACKAGES = ("deeppavlov", "onnxruntime", "tokenizers", "xllamacpp", "redis", "torch", "transformers", "numpy")
PROBE = "The lighthouse on Aldra Point was built in 1874. Its keeper, Mara Lindqvist, lived there for years."

#: A check returns what it saw, or raises with what is wrong and what to do.
Check = Callable[[], str]


class CheckFailed(Exception):
    """A check did not pass; the message says what to do."""


def main(settings: Settings) -> int:
    """Run every check; later ones run even where earlier ones failed.

    Where the models may not be loaded for want of memory that is said once, and nothing is checked.
    """
    pipeline = Pipeline(settings)
    try:
        pipeline.check_memory()
    except MemoryTooLow as error:
        print(f"✗ memory: {error}")
        return 1
    except BotError:
        pass  # the checks below find it, and say more of it
    checks: list[tuple[str, Check]] = [
        ("Python", python),
        ("packages", packages),
        *((f"weights of {s.name}", lambda name=s.name: weights(name)) for s in DEFAULT_SOURCES),
        ("sessions", lambda: sessions(settings)),
        ("models and config", lambda: loaded(pipeline)),
        ("an answer", lambda: answer(pipeline)),
        ("a reply", lambda: reply(pipeline)),
        ("memory", lambda: memory(settings, pipeline)),
    ]
    failures = sum(not passes(name, check) for name, check in checks)
    pipeline.close()
    print("Everything works." if not failures else f"{failures} of {len(checks)} checks failed.")
    return min(failures, 125)


def passes(name: str, check: Check) -> bool:
    """Run one check and print its line."""
    began = time.perf_counter()
    try:
        seen = check()
    except (CheckFailed, BotError, CheckpointError) as error:
        print(f"✗ {name}: {error}")
        return False
    print(f"✓ {name}: {seen} ({time.perf_counter() - began:.2f} s)")
    return True


def python() -> str:
    """The interpreter."""
    if sys.version_info[:2] != (3, 11):
        raise CheckFailed(f"{platform.python_version()}; Quoth needs 3.11: make PYTHON=python3.11 setup")
    return f"{platform.python_version()} on {platform.machine()}"


def packages() -> str:
    """The packages that matter, by version."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError as error:
            raise CheckFailed(f"{package} is not installed; run: make setup") from error
    return ", ".join(f"{name} {version}" for name, version in found.items())


def weights(name: str) -> str:
    """A model's files, every byte."""
    folder = checkpoint_folder(name)
    return f"as pinned, in {folder}"


def sessions(settings: Settings) -> str:
    """The session store answers."""
    store = open_store(settings)
    try:
        store.ping()
    finally:
        store.close()
    return (
        "Redis at REDIS_URL answers"
        if settings.redis_url
        else f"embedded server, data in {settings.redis_dir}"
    )


def loaded(pipeline: Pipeline) -> str:
    """The pipelines can be built."""
    pipeline.load()
    return "configs/dialog.json is built"


def answer(pipeline: Pipeline) -> str:
    """A question whose answer stands in a document, from shelf to quote."""
    document = Document(hashlib.sha256(PROBE.encode()).hexdigest(), "probe.txt", PROBE)
    with tempfile.TemporaryDirectory() as folder:
        shelf = Path(folder) / "probe.db"
        pipeline.change_shelf(shelf, AddDocument(document))
        given = pipeline.reply("When was the lighthouse built?", [], Knowledge((str(shelf),)), Preferences())
    evidence = given.evidence
    if given.skill != "qa" or evidence is None or "1874" not in given.text:
        raise CheckFailed(f"expected '1874' with its quote, got skill {given.skill}; try: {FETCH_COMMAND}")
    if PROBE[evidence.start : evidence.end] != evidence.quote:
        raise CheckFailed("the quote is not what stands in the document; please report this")
    return f"'{given.text}', {given.confidence:.0%} sure, quoted to the letter"


def reply(pipeline: Pipeline) -> str:
    """A generated reply."""
    given = pipeline.reply("Hello! How are you?", [], Knowledge(), Preferences())
    if given.skill != "chat" or not given.text.strip():
        raise CheckFailed(f"expected a generated reply, got skill {given.skill}; try: {FETCH_COMMAND}")
    return f"{len(given.text)} characters"


def memory(settings: Settings, pipeline: Pipeline) -> str:
    """The most memory that this process took, what was estimated, and the bound."""
    bound = "none" if settings.memory_mb is None else f"{settings.memory_mb} MiB"
    return f"{peak_memory_mib():.0f} MiB at most so far, bound {bound}; estimated {pipeline.footprint()}"


def peak_memory_mib() -> float:
    """The most memory that this process has held, in MiB.

    Linux's ``ru_maxrss`` counts what the parent held before it became this program; its status
    file does not.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024**2)
