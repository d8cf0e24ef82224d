"""The inbox's connection to Redis: scripts, and errors that repeat nothing of what is stored."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.errors import StoreError, StoreUnavailable
from bot.outage import Outage
from bot.telegram import inbox_scripts

log = logging.getLogger(__name__)
T = TypeVar("T")

#: What a server says that will be ready later: it starts, changes its role, or its disk is full.
_NOT_READY = (
    "NOGROUP", "LOADING", "MASTERDOWN", "READONLY", "TRYAGAIN", "CLUSTERDOWN", "BUSY", "MISCONF",
    "NOREPLICAS",
)  # fmt: skip


class InboxLink:
    """A Redis server as the inbox uses it; for one event loop.

    Args:
        url: of the server.
        prefix: of every key.
        rings: names of the rings, whose consumer groups are made.
        timeout_s: how long an answer is waited for.
    """

    def __init__(self, url: str, prefix: str, rings: Sequence[str], timeout_s: float = 10.0) -> None:
        self.prefix = prefix
        self._rings = tuple(rings)
        self._timeout_s = timeout_s
        self._outage = Outage(log, "the Redis server")
        # (the client's types leave open whether answers are decoded; ours are)
        self._redis: Any = redis.Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=min(5.0, timeout_s),
            decode_responses=True, protocol=2,
            # a script that was carried out must not be carried out again because its answer was lost
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip
        self._scripts: dict[str, Any] = {
            name: self._redis.register_script(text) for name, text in inbox_scripts.SCRIPTS.items()
        }
        self._durable = True

    async def open(self) -> bool:
        """Make the rings; whether the server keeps what it acknowledges.

        Raises:
            StoreUnavailable: if the server does not answer.
        """
        await self._sure(self._make_groups())
        self._durable = bool((await self._sure(self._redis.info("persistence"))).get("aof_enabled"))
        return self._durable

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()

    def key(self, name: str) -> str:
        """The full name of a key."""
        return self.prefix + name

    async def run(self, script: str, arguments: Sequence[str | int]) -> Any:
        """Run a script."""
        return await self._sure(self._scripts[script]([self.prefix], list(arguments)))

    async def run_durably(self, script: str, arguments: Sequence[str | int]) -> Any:
        """Run a script and return once what it wrote is on the server's disk.

        Raises:
            StoreUnavailable: if that is not certain.
        """
        return await self._sure(self._durably(script, arguments))

    async def _durably(self, script: str, arguments: Sequence[str | int]) -> Any:
        try:
            answers = await self._pipelined(script, arguments)
        except NoScriptError:  # a new server; nothing was carried out
            await self._redis.script_load(inbox_scripts.SCRIPTS[script])
            answers = await self._pipelined(script, arguments)
        if self._durable and answers[1][0] < 1:
            self._outage.failed("the disk is slow")
            raise StoreUnavailable("the Redis server did not write to its disk in time")
        return answers[0]

    async def _pipelined(self, script: str, arguments: Sequence[str | int]) -> list[Any]:
        """A script and the wait for the disk, in one access."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.evalsha(self._scripts[script].sha, 1, self.prefix, *arguments)
            if self._durable:
                pipeline.execute_command("WAITAOF", 1, 0, round(800 * self._timeout_s))
            return list(await pipeline.execute())

    @property
    def longest_wait_s(self) -> float:
        """How long a call may have the server wait for something without being taken for lost."""
        return self._timeout_s / 2

    async def call(self, command: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the client."""
        return await self._sure(getattr(self._redis, command)(*arguments, **options))

    async def _make_groups(self) -> None:
        for ring in self._rings:
            try:
                await self._redis.xgroup_create(
                    self.key(f"ready:{ring}"), inbox_scripts.GROUP, id="0", mkstream=True
                )
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def _sure(self, call: Awaitable[T]) -> T:
        """Await a call, converting its errors; they may quote what was said, so only their kind is told.

        Raises:
            StoreUnavailable: if the server does not answer or is not ready.
            StoreError: if it refuses.
        """
        try:
            result = await call
        except (TimeoutError, RedisConnectionError, RedisTimeoutError, OSError) as error:
            self._outage.failed(type(error).__name__)
            raise StoreUnavailable(f"the Redis server does not answer ({type(error).__name__})") from error
        except RedisError as error:
            code = str(error).split(" ", 1)[0][:20]
            if code == "NOGROUP":  # somebody emptied the server
                with contextlib.suppress(RedisError, OSError):
                    await self._make_groups()
            self._outage.failed(code)
            if code in _NOT_READY:
                raise StoreUnavailable(f"the Redis server is not ready ({code})") from error
            raise StoreError(f"the Redis server refused ({code})") from error
        self._outage.answered()
        return result
