"""The line that a training run shows: loss, speed and time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from tqdm import tqdm

#: Weight of the loss so far in the running mean that is shown.
_MEMORY = 0.98
#: Seconds between two lines: at a terminal, where a line replaces the one before, and in a file.
_TERMINAL_S, _FILE_S = 2.0, 30.0


class Progress:
    """A bar over the batches of an epoch.

    Args:
        title: what stands before the bar.
        total: batches of the epoch.
        done: of those, how many are done already.

    Attributes:
        loss: running mean of the losses; None before the first.
    """

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        interval = _TERMINAL_S if sys.stderr.isatty() else _FILE_S
        self.loss: float | None = None
        self._bar: Any = tqdm(total=total, initial=done, desc=title, unit="batch", mininterval=interval)
        self._began = time.monotonic()
        self._tokens = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def step(self, loss: float, n_tokens: int, seconds_left: float) -> None:
        """Show one more batch.

        Args:
            loss: of the batch.
            n_tokens: tokens that it had; 0 shows no speed.
            seconds_left: until the whole training is at its end.
        """
        self.loss = loss if self.loss is None else _MEMORY * self.loss + (1 - _MEMORY) * loss
        self._tokens += n_tokens
        shown = [f"loss {self.loss:.3f}"]
        if n_tokens:
            shown.append(f"{self._tokens / max(time.monotonic() - self._began, 1e-3):,.0f} tokens/s")
        shown.append(f"{duration(seconds_left)} left")
        self._bar.set_postfix_str(", ".join(shown), refresh=False)
        self._bar.update()


def duration(seconds: float) -> str:
    """A length of time as a person says it: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
