"""Calls from several threads that come at the same moment share one run.

Nobody waits for company: a lone call runs at once. Calls that come while a run is under way would
only take the cores from it; they wait for its end and are then run together, the first of them in
charge. Knows nothing of what is run.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Call(Generic[Item, Result]):
    """One caller's items, and what becomes of them."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.results: list[Result] | None = None
        self.error: BaseException | None = None
        self.woken = threading.Event()

    @property
    def done(self) -> bool:
        return self.results is not None or self.error is not None


class MicroBatcher(Generic[Item, Result]):
    """Shares runs among threads; ``batcher(items)`` gives as many results, in the order of the items.

    Args:
        run: items to results; called by one thread at a time.
        max_items: calls are put together up to so many items, so that the first in line does not wait
            for the last; a call with more of them is run alone.
    """

    def __init__(self, run: Callable[[Sequence[Item]], list[Result]], max_items: int = 32) -> None:
        self._run = run
        self._max_items = max_items
        self._guard = threading.Lock()
        self._running = False
        self._waiting: deque[_Call[Item, Result]] = deque()

    def __call__(self, items: Sequence[Item]) -> list[Result]:
        """Run the items, with those of others where there are any.

        Raises:
            Exception: what ``run`` raises for these items; those of others don't matter.
        """
        call: _Call[Item, Result] = _Call(items)
        with self._guard:
            self._waiting.append(call)
            leads, self._running = not self._running, True
        if not leads:
            call.woken.wait()
        if not call.done:
            self._lead()
        if call.error is not None:
            raise call.error
        assert call.results is not None
        return call.results

    def _lead(self) -> None:
        """Run what waits, the caller's own first, and hand over to the next in line."""
        with self._guard:
            batch = [self._waiting.popleft()]
            n_items = len(batch[0].items)
            while self._waiting and n_items + len(self._waiting[0].items) <= self._max_items:
                batch.append(self._waiting.popleft())
                n_items += len(batch[-1].items)
        try:
            self._run_together(batch)
        finally:
            for call in batch:
                call.woken.set()
            with self._guard:
                self._running = bool(self._waiting)
                following = self._waiting[0] if self._waiting else None
            if following is not None:
                following.woken.set()

    def _run_together(self, batch: Sequence[_Call[Item, Result]]) -> None:
        try:
            results = self._run([item for call in batch for item in call.items])
        except BaseException as error:
            if len(batch) == 1:
                batch[0].error = error
                return
            for call in batch:  # whose fault it is shows by itself
                self._run_together([call])
            return
        first = 0
        for call in batch:
            call.results = results[first : first + len(call.items)]
            first += len(call.items)
