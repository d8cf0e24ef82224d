"""The engine for a server that speaks OpenAI's chat completions: vLLM, llama-server, Ollama.

For when one machine is not enough. Everything that comes from the server is taken for
untrusted: time, size and form are bounded, and nothing of it reaches a log.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from skills.dialog import Listener
from skills.errors import ConfigurationError, GenerationError, whole_number
from skills.generation.decoding import Decoding
from skills.generation.engines import Generated, Prompt, limit_of

log = logging.getLogger(__name__)

_COMMON = {"temperature": "temperature", "top_p": "top_p", "seed": "seed", "stop": "stop"}
#: Parameter -> key in the request, for what each kind of server takes beyond the common ones.
_DIALECTS: dict[str, dict[str, str]] = {
    "openai": {},
    "vllm": {
        "top_k": "top_k",
        "min_p": "min_p",
        "repetition_penalty": "repetition_penalty",
    },
    "llama_server": {
        "top_k": "top_k",
        "min_p": "min_p",
        "typical_p": "typical_p",
        "repetition_penalty": "repeat_penalty",
    },
}
#: What a draw depends on. A server puts defaults of its own in the place of what is not sent:
#: llama-server a top_k of 40 and more, vLLM what the model's generation_config.json says.
_SAMPLING = frozenset({"temperature", "top_p", "top_k", "min_p", "typical_p"})
#: The top_k that is off, where it is another than 0: older versions of vLLM refuse 0.
_TOP_K_OFF = {"vllm": -1}
_MAX_LINE = 1_000_000
_BYTES_PER_NEW_TOKEN = 2_000  # of JSON around each token, generously
_CONNECT_TIMEOUT_S = 5.0


class OpenAIEngine:
    """A server's model, behind ``{url}/chat/completions``.

    Args:
        model: the server's address with its version path, such as ``http://host:8000/v1``.
        n_ctx: tokens of prompt and reply together that the server's model has.
        n_slots: replies asked for at the same time.
        n_threads: not used: the server computes.
        api_key: sent as bearer token, "" for none.
        server_model: the model's name on the server; "" takes the first that it lists.
        dialect: ``openai`` for the common parameters only, ``vllm`` or ``llama_server`` for theirs.
        timeout_s: longest wait for the next bytes, in seconds.
        reply_timeout_s: longest time for a whole reply, in seconds.

    Raises:
        ConfigurationError: for a value that does not fit.
    """

    name = "openai"
    chats = True  # the server knows its model's template
    control_codes: frozenset[str] = frozenset()

    def __init__(
        self,
        model: str,
        n_ctx: int | str = 4096,
        n_slots: int | str = 8,
        n_threads: int | str = 1,
        api_key: str = "",
        server_model: str = "",
        dialect: str = "openai",
        timeout_s: float = 30.0,
        reply_timeout_s: float = 120.0,
    ) -> None:
        address = urlsplit(model)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ConfigurationError(
                "engine openai: model expects a server's address, such as http://127.0.0.1:8000/v1; "
                f"got {model!r}"
            )
        if dialect not in _DIALECTS:
            raise ConfigurationError(
                f"engine openai: dialect expects one of {', '.join(_DIALECTS)}; got {dialect!r}"
            )
        whole_number("n_threads", n_threads, 1, 512)
        self.n_ctx = whole_number("n_ctx", n_ctx, 128, 10_000_000)
        self.n_slots = whole_number("n_slots", n_slots, 1, 256)
        self.server_model = server_model
        self.reply_timeout_s = float(reply_timeout_s)
        self._url = model.rstrip("/")
        self._keys = {**_COMMON, **_DIALECTS[dialect]}
        self._top_k_off = _TOP_K_OFF.get(dialect, 0)
        self._timeout = httpx.Timeout(float(timeout_s), connect=min(float(timeout_s), _CONNECT_TIMEOUT_S))
        # identity: what a compressed answer grows to could not be bounded
        self._headers = {"Accept-Encoding": "identity"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()

    def supports(self, parameter: str) -> bool:
        """See :class:`~skills.generation.engines.Engine`; depends on the dialect."""
        return parameter in self._keys or parameter in ("do_sample", "max_new_tokens")

    def load(self) -> None:
        """Open the connections; ask the server for its model where none is named.

        Raises:
            GenerationError: if the server does not answer as it should.
        """
        with self._lock:
            if self._client is not None:
                return
            client = httpx.Client(
                headers=self._headers,
                timeout=self._timeout,
                limits=httpx.Limits(max_connections=self.n_slots, max_keepalive_connections=self.n_slots),
                trust_env=False,  # no proxy that nobody told us of, no .netrc
            )
            try:
                self.server_model = self.server_model or self._first_model(client)
            except BaseException:
                client.close()
                raise
            self._client = client

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def count_tokens(self, prompt: Prompt) -> int:
        """An estimate, for there is no call for it: two bytes a token, ten tokens a message.

        English has four or five bytes a token and Russian two to five, so it errs to the safe side.
        """
        if isinstance(prompt, str):
            return len(prompt.encode()) // 2 + 1
        return sum(len(message.content.encode()) // 2 + 10 for message in prompt)

    def generate(
        self,
        prompt: Prompt,
        decoding: Decoding,
        listener: Listener | None = None,
        max_new_tokens: int | None = None,
    ) -> Generated:
        """See :class:`~skills.generation.engines.Engine`."""
        limit = limit_of(decoding, max_new_tokens)
        said: dict[str, Any]
        if isinstance(prompt, str):
            path, said = "/completions", {"prompt": prompt}
        else:
            path, said = "/chat/completions", {"messages": [message.as_dict() for message in prompt]}
        body = {
            "model": self.server_model,
            "stream": True,
            "max_tokens": limit,
            **said,
            **self._decoding_fields(decoding),
        }
        pieces: list[str] = []
        finish, stopped = "", False
        n_bytes = _MAX_LINE + limit * _BYTES_PER_NEW_TOKEN
        # closing: a reply that is stopped lets the server go at once
        with contextlib.closing(self._events(path, body, n_bytes)) as events:
            for event in events:
                piece, reason = _read_event(event)
                finish = reason or finish
                if piece:
                    pieces.append(piece)
                    if listener is not None and listener(piece):
                        stopped = True
                        break
        if not finish and not stopped and not pieces:
            raise GenerationError("openai: the server's answer holds no reply")
        cut = not stopped and finish in ("length", "")
        return Generated("".join(pieces), n_tokens=len(pieces), stopped=stopped, cut=cut)

    def _decoding_fields(self, decoding: Decoding) -> dict[str, Any]:
        names = {"repetition_penalty", *decoding.parameters()}
        values = {
            name: getattr(decoding, name) for name in names | (_SAMPLING if decoding.do_sample else set())
        }
        if "top_k" in values:
            values["top_k"] = decoding.top_k or self._top_k_off
        if "stop" in values:
            values["stop"] = list(decoding.stop)
        if not decoding.do_sample:
            values["temperature"] = 0
        return {self._keys[name]: value for name, value in values.items() if name in self._keys}

    def _events(
        self, path: str, body: dict[str, Any], max_bytes: int
    ) -> Generator[dict[str, Any], None, None]:
        """The server's events, each a JSON object."""
        client = self._client
        if client is None:
            raise GenerationError("openai: the engine is not loaded")
        deadline = time.monotonic() + self.reply_timeout_s
        try:
            with client.stream("POST", self._url + path, json=body) as response:
                _expect_success(response)
                for line in _lines(response, max_bytes, deadline):
                    if line.startswith(b"data:"):
                        data = line[5:].strip()
                        if data == b"[DONE]":
                            return
                        yield _parse(data)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error

    def _first_model(self, client: httpx.Client) -> str:
        try:
            with client.stream("GET", self._url + "/models") as response:
                _expect_success(response)
                deadline = time.monotonic() + self.reply_timeout_s
                listing = _parse(b"".join(_lines(response, _MAX_LINE, deadline)))
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        models = listing.get("data")
        first = models[0] if isinstance(models, list) and models else None
        if not isinstance(first, dict) or not isinstance(first.get("id"), str):
            raise GenerationError("openai: the server lists no model; name one with server_model")
        return str(first["id"])


