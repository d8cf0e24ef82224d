"""Threads for what is synchronous: the conversation and its store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """A pool for calls that may take long.

    A call that does not come back holds its thread, so there are more of them than are meant to
    be busy at a time.
    """

    def __init__(self, n: int) -> None:
        self._running: set[Future[Any]] = set()
        self._pool = ThreadPoolExecutor(n, thread_name_prefix="telegram")

    def run(self, call: Callable[..., T], *arguments: Any, **options: Any) -> asyncio.Future[T]:
        """Call something in a thread; its result is to be awaited."""
        future = self._pool.submit(call, *arguments, **options)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return asyncio.wrap_future(future)

    def close(self) -> bool:
        """Take no more calls; those that run are left to themselves. Whether none did."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not self._running
