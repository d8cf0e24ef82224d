"""A small HTTP/1.1 server for the tests' fakes, in a thread of its own.

It exists because the fakes must misbehave in ways no web framework allows: close the connection
before or after the work is done, answer half a body, or never. It knows nothing of Telegram.
"""

from __future__ import annotations

import asyncio
import email.parser
import email.policy
import socket
import threading
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One request: the path without its query, headers in lower case, the body as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    query: str = ""

    def form(self) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
        """The fields and the files, from a query, a form or a multipart body."""
        fields = dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True))
        files: dict[str, tuple[str, bytes]] = {}
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            fields.update(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))
        elif kind.startswith("multipart/form-data"):
            head = f"Content-Type: {kind}\r\n\r\n".encode()
            message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
            for part in message.iter_parts():
                name = str(part.get_param("name", header="content-disposition"))
                content = part.get_payload(decode=True) or b""
                assert isinstance(content, bytes)
                if part.get_filename() is None:
                    fields[name] = content.decode()
                else:
                    files[name] = (str(part.get_filename()), content)
        return fields, files


@dataclass(frozen=True)
class Response:
    """One response; ``drop`` closes the connection without a word."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    drop: bool = False


Handler = Callable[[Request], Awaitable[Response]]


class TinyHttpServer:
    """Serves one handler on a free port of the loopback until it is stopped."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tiny-http", daemon=True)
        self._ready = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which the handler runs."""
        return self._loop

    def start(self) -> None:
        """Listen; returns once requests are taken."""
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the test server did not start within 10 s")

    def stop(self) -> None:
        """Close every connection and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, family=socket.AF_INET, limit=1 << 26)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0.01))
            for writer in self._writers:
                writer.transport.abort()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await self._read(reader)) is not None:
                response = await self._handler(request)
                if response.drop:
                    writer.transport.abort()
                    break
                head = (
                    f"HTTP/1.1 {response.status} X\r\nContent-Type: {response.content_type}\r\n"
                    f"Content-Length: {len(response.body)}\r\n\r\n"
                )
                writer.write(head.encode() + response.body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {
            name.strip().lower(): value.strip()
            for name, colon, value in (line.partition(":") for line in lines)
            if colon
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path, _, query = target.partition("?")
        return Request(method, urllib.parse.unquote(path), headers, body, query)
