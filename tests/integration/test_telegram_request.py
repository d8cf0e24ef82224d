"""HTTP to Telegram over real sockets: time-outs, broken connections, files, and nothing sent twice."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from telegram import Bot, InputFile, error

from bot.telegram.api import Api
from bot.telegram.request import QuietRequest, TooLarge
from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_telegram_faults import Fault
from tests.support.tiny_http import Request, Response, TinyHttpServer

TOKEN = "4242:fake-token_fake-token_fake-token_35"


class Server:
    """Counts requests and answers what the test says."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.delay_s = 0.0
        self.response = Response(200, b'{"ok": true, "result": {"message_id": 5}}')
        self._http = TinyHttpServer(self._answer)

    async def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        await asyncio.sleep(self.delay_s)
        return self.response

    def __enter__(self) -> Server:
        self._http.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.port}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    made = Api(TOKEN, server.url, timeout_s=0.3)
    await made.open_connections()
    yield made
    await made.close_connections()


async def test_a_message_goes_as_a_form(api: Api, server: Server) -> None:
    assert await api.send_text(7, "ü & <b>", topic=3, silent=True) == 5
    (request,) = server.requests
    assert request.path == f"/bot{TOKEN}/sendMessage"
    assert request.form()[0] == {
        "chat_id": "7", "text": "ü & <b>", "message_thread_id": "3", "disable_notification": "true",
        "link_preview_options": '{"is_disabled": true}',
    }  # fmt: skip


async def test_a_file_arrives_whole(api: Api, server: Server) -> None:
    data = bytes(range(256)) * 8192  # 2 MiB, in many pieces
    await_answer = api.send_document(7, InputFile(data, 'Straße "1".json'), caption="all")
    with pytest.raises(Exception):  # noqa: B017, PT011 - the answer is no message; the request is looked at
        await await_answer
    (request,) = server.requests
    fields, files = request.form()
    assert fields["chat_id"] == "7"
    assert fields["caption"] == "all"
    assert [content for _, content in files.values()] == [data]


async def test_a_slow_answer_is_a_time_out_and_is_not_sent_again(api: Api, server: Server) -> None:
    server.delay_s = 1.0
    with pytest.raises(error.TimedOut):
        await api.send_text(7, "hello")
    assert len(server.requests) == 1


async def test_a_lost_connection_is_a_fault_and_is_not_sent_again(
    api: Api, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    await api.send_text(7, "hello")  # so that there is a connection to be used again
    server.response = Response(drop=True)
    with caplog.at_level(logging.DEBUG), pytest.raises(error.NetworkError) as caught:
        await api.send_text(7, "hello")
    assert len(server.requests) == 2
    assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!r} {caplog.text}"


async def test_a_connection_that_cannot_be_made_is_a_fault(unused_port: int) -> None:
    api = Api(TOKEN, f"http://127.0.0.1:{unused_port}")
    await api.open_connections()
    with pytest.raises(error.NetworkError) as caught:
        await api.who()
    assert TOKEN not in repr(caught.value)
    await api.close_connections()


async def test_a_free_connection_is_waited_for_within_bounds(server: Server) -> None:
    request = QuietRequest(server.url, 1, read_timeout=5, connect_timeout=0.1, pool_timeout=0.1)
    await request.initialize()
    server.delay_s = 0.8
    first = asyncio.create_task(request.do_request(f"{server.url}/one", "POST"))
    await asyncio.sleep(0.1)
    with pytest.raises(error.TimedOut):
        await request.do_request(f"{server.url}/two", "POST")
    assert (await first)[0] == 200
    assert [each.path for each in server.requests] == ["/one"]
    await request.shutdown()


async def test_redirections_are_not_followed(api: Api, server: Server) -> None:
    server.response = Response(302, b"{}")
    with pytest.raises(error.TelegramError):
        await api.send_text(7, "hello")
    assert len(server.requests) == 1


async def test_files_come_whole_or_not_at_all() -> None:
    with FakeTelegram() as telegram:
        api = Api(telegram.token, telegram.url)
        await api.open_connections()
        telegram.files["f1"] = ("a b.txt", b"x" * 100_000)
        assert await api.download("f1", 100_000) == b"x" * 100_000
        with pytest.raises(TooLarge):
            await api.download("f1", 99_999)
        telegram.faults.plan(Fault("status", status=502), "file")
        with pytest.raises(error.NetworkError):
            await api.download("f1", 100_000)
        telegram.faults.plan(Fault("drop"), "file", times=9)
        with pytest.raises(error.NetworkError):
            await api.download("f1", 100_000)
        await api.close_connections()


async def test_a_file_that_nobody_takes_is_given_up() -> None:
    with _deaf_server() as port:
        request = QuietRequest(f"http://127.0.0.1:{port}", 1, read_timeout=0.5, write_timeout=0.3)
        await request.initialize()
        bot = Bot(TOKEN, base_url=f"http://127.0.0.1:{port}/bot", request=request)
        with pytest.raises(error.NetworkError):
            await asyncio.wait_for(
                bot.send_document(7, InputFile(b"x" * (32 << 20), "big.bin"), write_timeout=0.3), 10
            )
        await request.shutdown()


@contextlib.contextmanager
def _deaf_server() -> Iterator[int]:
    """A server that stops reading in the midst of an upload."""
    stopped = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listening, listening.accept()[0]:
            stopped.wait(20)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        stopped.set()
        thread.join(5)


@pytest.fixture
def unused_port(unused_tcp_port_factory: Callable[[], int]) -> int:
    return unused_tcp_port_factory()


async def test_it_is_known_whether_telegram_answers_at_all(api: Api, server: Server) -> None:
    began = time.monotonic()
    server.response = Response(502, b"Bad Gateway")
    with pytest.raises(error.NetworkError):
        await api.send_text(7, "hello")
    assert not api.answered_since(began)
    server.response = Response(200, b'{"ok": true, "result": {"message_id": 5}}')
    await api.send_text(7, "hello")
    assert api.answered_since(began)
    assert not api.answered_since(time.monotonic())
