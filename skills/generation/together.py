"""The entries of a batch at the same time: all of them are made, or all are given up.

Knows nothing of what is made. An engine has so many slots; so many threads wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from skills.dialog import Listener

T = TypeVar("T")
#: One entry's work. It is handed the sign that nobody waits for it any more.
Task = Callable[[threading.Event], T]


def together(workers: ThreadPoolExecutor, tasks: Sequence[Task[T]]) -> list[T]:
    """The results in the order of the tasks.

    Raises:
        Exception: what a task raised, at once; the others are told that they are given up, as they
            are when Ctrl-C ends the waiting.
    """
    given_up = threading.Event()
    futures: list[Future[T]] = [workers.submit(task, given_up) for task in tasks]
    try:
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()  # raises where one failed, before the rest is waited for
        return [future.result() for future in futures]
    finally:
        given_up.set()
        for future in futures:
            future.cancel()


def until(given_up: threading.Event, listener: Listener | None = None) -> Listener:
    """A listener that stops where nobody waits any more, or where the listener it wraps does."""

    def stoppable(piece: str) -> bool:
        return given_up.is_set() or (listener is not None and bool(listener(piece)))

    return stoppable
