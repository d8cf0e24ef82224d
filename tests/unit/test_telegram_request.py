"""HTTP to Telegram, without a connection: what is sent, which proxy, and that faults tell nothing."""

from __future__ import annotations

import ssl

import aiohttp
import pytest

from bot.errors import SettingsError
from bot.telegram.request import Fields, QuietRequest, _converted, proxy_of

TELEGRAM = "https://api.telegram.org"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_fields_are_texts_or_json_and_none_is_left_out() -> None:
    fields = Fields.of({"chat_id": 7, "text": "ü", "entities": None, "preview": {"is_disabled": True}})
    assert fields.json_parameters == {"chat_id": "7", "text": "ü", "preview": '{"is_disabled": true}'}


def test_no_proxy_is_used_unless_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_of(TELEGRAM) is None
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert proxy_of(TELEGRAM) == "http://proxy.example:3128"
    assert proxy_of("http://127.0.0.1:8081") is None
    monkeypatch.setenv("NO_PROXY", "api.telegram.org")
    assert proxy_of(TELEGRAM) is None


def test_a_proxy_for_all_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    assert proxy_of(TELEGRAM) == "http://proxy.example:3128"


def test_a_proxy_that_cannot_be_used_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://ann:secret@proxy.example:1080")
    with pytest.raises(SettingsError, match="socks5") as caught:
        QuietRequest(TELEGRAM, 1)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (aiohttp.ServerTimeoutError("https://api.telegram.org/bot1:secret"), "TimedOut"),
        (TimeoutError(), "TimedOut"),
        (aiohttp.InvalidURL("https://api.telegram.org/bot1:secret"), "NetworkError"),
        (aiohttp.ServerDisconnectedError("secret"), "NetworkError"),
        (ConnectionResetError("secret"), "NetworkError"),
    ],
)
def test_a_fault_tells_its_kind_alone(failure: Exception, kind: str) -> None:
    converted = _converted(failure)
    assert type(converted).__name__ == kind
    assert "secret" not in str(converted)


async def test_it_is_opened_before_it_is_used() -> None:
    with pytest.raises(RuntimeError, match="initialize"):
        await QuietRequest(TELEGRAM, 1).do_request(f"{TELEGRAM}/x", "POST")


async def test_certificates_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    connector = aiohttp.TCPConnector
    monkeypatch.setattr(
        aiohttp, "TCPConnector", lambda **given: made.append(given["ssl"]) or connector(**given)
    )
    request = QuietRequest(TELEGRAM, 1)
    await request.initialize()
    await request.shutdown()
    (context,) = made
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
