"""REST: what DeepPavlov's server lets in, checked; what it leaves open, closed.

``riseapi`` listens on every address, bounds nothing and allows every origin with credentials.
:func:`harden` mends that in the running server before it binds, so that the plain command is
safe: loopback unless a setting says otherwise, a bound on the body and on requests at a time, no
cross-origin access, errors without exception text. It also adds the routes that list and remove
a session's documents.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from bot.conversation import Conversation
from bot.errors import BotError
from bot.messages import explain, text
from bot.settings import Settings

log = logging.getLogger(__name__)

SESSION_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
MAX_BATCH = 32
MAX_REQUESTS = 64
#: So many times the bound is read before the connection is closed in the middle of a body.
DRAINED = 4
DEEPPAVLOV_PORT = 5000

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class ItemAnswer:
    """One item of the answer, in the shapes that go over the wire."""

    reply: str
    skill: str
    confidence: float = 0.0
    evidence: list[dict[str, Any]] = field(default_factory=list)


def session_of(session_id: str) -> str:
    """The namespaced session of a REST client's id."""
    return f"api:{session_id}"


def answer_item(
    conversation: Conversation, settings: Settings, utterance: Any, session_id: Any, document: Any
) -> ItemAnswer:
    """Answer one item of a batch; never raises, so that one bad item spoils no other.

    Args:
        conversation: answers.
        settings: brings the language.
        utterance: what is said, or None where only a document is given.
        session_id: 1 to 128 of ``A-Z a-z 0-9 _ . : -``.
        document: text to put on the session's shelf first, or ``{"name": …, "text": …}``, or None.
    """
    language = settings.language
    try:
        if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
            return _refused(text("api.session_id", language))
        if utterance is not None and not isinstance(utterance, str):
            return _refused(text("api.utterance", language))
        session = session_of(session_id)
        added = ""
        if document is not None:
            named = _document(document)
            if named is None:
                return _refused(text("api.document", language))
            info = conversation.add_document(
                session, named[0], named[1].encode("utf-8", "replace"), language=language
            )
            added = text(f"document.{info.outcome}", language, name=info.name, n_chars=info.n_chars)
            if utterance is None:
                return ItemAnswer(added, "command", 1.0)
        if utterance is None:
            return _refused(text("api.nothing", language))
        answer = conversation.reply(session, utterance, language=language)
        evidence = [dataclasses.asdict(e) | {"answer": e.answer} for e in answer.evidence]
        return ItemAnswer(answer.text, answer.skill, round(answer.confidence, 4), evidence)
    except BotError as error:
        log.warning("an item was refused: %s", type(error).__name__)
        return _refused(explain(error, language))
    except Exception:
        log.exception("an item failed")
        return _refused(text("error.internal", language))


def _refused(reply: str) -> ItemAnswer:
    return ItemAnswer(reply, "error")


def _document(document: Any) -> tuple[str, str] | None:
    """Name and text of a document as it came, or None if it is neither form."""
    if isinstance(document, str):
        return f"text-{hashlib.sha256(document.encode('utf-8', 'replace')).hexdigest()[:8]}.txt", document
    if isinstance(document, dict):
        name, content = document.get("name"), document.get("text")
        if isinstance(name, str) and isinstance(content, str) and 0 < len(name) <= 255:
            return name, content
    return None


def harden(server: ModuleType, settings: Settings, conversation: Conversation) -> None:
    """Close what DeepPavlov's server leaves open. To be called before it binds.

    Args:
        server: the module ``deeppavlov.utils.server.server``.
        settings: address, port and bounds.
        conversation: for the document routes.
    """
    app = server.app
    app.user_middleware = [m for m in app.user_middleware if m.cls.__name__ != "CORSMiddleware"]
    app.add_middleware(Bounds, max_bytes=4 * settings.max_document_chars + 65536)
    _add_document_routes(app, settings, conversation)
    check_batches(server)
    original = server.uvicorn

    class Loopback:
        """Stands in for ``uvicorn`` in the server module: the same run, on our address."""

        @staticmethod
        def run(served: Any, host: str, port: int, **options: Any) -> None:
            port = settings.api_port if port == DEEPPAVLOV_PORT else port
            options.pop("log_config", None)
            log.info("serving on http://%s:%d", settings.api_host, port)
            original.run(
                served, host=settings.api_host, port=port, limit_concurrency=MAX_REQUESTS,
                log_config=None, server_header=False, **options,
            )  # fmt: skip

    server.uvicorn = Loopback  # type: ignore[attr-defined]


