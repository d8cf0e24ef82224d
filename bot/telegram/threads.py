"""Threads for what is synchronous: the conversation and its store."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """A pool for calls that may take long.

    A call that does not come back holds its thread, so there are more of them than are meant to
    be busy at a time.
    """

    def __init__(self, n: int) -> None:
        self._pool = ThreadPoolExecutor(n, thread_name_prefix="telegram")

    async def run(self, call: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Call something in a thread and await its result."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, functools.partial(call, *arguments, **options))

    def close(self) -> None:
        """Take no more calls; those that run are left to themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)
