"""What DeepPavlov's REST server is kept from, with a stand-in for its module."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from bot.errors import SessionBusy
from bot.messages import explain
from bot.rest import MAX_BATCH, _add_document_routes, check_batches
from bot.settings import Settings


class HTTPException(Exception):
    def __init__(self, status_code: int, detail: str) -> None:
        super().__init__(detail)
        self.status_code = status_code
        self.detail = detail


@pytest.fixture
def server() -> ModuleType:
    """Its two functions that run the model, as DeepPavlov 1.7.0 has them."""

    def interact(model: Any, payload: dict[str, Any]) -> Any:
        return model(*payload.values())

    def test_interact(model: Any, payload: dict[str, Any]) -> list[str]:
        try:
            model(*[argument or ["Test string."] for argument in payload.values()])
            return ["Test passed"]
        except Exception as error:
            raise HTTPException(400, detail=repr(error)) from error

    module: Any = ModuleType("server")
    module.interact, module.test_interact, module.HTTPException = interact, test_interact, HTTPException
    check_batches(module)
    return module  # type: ignore[no-any-return]


def model(*arguments: list[str]) -> list[tuple[str, ...]]:
    items = list(zip(*arguments, strict=True))
    if ("fail", "fail") in items:
        raise ValueError("a path and a password")
    return items


@pytest.mark.parametrize("name", ["interact", "test_interact"])
def test_a_batch_that_is_too_long_is_refused_by_the_probe_too(server: ModuleType, name: str) -> None:
    asked = getattr(server, name)
    assert asked(model, {"a": ["x"] * MAX_BATCH, "b": ["y"] * MAX_BATCH})
    with pytest.raises(HTTPException, match="at most 32 items") as caught:
        asked(model, {"a": ["x"] * (MAX_BATCH + 1), "b": None})
    assert caught.value.status_code == 413


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        ({"a": ["x", "y"], "b": ["z"]}, "expected lists of the same length"),
        ({"a": ["x", "y"], "b": None}, "expected lists of the same length"),
        ({"a": ["fail"], "b": ["fail"]}, "the probe failed"),
    ],
)
def test_a_probe_that_fails_tells_no_exception(
    server: ModuleType, payload: dict[str, Any], detail: str
) -> None:
    with pytest.raises(HTTPException) as caught:
        server.test_interact(model, payload)
    assert (caught.value.status_code, caught.value.detail) == (400, detail)
    assert server.test_interact(model, {"a": ["x"], "b": []}) == ["Test passed"]


async def test_a_session_that_is_busy_is_said_and_its_document_stays() -> None:
    class Busy:
        def drop_document(self, session_id: str, which: str) -> None:
            raise SessionBusy("the session is still busy after 30 s")

    app = Starlette()
    _add_document_routes(app, Settings(), Busy())  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.delete("/sessions/ann/documents/lease.txt")
    assert answer.status_code == 400
    assert answer.json() == {"detail": explain(SessionBusy("the session is still busy after 30 s"), "en")}
