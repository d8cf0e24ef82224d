"""The ASGI application: the webhook, and what tells whether all is well.

    POST <path of the webhook>   an update, with Telegram's secret; 200 once it is stored
    GET /healthz                 200 while the program lives
    GET /readyz                  200 while it can take updates: Redis answers, the models are loaded
    GET /metrics                 for Prometheus

Plain ASGI, without a framework: there is little to route, and the body must be bounded while it
comes in. It knows neither uvicorn nor the conversation.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.errors import StoreError
from bot.telegram.intake import Intake
from bot.telegram.metrics import Metrics

#: An update is a message of at most some 100 kB.
MAX_BODY = 1_000_000
SECRET_HEADER = b"x-telegram-bot-api-secret-token"

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class WebApplication:
    """ASGI.

    Args:
        metrics: to be shown.
        ready: awaited by /readyz; raises StoreError while something is missing.
        intake: where updates go; None without a webhook.
        webhook_url: the public address, whose path is served; "" without a webhook.
        secret: that Telegram sends along.
    """

    def __init__(
        self, metrics: Metrics, ready: Callable[[], Awaitable[None]], intake: Intake | None = None,
        webhook_url: str = "", secret: str = "",
    ) -> None:  # fmt: skip
        self._metrics = metrics
        self._ready = ready
        self._intake = intake
        self._path = (urlsplit(webhook_url).path or "/") if webhook_url else ""
        self._secret = secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        status, body, kind = await self._answer(scope, receive)
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        if status == 405:
            headers.append((b"allow", b"POST" if scope["path"] == self._path else b"GET"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes]:
        path, plain = scope["path"], b"text/plain; charset=utf-8"
        if self._path and path == self._path:
            status = await self._update(scope, receive)
            return status, b"", plain
        pages = {"/healthz": self._health, "/readyz": self._readiness, "/metrics": self._page}
        if path not in pages:
            return 404, b"not found\n", plain
        if scope["method"] not in ("GET", "HEAD"):
            return 405, b"", plain
        return await pages[path]()

    async def _health(self) -> tuple[int, bytes, bytes]:
        return 200, b"alive\n", b"text/plain; charset=utf-8"

    async def _readiness(self) -> tuple[int, bytes, bytes]:
        try:
            await self._ready()
        except StoreError:
            return 503, b"not ready\n", b"text/plain; charset=utf-8"
        return 200, b"ready\n", b"text/plain; charset=utf-8"

    async def _page(self) -> tuple[int, bytes, bytes]:
        return 200, self._metrics.page(), b"text/plain; version=0.0.4; charset=utf-8"

    async def _update(self, scope: Scope, receive: Receive) -> int:
        if scope["method"] != "POST":
            return 405
        headers = dict(scope["headers"])
        if not hmac.compare_digest(headers.get(SECRET_HEADER, b""), self._secret):
            self._metrics.fault("secret")
            return 403
        body = await _body(headers, receive)
        if body is None:
            return 413
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            return 400
        if not isinstance(update, dict):
            return 400
        assert self._intake is not None
        try:
            await self._intake.take_in([update])
        except StoreError:  # the inbox's connection tells; Telegram will repeat the update
            self._metrics.fault("redis")
            return 503
        return 200


async def _body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes | None:
    """The request's body; None if it is too large or does not come whole."""
    claimed = headers.get(b"content-length", b"0")
    if not claimed.isdigit() or int(claimed) > MAX_BODY:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            return bytes(body)
