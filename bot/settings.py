"""The settings: one frozen dataclass, and the only reader of the environment in the project.

Everything is read, parsed and checked at once when a program starts; what is wrong is reported in
one go, a line for each variable. Secrets never show in ``repr``. ``describe`` gives the table that
the README shows. This module knows no other of the service but its errors and parsers.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import parsing
from bot.errors import SettingsError

DAY_S = 24 * 3600


def _setting(
    variable: str,
    default: Any,
    parser: parsing.Parser,
    meaning: str,
    *,
    secret: bool = False,
    shown: str = "",
) -> Any:
    """A field read from ``variable``; ``shown`` is the default as the table words it."""
    metadata = {"variable": variable, "parser": parser, "meaning": meaning, "secret": secret, "shown": shown}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata, repr=not secret)
    return dataclasses.field(default=default, metadata=metadata, repr=not secret)


def _default_data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_DATA_HOME/quoth``, by default ``~/.local/share/quoth``."""
    home = environ.get("XDG_DATA_HOME", "")
    # The specification says that a relative path is to be ignored.
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "share"
    return base / "quoth"


@dataclass(frozen=True)
class Settings:
    """All settings of the service. Sizes are in the unit that the name ends with."""

    # A table: variable, default and parser on a line, what it means below.
    # fmt: off

    # Where things are kept
    data_dir: Path = _setting(  # noqa: RUF009 - it makes a field
        "QUOTH_DATA_DIR", _default_data_dir, parsing.folder,
        "folder of everything that is kept on disk: the embedded server's data, shelves, libraries",
        shown="~/.local/share/quoth",
    )
    redis_url: str = _setting(
        "REDIS_URL", "", parsing.url("redis", "rediss", "unix"),
        "Redis or Valkey server for the sessions; unset: an embedded server under the data folder, "
        "reachable by this user only",
        secret=True, shown="embedded server",
    )
    redis_memory_mb: int = _setting(
        "QUOTH_REDIS_MEMORY_MB", 256, parsing.whole(16, 1_000_000),
        "memory bound of the embedded server, in MiB; when it is reached nothing is thrown away and new "
        "documents are refused",
    )
    redis_timeout_s: float = _setting(
        "QUOTH_REDIS_TIMEOUT_S", 10.0, parsing.seconds(0.2, 300),
        "how long an answer of the server is waited for before it is asked again",
    )
    session_ttl_s: int = _setting(
        "QUOTH_SESSION_TTL_S", 30 * DAY_S, parsing.whole(60, 3650 * DAY_S),
        "a conversation and its documents are deleted when they were not used for so many seconds",
        shown="2592000 (30 days)",
    )

    # The conversation
    language: str = _setting(
        "QUOTH_LANGUAGE", "en", parsing.choice("en", "ru"),
        "language of the service's own sentences where the user's is not known: en or ru",
    )
    reply_timeout_s: float = _setting(
        "QUOTH_REPLY_TIMEOUT_S", 120.0, parsing.seconds(0.05, 3600),
        "a reply that takes longer is given up with a sentence, and the session is free again",
    )
    lock_wait_s: float = _setting(
        "QUOTH_LOCK_WAIT_S", 30.0, parsing.seconds(0.0, 3600),
        "how long a message waits for the one before it in the same session",
    )
    max_utterance_chars: int = _setting(
        "QUOTH_MAX_UTTERANCE_CHARS", 4000, parsing.whole(1, 100_000),
        "longest message, in characters",
    )
    max_history_turns: int = _setting(
        "QUOTH_MAX_HISTORY_TURNS", 100, parsing.whole(2, 10_000),
        "turns kept of a conversation (what each side says is one turn); older ones are deleted",
    )
    libraries: tuple[str, ...] = _setting(
        "QUOTH_LIBRARIES", ("*",), parsing.names,
        "shared libraries that every session may search: names with commas between, * for all, - for none",
        shown="*",
    )

    # Models
    model: str = _setting(
        "QUOTH_MODEL", "", parsing.anything,
        "model of the generated replies: a GGUF file, a Hugging Face folder, or the address of an "
        "OpenAI-compatible server",
        shown="as configs/dialog.json says",
    )
    engine: str = _setting(
        "QUOTH_ENGINE", "", parsing.choice("llama_cpp", "transformers", "openai"),
        "engine of the generated replies: llama_cpp, transformers or openai",
        shown="as configs/dialog.json says",
    )
    model_key: str = _setting(
        "QUOTH_MODEL_KEY", "", parsing.matching(r"[!-~]+", "a key of printable ASCII characters"),
        "key for the OpenAI-compatible server",
        secret=True, shown="none",
    )
    reader: str = _setting(
        "QUOTH_READER", "", parsing.anything,
        "the reader: fast, accurate (right more often, waits longer; bring it first by python -m bot models "
        "all-mpnet-base-v2) or a folder with an adapter",
        shown="fast",
    )
    memory_mb: int | None = _setting(
        "QUOTH_MEMORY_MB", None, parsing.whole(1, 100_000_000),
        "memory that a process may take for itself and its models, in MiB, Redis not counted; a "
        "configuration that needs more is refused at start, before anything is loaded",
        shown="none",
    )

    # Documents
    max_documents: int = _setting(
        "QUOTH_MAX_DOCUMENTS", 100, parsing.whole(1, 10_000),
        "documents on one session's shelf",
    )
    max_shelf_chars: int = _setting(
        "QUOTH_MAX_SHELF_CHARS", 20_000_000, parsing.whole(1000, 1_000_000_000),
        "characters on one session's shelf",
    )
    max_document_bytes: int = _setting(
        "QUOTH_MAX_DOCUMENT_BYTES", 20_000_000, parsing.whole(1000, 1_000_000_000),
        "size of a document's file",
    )
    max_document_chars: int = _setting(
        "QUOTH_MAX_DOCUMENT_CHARS", 5_000_000, parsing.whole(1000, 100_000_000),
        "characters of a document's text",
    )
    max_document_pages: int = _setting(
        "QUOTH_MAX_DOCUMENT_PAGES", 3000, parsing.whole(1, 100_000),
        "pages of a document",
    )
    max_unpacked_bytes: int = _setting(
        "QUOTH_MAX_UNPACKED_BYTES", 200_000_000, parsing.whole(1000, 10_000_000_000),
        "size of a packed document (docx, epub) once it is unpacked",
    )
    document_timeout_s: float = _setting(
        "QUOTH_DOCUMENT_TIMEOUT_S", 60.0, parsing.seconds(0.1, 3600),
        "time to get the text out of a document",
    )

    # REST
    api_host: str = _setting(
        "QUOTH_API_HOST", "127.0.0.1", parsing.matching(r"[A-Za-z0-9.:_-]+", "a host name or address"),
        "address that the REST service listens on",
    )
    api_port: int = _setting("QUOTH_API_PORT", 5000, parsing.whole(1, 65535), "port of the REST service")

    # Telegram
    telegram_token: str = _setting(
        "TELEGRAM_TOKEN", "",
        parsing.matching(r"[A-Za-z0-9:_-]+", "the token as @BotFather gave it"),
        "token of the bot; needed for Telegram only",
        secret=True, shown="none",
    )
    telegram_api_url: str = _setting(
        "TELEGRAM_API_URL", "https://api.telegram.org", parsing.url("https", "http"),
        "root of the Bot API server",
    )
    telegram_allowed: frozenset[int] = _setting(
        "QUOTH_TELEGRAM_ALLOWED", frozenset(), parsing.ids,
        "ids of the users and groups that may talk to the bot, with commas between",
        shown="everybody",
    )
    telegram_admins: frozenset[int] = _setting(
        "QUOTH_TELEGRAM_ADMINS", frozenset(), parsing.ids,
        "ids of the users who may use /stats and /broadcast",
        shown="nobody",
    )
    telegram_webhook_url: str = _setting(
        "QUOTH_TELEGRAM_WEBHOOK_URL", "", parsing.url("https", "http"),
        "public address of the webhook; unset: polling",
        shown="polling",
    )
    telegram_webhook_secret: str = _setting(
        "QUOTH_TELEGRAM_WEBHOOK_SECRET", "",
        parsing.matching(r"[A-Za-z0-9_-]{1,256}", "1 to 256 letters, digits, _ and -"),
        "what Telegram must send with every webhook call; needed with a webhook",
        secret=True, shown="none",
    )
    telegram_listen: str = _setting(
        "QUOTH_TELEGRAM_LISTEN", "127.0.0.1", parsing.matching(r"[A-Za-z0-9.:_-]+", "a host name or address"),
        "address that the webhook and the health checks listen on",
    )
    telegram_port: int = _setting(
        "QUOTH_TELEGRAM_PORT", 0, parsing.whole(0, 65535),
        "port of the webhook and of /healthz, /readyz and /metrics; 0 is none",
        shown="8443 with a webhook, none with polling",
    )
    telegram_workers: int = _setting(
        "QUOTH_TELEGRAM_WORKERS", 2, parsing.whole(1, 256),
        "messages answered at the same time by a process",
    )
    telegram_queue_size: int = _setting(
        "QUOTH_TELEGRAM_QUEUE_SIZE", 1000, parsing.whole(1, 1_000_000),
        "messages waiting for an answer; more are refused with a sentence",
    )
    telegram_chat_queue_size: int = _setting(
        "QUOTH_TELEGRAM_CHAT_QUEUE_SIZE", 30, parsing.whole(1, 10_000),
        "messages of one chat waiting for an answer; more are refused with a sentence",
    )
    telegram_join_s: float = _setting(
        "QUOTH_TELEGRAM_JOIN_S", 0.0, parsing.seconds(0, 30),
        "how long to wait for more quick messages of a user to answer them together; 0 answers each",
    )
    telegram_lease_s: float = _setting(
        "QUOTH_TELEGRAM_LEASE_S", 10.0, parsing.seconds(1, 300),
        "after so long the messages that a killed process had in hand are taken over",
    )
    telegram_rate_per_minute: int = _setting(
        "QUOTH_TELEGRAM_RATE_PER_MINUTE", 20, parsing.whole(1, 10_000),
        "messages a user may send in a minute",
    )
    telegram_stop_timeout_s: float = _setting(
        "QUOTH_TELEGRAM_STOP_TIMEOUT_S", 20.0, parsing.seconds(0, 3600),
        "how long what is in hand may take to finish after SIGTERM",
    )

    # fmt: on

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings that the environment asks for. A variable set to nothing counts as unset.

        Args:
            environ: read instead of the process's environment.

        Raises:
            SettingsError: with a line for every variable that is wrong, unknown or missing.
        """
        environ = os.environ if environ is None else environ
        problems: list[str] = []
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            variable, text = field.metadata["variable"], environ.get(field.metadata["variable"], "").strip()
            if not text:
                continue
            try:
                values[field.name] = field.metadata["parser"](text)
            except ValueError as error:
                came = "" if field.metadata["secret"] else f", not {_shortened(text)!r}"
                problems.append(f"{variable} takes {error}{came}")
        problems += _unknown(environ, {field.metadata["variable"] for field in dataclasses.fields(cls)})
        values.setdefault("data_dir", _default_data_dir(environ))
        settings = cls(**values)
        problems += _contradictions(settings)
        if problems:
            raise SettingsError(problems)
        return settings

    @property
    def shelves_dir(self) -> Path:
        """Folder of the sessions' shelves."""
        return self.data_dir / "shelves"

    @property
    def libraries_dir(self) -> Path:
        """Folder of the shared libraries."""
        return self.data_dir / "libraries"

    @property
    def redis_dir(self) -> Path:
        """Folder of the embedded server's data."""
        return self.data_dir / "redis"