def check_batches(server: ModuleType) -> None:
    """Refuse a batch that is too long before its items are looked at, the probe's as well.

    Args:
        server: the module ``deeppavlov.utils.server.server``.
    """
    usual, usual_probe = server.interact, server.test_interact

    def count(payload: dict[str, Any]) -> None:
        if any(len(argument) > MAX_BATCH for argument in payload.values() if argument is not None):
            raise server.HTTPException(413, detail=f"expected at most {MAX_BATCH} items in a request")

    def interact(model: Any, payload: dict[str, Any]) -> Any:
        count(payload)
        return usual(model, payload)

    def probe(model: Any, payload: dict[str, Any]) -> Any:
        count(payload)
        # an argument that is missing or empty is one item there
        if len({len(argument or [None]) for argument in payload.values()}) > 1:
            raise server.HTTPException(400, detail="expected lists of the same length")
        try:
            return usual_probe(model, payload)
        except server.HTTPException as error:  # it holds the exception's text
            raise server.HTTPException(error.status_code, detail="the probe failed") from None

    server.interact = interact  # type: ignore[attr-defined]
    server.test_interact = probe  # type: ignore[attr-defined]


def _add_document_routes(app: Any, settings: Settings, conversation: Conversation) -> None:
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    async def answered(call: Callable[[], Any], missing: str = "") -> JSONResponse:
        try:
            found = await run_in_threadpool(call)
        except BotError as error:
            return JSONResponse({"detail": explain(error, settings.language)}, 400)
        return JSONResponse({"detail": missing}, 404) if found is None else JSONResponse(found)

    def checked(request: Request) -> str | None:
        session_id = request.path_params["session_id"]
        return session_of(session_id) if SESSION_ID.fullmatch(session_id) else None

    async def listed(request: Request) -> JSONResponse:
        session = checked(request)
        if session is None:
            return JSONResponse({"detail": text("api.session_id", settings.language)}, 422)
        return await answered(lambda: [dataclasses.asdict(d) for d in conversation.documents(session)])

    async def dropped(request: Request) -> JSONResponse:
        session = checked(request)
        if session is None:
            return JSONResponse({"detail": text("api.session_id", settings.language)}, 422)
        name = request.path_params["document"]

        def drop() -> dict[str, Any] | None:
            info = conversation.drop_document(session, name)
            return None if info is None else dataclasses.asdict(info)

        return await answered(drop, missing=text("document.unknown", settings.language, name=name[:80]))

    app.add_route("/sessions/{session_id}/documents", listed, methods=["GET"])
    app.add_route("/sessions/{session_id}/documents/{document:path}", dropped, methods=["DELETE"])


class Bounds:
    """ASGI middleware: a bound on the body, and no exception text in an answer.

    Args:
        app: what is behind it.
        max_bytes: of a request's body.
    """

    def __init__(self, app: App, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 413, or answer 500 in plain words."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, whole = b"", True
        if scope["method"] in ("POST", "PUT", "PATCH"):
            body, whole = await self._body(receive)
        if not whole:
            await _plain(send, 413, f"expected a body of at most {self.max_bytes} bytes")
            return
        sent = False

        async def replay() -> dict[str, Any]:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        begun = False

        async def noting(message: dict[str, Any]) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, replay, noting)
        except Exception:
            log.exception("a request failed")
            if not begun:
                await _plain(send, 500, "something went wrong here; nothing was lost, try again")

    async def _body(self, receive: Receive) -> tuple[bytes, bool]:
        """The body, and whether it is within the bound.

        What is past the bound is read and thrown away for a while, so that the client comes to
        read the answer instead of a closed connection.
        """
        parts: list[bytes] = []
        size = 0
        while size <= DRAINED * self.max_bytes:
            message = await receive()
            if message["type"] != "http.request":
                break
            piece = message.get("body", b"")
            size += len(piece)
            if size > self.max_bytes:
                parts.clear()
            else:
                parts.append(piece)
            if not message.get("more_body"):
                break
        return b"".join(parts), size <= self.max_bytes


async def _plain(send: Send, status: int, detail: str) -> None:
    content = f'{{"detail": "{detail}"}}'.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
