"""HTTP for python-telegram-bot, on aiohttp: a third of the CPU time a call of what httpx takes.

A ``BaseRequest`` is python-telegram-bot's place for this. Nothing is logged, neither what came nor an
address (it holds the token), and exceptions name their kind alone. A request is sent once: what fails
after it may have been carried out is the caller's to judge. Knows no method of the Bot API.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from telegram import error
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.errors import SettingsError

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": BaseRequest.USER_AGENT}
_NO_FORM = {"User-Agent": BaseRequest.USER_AGENT}


@dataclass(frozen=True)
class Fields:
    """What a call sends, as far as a request reads it: like RequestData, but made of plain values.

    python-telegram-bot's own is made of trees of objects, which costs as much as the sending.

    Attributes:
        json_parameters: name -> a text, or JSON.
        contains_files: never.
    """

    json_parameters: Mapping[str, str]
    contains_files: Literal[False] = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Fields:
        """Of plain values, those left out that are None."""
        return cls(
            {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in values.items()
                if value is not None
            }
        )


class TooLarge(Exception):
    """A file is larger than what is taken."""


class QuietRequest(BaseRequest):
    """Requests to one server. Open it with ``initialize``, in the event loop it is used in.

    Args:
        root: of the server; tells whether there is TLS, and which proxy of the environment is used.
        connection_pool_size: connections at a time.
        read_timeout: between two pieces of an answer, in seconds; more where a call says so.
        write_timeout: for each piece of a file that is sent.
        connect_timeout: until a connection stands.
        pool_timeout: until one is free.
    """

    def __init__(
        self, root: str, connection_pool_size: int, *, read_timeout: float = 30.0,
        write_timeout: float = 30.0, connect_timeout: float = 10.0, pool_timeout: float = 30.0,
    ) -> None:  # fmt: skip
        self._root = root
        self._size = connection_pool_size
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout
        self._connect_timeout = connect_timeout
        self._pool_timeout = pool_timeout
        self._proxy = proxy_of(root)
        self._session: aiohttp.ClientSession | None = None
        self._answered_at = -math.inf

    def answered_since(self, moment: float) -> bool:
        """Whether the server carried out a request after a moment of ``time.monotonic``."""
        return self._answered_at > moment

    @property
    def read_timeout(self) -> float:
        """See :attr:`telegram.request.BaseRequest.read_timeout`."""
        return self._read_timeout

    async def initialize(self) -> None:
        """Open the pool; no connection is made yet."""
        if self._session is None:
            tls = self._root.startswith("https:")
            # the certificates that httpx would trust, so that a slim image needs none of its own
            connector = aiohttp.TCPConnector(
                limit=self._size, ssl=httpx.create_ssl_context() if tls else False
            )
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def shutdown(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def do_request(
        self, url: str, method: str, request_data: RequestData | Fields | None = None,
        read_timeout: Any = None, write_timeout: Any = None, connect_timeout: Any = None,
        pool_timeout: Any = None,
    ) -> tuple[int, bytes]:  # fmt: skip
        """See :meth:`telegram.request.BaseRequest.do_request`.

        Raises:
            telegram.error.TimedOut: if it took too long.
            telegram.error.NetworkError: if the connection failed.
        """
        body: bytes | aiohttp.FormData | None = None
        headers = _NO_FORM
        if isinstance(request_data, RequestData) and request_data.contains_files:
            body = _multipart(request_data, _given(write_timeout, self._write_timeout))
        elif request_data is not None:
            body, headers = urllib.parse.urlencode(request_data.json_parameters).encode(), _FORM
        timeout = self._timeout(read_timeout, connect_timeout, pool_timeout)
        try:
            async with self._opened().request(
                method, URL(url, encoded=True), data=body, headers=headers, timeout=timeout,
                proxy=self._proxy, allow_redirects=False,
            ) as response:  # fmt: skip
                payload = await response.read()
                if response.status == HTTPStatus.OK:
                    self._answered_at = time.monotonic()
                return response.status, payload
        except (TimeoutError, aiohttp.ClientError, OSError) as failure:
            raise _converted(failure) from None

    async def fetch(self, url: str, limit: int) -> bytes:
        """A file of at most ``limit`` bytes.

        Raises:
            TooLarge: if it is larger.
            telegram.error.NetworkError: if it cannot be had.
        """
        data = bytearray()
        try:
            async with self._opened().get(
                url, headers=_NO_FORM, timeout=self._timeout(), proxy=self._proxy, allow_redirects=False
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise error.NetworkError(f"file: status {response.status}")
                async for piece in response.content.iter_any():
                    data += piece
                    if len(data) > limit:
                        raise TooLarge
        except (TimeoutError, aiohttp.ClientError, OSError) as failure:
            raise _converted(failure) from None
        return bytes(data)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer; one without a result is as unreadable as one that is no JSON."""
        try:
            answer = json.loads(payload)
        except ValueError:
            raise error.TelegramError("unreadable answer") from None
        if not isinstance(answer, dict) or (answer.get("ok") and "result" not in answer):
            raise error.TelegramError("unreadable answer")
        return answer

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the connections are not open; call initialize() first")
        return self._session

    def _timeout(self, read: Any = None, connect: Any = None, pool: Any = None) -> aiohttp.ClientTimeout:
        connect_s = _given(connect, self._connect_timeout)
        return aiohttp.ClientTimeout(
            total=None, sock_connect=connect_s, sock_read=_given(read, self._read_timeout),
            # aiohttp counts the wait for a free connection and the making of one together
            connect=connect_s + _given(pool, self._pool_timeout),
        )  # fmt: skip


class _Pieces(aiohttp.Payload):
    """A file on its way; each piece must leave in time."""

    SIZE = 1 << 16

    def __init__(self, data: bytes, piece_timeout_s: float, *, content_type: str, filename: str) -> None:
        super().__init__(data, content_type=content_type, filename=filename)
        self._size = len(data)
        self._piece_timeout_s = piece_timeout_s

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """See :meth:`aiohttp.Payload.decode`."""
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """See :meth:`aiohttp.Payload.write`."""
        view = memoryview(self._value)
        for start in range(0, len(view), self.SIZE):
            await asyncio.wait_for(writer.write(view[start : start + self.SIZE]), self._piece_timeout_s)


def _multipart(request_data: RequestData, piece_timeout_s: float) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    for name, value in request_data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, kind) in request_data.multipart_data.items():
        data = content if isinstance(content, bytes) else content.read()
        pieces = _Pieces(data, piece_timeout_s, content_type=kind, filename=filename)
        form.add_field(name, pieces, filename=filename, content_type=kind)
    return form


def _given(value: Any, default: float) -> float:
    """A time-out of a call, or the default where it names none."""
    return float(value) if isinstance(value, (int, float)) else default


def _converted(failure: Exception) -> error.NetworkError:
    if isinstance(failure, asyncio.TimeoutError):
        return error.TimedOut(type(failure).__name__)
    return error.NetworkError(type(failure).__name__)


def proxy_of(root: str) -> str | None:
    """The proxy that the environment names for a server: ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``.

    Raises:
        SettingsError: if it is of a kind that cannot be used.
    """
    parts = urllib.parse.urlsplit(root)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    kind = proxy.partition("://")[0] if "://" in proxy else "http"
    if kind not in ("http", "https"):
        raise SettingsError(
            [
                f"the environment names a {kind} proxy; only http proxies can be used: set HTTPS_PROXY to "
                "one, or NO_PROXY to the server's name"
            ]
        )
    return proxy if "://" in proxy else f"http://{proxy}"