def _lines(response: httpx.Response, max_bytes: int, deadline: float) -> Iterator[bytes]:
    """Lines of a body without their ends, within bounds of size and time."""
    held, n_bytes = b"", 0
    for chunk in response.iter_raw():
        n_bytes += len(chunk)
        if n_bytes > max_bytes or len(held) > _MAX_LINE:
            raise GenerationError("openai: the server's answer is larger than its reply can be")
        if time.monotonic() > deadline:
            raise GenerationError("openai: the server took too long for a reply")
        *lines, held = (held + chunk).split(b"\n")
        yield from (line.rstrip(b"\r") for line in lines)
    if held:
        yield held


def _parse(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise GenerationError("openai: the server's answer is not JSON") from error
    if not isinstance(event, dict):
        raise GenerationError("openai: the server's answer is not a JSON object")
    return event


def _read_event(event: dict[str, Any]) -> tuple[str, str]:
    """Piece and finish reason of an event, "" where it has none."""
    if "error" in event:
        raise GenerationError("openai: the server reported an error in the middle of a reply")
    choices = event.get("choices")
    if not isinstance(choices, list):
        raise GenerationError("openai: an event of the server has no choices")
    choice = choices[0] if choices else {}
    if not isinstance(choice, dict):
        raise GenerationError("openai: a choice of the server is not a JSON object")
    delta = choice.get("delta")
    piece = choice.get("text") or (delta.get("content") if isinstance(delta, dict) else None) or ""
    return str(piece), str(choice.get("finish_reason") or "")


def _expect_success(response: httpx.Response) -> None:
    if response.status_code == 401:
        raise GenerationError("openai: the server refused the key (401); set api_key")
    if response.status_code != 200:
        raise GenerationError(f"openai: the server answered {response.status_code}")


def _unreachable(error: httpx.HTTPError) -> GenerationError:
    kind = "took too long" if isinstance(error, httpx.TimeoutException) else "cannot be reached or broke off"
    return GenerationError(f"openai: the server {kind} ({type(error).__name__})")
