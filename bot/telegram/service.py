"""All parts of the service wired together, run, and ended in order.

The order of the end: no more updates are taken in; what is in hand is finished, within a limit; the
rest stays stored. ``kill -9`` at any moment loses nothing either.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import logging
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import uvicorn

from bot.conversation import Conversation, PipelineLike
from bot.errors import BotError, StoreUnavailable
from bot.redis_sessions import RedisSessionStore
from bot.settings import Settings
from bot.telegram import menu
from bot.telegram.access import Access
from bot.telegram.admin import Admin
from bot.telegram.api import Api, fault_of
from bot.telegram.delivery import Delivery
from bot.telegram.handlers import Handlers
from bot.telegram.herald import Herald
from bot.telegram.inbox import Inbox
from bot.telegram.incoming import ALLOWED_UPDATES, Me
from bot.telegram.intake import Intake
from bot.telegram.messenger import Messenger
from bot.telegram.metrics import Metrics
from bot.telegram.pace import Pace
from bot.telegram.patience import BRIEFLY_S, briefly
from bot.telegram.polling import Polling
from bot.telegram.streaming import Channel, Pacing
from bot.telegram.threads import Threads
from bot.telegram.webhook import WebApplication
from bot.telegram.worker import Worker

log = logging.getLogger(__name__)

#: Buttons, /stop and inline queries handled at the same time.
ASIDE_PLACES = 8
#: A session that is busy is waited for in the inbox rather than in one of our threads.
LOCK_WAIT_S = 2.0
WEBHOOK_PORT = 8443
TRIES = 5


class CannotStart(BotError):
    """The service cannot start; the message is what the operator reads."""


class LoadablePipeline(PipelineLike, Protocol):
    """The chain, with its beginning and end."""

    def load(self) -> None:
        """Get ready."""

    def close(self) -> None:
        """Let go of the models."""


class Service:
    """One run of one process.

    Args:
        settings: of the service.
        pipeline: the chain; loaded while updates are taken in already.
        api: of the bot ``me``.
        me: the bot.
        store: of the sessions.
        inbox: opened.
    """

    def __init__(
        self, settings: Settings, pipeline: LoadablePipeline, api: Api, me: Me, store: RedisSessionStore,
        inbox: Inbox,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._pipeline = pipeline
        self._api = api
        self._inbox = inbox
        self._loaded = False
        metrics, pace = Metrics(), Pace()
        access = Access(settings.telegram_allowed, settings.telegram_admins)
        delivery = Delivery(metrics, pace)
        messenger = Messenger(api, delivery, inbox)
        channel = Channel(api, delivery, pace, metrics, Pacing(), inbox)
        patience = min(settings.lock_wait_s, LOCK_WAIT_S)
        conversation = Conversation(dataclasses.replace(settings, lock_wait_s=patience), pipeline, store)
        self._threads = Threads(4 * settings.telegram_workers + ASIDE_PLACES)
        admin = Admin(access, messenger, settings.session_ttl_s)
        handlers = Handlers(settings, conversation, self._threads, me, messenger, channel, admin)
        intake = Intake(inbox, me, access, metrics)
        self._workers = [
            Worker(inbox, "main", settings.telegram_workers, handlers, metrics, api.answered_since),
            Worker(inbox, "aside", ASIDE_PLACES, handlers, metrics, api.answered_since),
        ]
        self._herald = Herald(settings, inbox, channel, me, metrics)
        self._polling = None if settings.telegram_webhook_url else Polling(api, intake, inbox, metrics)
        self._web = WebApplication(
            metrics, self._ready, intake, settings.telegram_webhook_url, settings.telegram_webhook_secret
        )

    async def run(self, stop: asyncio.Event) -> bool:
        """Serve until ``stop`` is set.

        Returns:
            Whether all that was in hand was finished.

        Raises:
            CannotStart: if the port is taken or Telegram refuses the webhook.
            BotError: if the models cannot be loaded.
            TokenRevoked: if Telegram forgets the token.
        """
        settings = self._settings
        async with contextlib.AsyncExitStack() as stack:
            port = settings.telegram_port or (0 if self._polling else WEBHOOK_PORT)
            if port:
                await stack.enter_async_context(_web_server(self._web, settings.telegram_listen, port))
            await self._announce()
            feeding = [asyncio.create_task(self._polling.run())] if self._polling else []
            try:
                await asyncio.to_thread(self._pipeline.load)
                self._loaded = True
                # What is there now stays; the garbage collector need not look through it for ever.
                gc.collect()
                gc.freeze()
                log.info("serving %s", "by polling" if self._polling else "by webhook")
                working = [asyncio.create_task(worker.run()) for worker in self._workers]
                heralding = asyncio.create_task(self._herald.run())
                waiting = asyncio.create_task(stop.wait())
                await asyncio.wait(
                    [waiting, *feeding, *working, heralding], return_when=asyncio.FIRST_COMPLETED
                )
                log.info("stopping")
                await _cancelled(waiting)
                finished = await self._drain(working, heralding)
            finally:
                if self._polling:
                    self._polling.stop()
                results = await self._fed(feeding)
            for result in results:
                if isinstance(result, Exception):
                    raise result
            await briefly(self._inbox.roles.drop("poller"))
        finished = self._threads.close() and finished
        if finished:
            await asyncio.to_thread(self._pipeline.close)
        return finished

    async def _drain(self, working: list[asyncio.Task[None]], heralding: asyncio.Task[None]) -> bool:
        if self._polling:
            self._polling.stop()
        limit_s = self._settings.telegram_stop_timeout_s
        finished = await asyncio.gather(*(worker.stop(limit_s) for worker in self._workers))
        for task in [*working, heralding]:
            await _cancelled(task)
        await self._herald.close()
        return all(finished)

    async def _fed(self, feeding: list[asyncio.Task[None]]) -> list[BaseException | None]:
        """The polling's end. It may be waiting for Redis; what it did not store comes again."""
        if feeding:
            await asyncio.wait(feeding, timeout=BRIEFLY_S)
        for task in feeding:
            task.cancel()
        return await asyncio.gather(*feeding, return_exceptions=True)

    async def _ready(self) -> None:
        if not self._loaded:
            raise StoreUnavailable("the models are being loaded")
        await self._inbox.ping()

    async def _announce(self) -> None:
        """Tell Telegram how updates are to come, and which commands there are.

        Raises:
            CannotStart: if it does not take that.
        """
        settings = self._settings
        if self._polling:
            await self._insist("deleteWebhook", self._api.delete_webhook)
        else:
            await self._insist(
                "setWebhook",
                lambda: self._api.set_webhook(
                    settings.telegram_webhook_url,
                    allowed_updates=list(ALLOWED_UPDATES),
                    secret_token=settings.telegram_webhook_secret,
                ),
            )
        await menu.publish(self._api, settings.telegram_admins)

    async def _insist(self, what: str, call: Callable[[], Awaitable[object]]) -> None:
        for attempt in range(TRIES):
            try:
                await call()
                return
            except Exception as error:
                fault = fault_of(error)
            log.warning("%s: %s", what, fault.reason)
            if fault.kind == "token":
                return  # the token is good: a server that lacks the method needs no such call
            if fault.kind not in ("network", "flood"):
                raise CannotStart(f"Telegram refuses {what}; see QUOTH_TELEGRAM_WEBHOOK_URL")
            await asyncio.sleep(max(fault.seconds, 0.5 * 2**attempt * random.uniform(0.5, 1.5)))  # noqa: S311
        raise CannotStart(f"Telegram does not answer {what}")


@contextlib.asynccontextmanager
async def _web_server(application: WebApplication, host: str, port: int) -> AsyncIterator[None]:
    """Serve HTTP for as long as the context lasts."""
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host}, port {port} ({error.strerror}); "
            "see QUOTH_TELEGRAM_LISTEN and QUOTH_TELEGRAM_PORT"
        ) from error
    config = uvicorn.Config(
        application, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False,
        timeout_keep_alive=30, limit_concurrency=200,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # signals are the service's
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        listening.close()


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
