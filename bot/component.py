"""The DeepPavlov components that put the conversation behind chat.json and chat_api.json.

DeepPavlov owns the loop (``interact``) or the server (``riseapi``); these components own
everything between one message and its reply.
"""

from __future__ import annotations

import atexit
import contextlib
import getpass
import logging
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from bot import logs, rest
from bot.conversation import Conversation
from bot.errors import BotError
from bot.messages import explain, text
from bot.pipeline import Pipeline
from bot.redis_sessions import open_store
from bot.rendering import render
from bot.settings import Settings

log = logging.getLogger(__name__)


class _ConversationComponent(Component):
    """What both have in common: settings, store, pipeline, conversation."""

    service = True

    def __init__(self, dialog: str, ingest: str, **kwargs: Any) -> None:
        unknown = set(kwargs) - {"in", "out", "id", "mode"}
        if unknown:
            raise ValueError(f"{type(self).__name__}: unknown parameter {', '.join(sorted(unknown))}")
        logs.configure(service=self.service)
        try:
            self.settings = Settings.from_environment()
            self.pipeline = Pipeline(self.settings, dialog, ingest)
            self.pipeline.check_memory()
            self.store = open_store(self.settings)
            atexit.register(self.close)
            self.pipeline.load()
        except BotError as error:
            # one clear line where DeepPavlov would print a traceback
            print(error, file=sys.stderr)  # noqa: T201
            sys.exit(1)
        self.conversation = Conversation(self.settings, self.pipeline, self.store)
        self.conversation.libraries()  # what is wrong with one is told now, not at the first question

    def close(self) -> None:
        """Let the models and the store go."""
        with contextlib.suppress(Exception):
            self.store.close()


@register("console_conversation")
class ConsoleConversation(_ConversationComponent):
    """``console_conversation(utterance) -> reply``: one person at a terminal.

    Args:
        dialog: config of the chain.
        ingest: config of the pipeline that changes shelves.
    """

    service = False

    def __init__(self, dialog: str = "dialog.json", ingest: str = "ingest.json", **kwargs: Any) -> None:
        super().__init__(dialog, ingest, **kwargs)
        self.session_id = f"console:{getpass.getuser()}"
        self.language = self.settings.language
        _leave_quietly()
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - line editing and history for DeepPavlov's input()
        if sys.stdin.isatty():
            print(text("console.welcome", self.language))  # noqa: T201

    def __call__(self, utterances: Sequence[str]) -> list[str]:
        """Answer each line."""
        return [self._reply(utterance) for utterance in utterances]

    def _reply(self, utterance: str) -> str:
        try:
            answer = self.conversation.reply(
                self.session_id, utterance, language=self.language, allow_read=True, progress=_progress
            )
        except BotError as error:
            log.warning("turn failed: %s", type(error).__name__)
            return explain(error, self.language)
        return render(answer, self.language)


@register("api_conversation")
class ApiConversation(_ConversationComponent):
    """``api_conversation(utterance, session_id, document) -> reply, skill, confidence, evidence``.

    Called from several threads. One bad item of a batch is answered with what is wrong with it
    (skill ``error``) and leaves the others alone.

    Args:
        dialog: config of the chain.
        ingest: config of the pipeline that changes shelves.
    """

    def __init__(self, dialog: str = "dialog.json", ingest: str = "ingest.json", **kwargs: Any) -> None:
        super().__init__(dialog, ingest, **kwargs)
        server = sys.modules.get("deeppavlov.utils.server.server")
        if server is not None:
            rest.harden(server, self.settings, self.conversation)

    def __call__(
        self, utterances: Sequence[Any], session_ids: Sequence[Any], documents: Sequence[Any]
    ) -> tuple[list[str], list[str], list[float], list[list[dict[str, Any]]]]:
        """Answer every item of a batch, in order."""
        answers = [
            rest.answer_item(self.conversation, self.settings, *item)
            for item in zip(utterances, session_ids, documents, strict=True)
        ]
        return (
            [a.reply for a in answers],
            [a.skill for a in answers],
            [a.confidence for a in answers],
            [a.evidence for a in answers],
        )


def _progress(share: float) -> None:
    """A bar on standard error while a document is read in."""
    if sys.stderr.isatty():
        end = "\r\033[K" if share >= 1 else ""
        print(f"\r\033[K{'█' * int(24 * share):<24} {share:4.0%}{end}", end="", file=sys.stderr, flush=True)  # noqa: T201


def _leave_quietly() -> None:
    """End of file and Ctrl-C end DeepPavlov's loop with a traceback; here they just end it."""
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, EOFError | KeyboardInterrupt):
            usual(kind, error, trace)
            return
        print()  # noqa: T201
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(0)

    sys.excepthook = hook
