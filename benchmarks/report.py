"""What all benchmarks print: the machine they ran on, and aligned tables."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import unicodedata
from collections.abc import Sequence
from pathlib import Path

#: Packages whose speed is measured somewhere here.
PACKAGES = (
    "deeppavlov", "numpy", "onnxruntime", "torch", "transformers", "xllamacpp", "redis", "apsw", "sqlite-vec",
)  # fmt: skip


def machine() -> str:
    """Two lines: cores, CPU, memory, load; and the versions of what is measured.

    The load counts: on a machine that does something else every figure but the ratios of one run
    is worth little.
    """
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    hardware = f"{n_cores()} cores, {cpu_model()}, {memory_gb():.0f} GB, {platform.system()}, load {load}"
    return f"{hardware}\n{', '.join(versions)}"


def n_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's name, as well as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def memory_gb() -> float:
    """Memory of the machine in GB, 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, OSError, ValueError):
        return 0.0


def peak_memory_mb(pid: int | None = None) -> float:
    """The most memory a process has held so far (resident, in MB); 0 where the system does not tell."""
    status = Path(f"/proc/{pid or os.getpid()}/status")
    if status.is_file():
        for line in status.read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns that line up: the first to the left, the others to the right.

    Args:
        heads: of the columns.
        rows: cells; numbers are printed as they are, so format them first.

    Raises:
        ValueError: if a row has more or fewer cells than there are heads.
    """
    cells = [[str(cell) for cell in row] for row in (heads, *rows)]
    if any(len(row) != len(heads) for row in cells):
        raise ValueError(f"a row has not the {len(heads)} cells that the heads have")
    widths = [max(_width(row[column]) for row in cells) for column in range(len(heads))]
    lines = [
        "  ".join(_padded(cell, widths[column], column > 0) for column, cell in enumerate(row))
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def ratio(ours: float, theirs: float, target: float | None = None, at_most: bool = False) -> str:
    """``ours / theirs``, and whether it reaches a target.

    Args:
        ours: our figure.
        theirs: what it is compared with.
        target: what the ratio should be, or None.
        at_most: the target is an upper bound.
    """
    if not theirs:
        return "n/a"
    value = ours / theirs
    if target is None:
        return f"{value:.2f}"
    reached = value <= target if at_most else value >= target
    return f"{value:.2f} ({'reaches' if reached else 'misses'} {'≤' if at_most else '≥'} {target:.2f})"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