def describe() -> list[tuple[str, str, str]]:
    """Every setting as (variable, default as shown, meaning), in the order of the dataclass."""
    table = []
    for field in dataclasses.fields(Settings):
        shown = field.metadata["shown"] or (
            f"{field.default:g}" if type(field.default) is float else str(field.default)
        )
        table.append((field.metadata["variable"], shown, field.metadata["meaning"]))
    return table


def offline_environment() -> None:
    """Set what keeps the libraries of this process from the network, and from noise.

    To be called before any of them is imported; they read these variables then. What the user has
    set in the environment stays, save for the switches that keep from the network.
    """
    for variable in (
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HF_DATASETS_OFFLINE",
        "DP_SKIP_NLTK_DOWNLOAD",
    ):
        os.environ[variable] = "1"
    for variable, value in (
        ("HF_HUB_DISABLE_TELEMETRY", "1"),
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TRANSFORMERS_VERBOSITY", "error"),
    ):
        os.environ.setdefault(variable, value)


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.telegram_webhook_url and not settings.telegram_webhook_secret:
        problems.append("QUOTH_TELEGRAM_WEBHOOK_SECRET must be set when QUOTH_TELEGRAM_WEBHOOK_URL is")
    if settings.engine == "openai" and not settings.model.startswith(("http://", "https://")):
        problems.append(
            "QUOTH_MODEL must be the server's address (http:// or https://) when QUOTH_ENGINE is openai"
        )
    if settings.max_document_chars > settings.max_shelf_chars:
        problems.append("QUOTH_MAX_SHELF_CHARS must be at least QUOTH_MAX_DOCUMENT_CHARS")
    return problems


def _unknown(environ: Mapping[str, str], known: set[str]) -> list[str]:
    """A misspelt variable would otherwise silently leave the default in force."""
    problems = []
    for variable in sorted(environ):
        if variable.startswith("QUOTH_") and variable not in known:
            nearest = difflib.get_close_matches(variable, known, 1)
            problems.append(
                f"{variable} is not a setting" + (f"; did you mean {nearest[0]}?" if nearest else "")
            )
    return problems


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
