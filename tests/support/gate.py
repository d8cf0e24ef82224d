"""A point that a process reaches and stays at until it is let on, told by files: for killing it there."""

from __future__ import annotations

import time
from pathlib import Path


class Gate:
    """One gate, known to both processes by its folder and name."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._reached, self._opened = folder / f"{name}.reached", folder / f"{name}.opened"

    def pass_through(self) -> None:
        """Come to the gate, and wait until it is open."""
        self._reached.touch()
        while not self._opened.exists():
            time.sleep(0.01)

    def is_reached(self) -> bool:
        """Whether anybody came to it."""
        return self._reached.exists()

    def open(self) -> None:
        """Let on whoever waits, and whoever comes."""
        self._opened.touch()
