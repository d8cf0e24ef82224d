"""The program behind ``python -m bot telegram``: checks at start, a signal at the end.

What is wrong at start is one line on standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot import logs
from bot.errors import BotError, ServerStartError, SettingsError, StoreUnavailable
from bot.pipeline import Pipeline
from bot.redis_sessions import open_store
from bot.settings import Settings
from bot.telegram.api import Api, fault_of
from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Bounds
from bot.telegram.incoming import Me
from bot.telegram.polling import TokenRevoked
from bot.telegram.service import CannotStart, LoadablePipeline, Service

log = logging.getLogger(__name__)
T = TypeVar("T")

START_TRIES = 5


def main(settings: Settings, pipeline: LoadablePipeline | None = None) -> int:
    """Serve Telegram until a signal; the exit status.

    Args:
        settings: of the service.
        pipeline: instead of the one that the settings describe.
    """
    logs.configure(service=True)
    if not settings.telegram_token:
        print("TELEGRAM_TOKEN must be set: the token that @BotFather gave you", file=sys.stderr)  # noqa: T201
        return 2
    try:
        if pipeline is None:
            pipeline = Pipeline(settings)
            pipeline.check_memory()  # before Telegram hears of us, and before updates are taken in
        finished = asyncio.run(_serve(settings, pipeline))
    except BotError as failure:
        print(failure, file=sys.stderr)  # noqa: T201
        return 2 if isinstance(failure, SettingsError) else 1
    except TokenRevoked:
        print("Telegram no longer knows TELEGRAM_TOKEN", file=sys.stderr)  # noqa: T201
        return 1
    if not finished:
        # A thread still writes a reply that nobody waits for; the update stays stored.
        logging.shutdown()
        os._exit(0)
    return 0


async def _serve(settings: Settings, pipeline: LoadablePipeline) -> bool:
    """Start, run and stop; whether all that was in hand was finished."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    api = Api(settings.telegram_token, settings.telegram_api_url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(api.close_connections)
        await api.open_connections()
        me = await _who_am_i(api)
        store = await _when_redis_is_there(
            lambda: asyncio.to_thread(open_store, settings, settings.telegram_lease_s)
        )
        stack.callback(store.close)
        inbox = Inbox(store.url, me.id, _bounds(settings), settings.redis_timeout_s)
        stack.push_async_callback(inbox.close)
        await _when_redis_is_there(inbox.open)
        service = Service(settings, pipeline, api, me, store, inbox)
        finished = await service.run(stop)
        log.info("stopped")
        return finished


async def _who_am_i(api: Api) -> Me:
    """The bot behind the token.

    Raises:
        CannotStart: if the token is wrong, or Telegram stays out of reach.
    """
    for attempt in range(1, START_TRIES + 1):
        try:
            return Me(*await api.who())
        except Exception as failure:
            fault = fault_of(failure)
        if fault.kind == "token":
            raise CannotStart("TELEGRAM_TOKEN is wrong: Telegram does not know it")
        log.warning("Telegram does not answer (%s), attempt %d of %d", fault.reason, attempt, START_TRIES)
        await asyncio.sleep(max(fault.seconds, min(8.0, 0.5 * 2**attempt)))
    raise CannotStart("Telegram cannot be reached; see TELEGRAM_API_URL and the network")


async def _when_redis_is_there(call: Callable[[], Awaitable[T]]) -> T:
    """Redis may be starting, or restarting, just then; a program that ends for it serves nobody.

    Raises:
        StoreError: if Redis stays out of reach.
    """
    for attempt in range(1, START_TRIES):
        try:
            return await call()
        except ServerStartError:
            raise
        except StoreUnavailable:
            log.warning("Redis does not answer, attempt %d of %d", attempt, START_TRIES)
        await asyncio.sleep(0.25 * 2**attempt)
    return await call()


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        total=settings.telegram_queue_size,
        lane=settings.telegram_chat_queue_size,
        per_minute=settings.telegram_rate_per_minute,
        join_s=settings.telegram_join_s,
        lease_s=settings.telegram_lease_s,
    )
