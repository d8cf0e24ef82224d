"""A fake Bot API server on the loopback, faithful in what bots stumble over.

What it keeps as the real one does: update ids and offsets (an update comes again until an
offset confirms it), one poller at a time, webhooks with a secret token and repetition, lengths
and entity offsets in UTF-16, trimming, "message is not modified", replies to vanished messages,
drafts in private chats only, file size limits, blocked users, the exact error sentences, and
429 with retry_after that lasts. Where it knowingly differs: it refuses every parse_mode, and
it takes a webhook without TLS on the loopback, as a self-hosted server does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

import httpx

from tests.support.fake_telegram_faults import Fault, Faults
from tests.support.fake_telegram_methods import Methods
from tests.support.fake_telegram_rules import Refused, bad_request, parse_json
from tests.support.fake_telegram_world import Event, Json, World
from tests.support.tiny_http import Request, Response, TinyHttpServer

DEFAULT_TYPES = frozenset(
    {"message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "inline_query",
     "chosen_inline_result", "my_chat_member", "poll", "poll_answer", "shipping_query", "pre_checkout_query",
     "chat_join_request"}
)  # fmt: skip


class FakeTelegram(World):
    """The server. Use it as a context manager; ``url`` is what TELEGRAM_API_URL takes."""

    def __init__(
        self, token: str = "4242:fake-token_fake-token_fake-token_35", username: str = "quoth_bot"
    ) -> None:
        super().__init__(username)
        self.token = token
        self.faults = Faults()
        self.methods = Methods(self)
        self.calls: dict[str, int] = {}
        self.flooded: list[tuple[str, int]] = []  # requests into a chat that was told to wait
        self.allowed_types = DEFAULT_TYPES
        self.webhook: Json = {"url": ""}
        self.webhook_statuses: list[int] = []
        self.deliver_twice = False
        self._poll = 0
        self._http = TinyHttpServer(self._answer)
        self._woken = asyncio.Event()
        self._pusher: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The root of the server."""
        return f"http://127.0.0.1:{self._http.port}"

    def start(self) -> FakeTelegram:
        """Serve."""
        self._http.start()
        self.wake = lambda: self._http.loop.call_soon_threadsafe(self._woken.set)  # type: ignore[assignment]
        return self

    def stop(self) -> None:
        """End."""
        self.wake = lambda: None  # type: ignore[assignment]
        self._http.stop()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Requests -----------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Response:
        root, _, rest = request.path.lstrip("/").partition("/")
        if root == "file":
            return await self._file(rest)
        if not root.startswith("bot") or not rest:
            return _error(Refused(404, "Not Found"))
        if root[3:] != self.token:
            return _error(Refused(401, "Unauthorized"))
        fields, files = request.form()
        method = rest.lower()
        chat = (fields.get("chat_id", "").lstrip("-").isdigit() and int(fields["chat_id"])) or None
        self.calls[method] = self.calls.get(method, 0) + 1
        began = time.monotonic()
        fault = self.faults.draw(method, chat)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            fault = None
        if fault is not None and not fault.after:
            return self._strike(fault, chat)
        try:
            self._refuse_flood(method, chat)
            result = await self._call(method, fields, files, fault is not None, began)
        except Refused as refusal:
            return _error(refusal)
        if fault is not None:
            return self._strike(fault, chat)
        return Response(200, json.dumps({"ok": True, "result": result}).encode())

    async def _call(self, method: str, fields: dict[str, str], files: Any, hidden: bool, began: float) -> Any:
        if method == "getupdates":
            return await self._get_updates(fields)
        if method in ("setwebhook", "deletewebhook", "getwebhookinfo"):
            return self._change_webhook(method, fields)
        with self.changed:
            return self.methods.call(method, fields, files, hidden, began)

    def _refuse_flood(self, method: str, chat_id: int | None) -> None:
        chat = self.chats.get(chat_id or 0)
        if chat is not None and (left := chat.closed_until - time.monotonic()) > 0:
            self.flooded.append((method, chat.id))
            raise _flood(left)

    def _strike(self, fault: Fault, chat_id: int | None) -> Response:
        if fault.kind == "drop":
            return Response(drop=True)
        if fault.kind == "garbage":
            return Response(200, b"<html><body>Bad gateway</body></html>", "text/html")
        if fault.kind == "empty":
            return Response(200, b'{"ok": true}')
        if fault.kind == "flood":
            if chat_id in self.chats:
                self.chats[chat_id].closed_until = time.monotonic() + fault.seconds  # type: ignore[index]
            return _error(_flood(fault.seconds))
        if fault.kind == "gone":
            return _error(bad_request("chat not found"))
        return _error(Refused(fault.status, "Internal Server Error"))

    async def _file(self, rest: str) -> Response:
        root, _, path = rest.partition("/")
        fault = self.faults.draw("file", None)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault is not None:
            return self._strike(fault, None)
        name = path.rpartition("/")[2]
        if root[3:] != self.token or name not in self.files:
            return _error(Refused(404, "Not Found"))
        return Response(200, self.files[name][1], "application/octet-stream")

    # Updates ------------------------------------------------------------------------------

    async def _get_updates(self, fields: dict[str, str]) -> list[Json]:
        if self.webhook["url"]:
            raise Refused(
                409, "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )  # fmt: skip
        self._allow(fields)
        self._poll += 1
        mine = self._poll
        self._woken.set()  # the poll that waits, if any, ends with a conflict
        offset, limit = int(fields.get("offset", "0")), int(fields.get("limit", "100"))
        deadline = time.monotonic() + min(50.0, float(fields.get("timeout", "0")))
        while True:
            with self.changed:
                if offset > 0:
                    self.updates[:] = [update for update in self.updates if update["update_id"] >= offset]
                elif offset < 0:
                    self.updates[:] = self.updates[offset:]
                ready = [update for update in self.updates if self.allowed_types & update.keys()]
                self.updates[:] = ready
                self._woken.clear()
            left = deadline - time.monotonic()
            if ready or left <= 0:
                return ready[: max(1, min(100, limit))]
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(left, 1.0))
            if mine != self._poll:
                raise Refused(
                    409, "Conflict: terminated by other getUpdates request; make sure that only one "
                    "bot instance is running",
                )  # fmt: skip

    def _allow(self, fields: dict[str, str]) -> None:
        types = parse_json(fields, "allowed_updates")
        if types is not None:
            self.allowed_types = frozenset(types) or DEFAULT_TYPES

    def _change_webhook(self, method: str, fields: dict[str, str]) -> Any:
        if method == "getwebhookinfo":
            return {
                "url": self.webhook["url"], "has_custom_certificate": False,
                "pending_update_count": len(self.updates),
            }  # fmt: skip
        url = fields.get("url", "") if method == "setwebhook" else ""
        if url and not url.startswith(("https://", "http://127.0.0.1")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if fields.get("drop_pending_updates") in ("true", "True"):
            self.updates.clear()
        self._allow(fields)
        self.webhook = {"url": url, "secret": fields.get("secret_token", "")}
        if self._pusher is not None:
            self._pusher.cancel()
        self._pusher = self._http.loop.create_task(self._push_updates()) if url else None
        return True

    async def _push_updates(self) -> None:
        headers = (
            {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret"]} if self.webhook["secret"] else {}
        )
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            while True:
                self._woken.clear()
                for update in list(self.updates):
                    for _ in range(2 if self.deliver_twice else 1):
                        while not await self._push(client, update, headers):  # noqa: ASYNC110
                            await asyncio.sleep(0.2)
                    with self.changed:
                        self.updates.remove(update)
                await self._woken.wait()

    async def _push(self, client: httpx.AsyncClient, update: Json, headers: dict[str, str]) -> bool:
        try:
            response = await client.post(self.webhook["url"], json=update, headers=headers)
        except httpx.HTTPError:
            self.webhook_statuses.append(0)
            return False
        self.webhook_statuses.append(response.status_code)
        return 200 <= response.status_code < 300

    # For tests ----------------------------------------------------------------------------

    def replies(self, chat_id: int) -> list[Event]:
        """The messages the bot sent to a chat, in order, edits and drafts left out."""
        return [event for event in self.called("sendMessage", chat_id)]


def _flood(seconds: float) -> Refused:
    wait = max(1, int(seconds + 0.999))
    return Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)


def _error(refusal: Refused) -> Response:
    body: Json = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return Response(refusal.code, json.dumps(body).encode())
