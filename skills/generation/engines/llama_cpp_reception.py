"""What comes back from llama.cpp of one reply: its events, put together; knows nothing of the library."""

from __future__ import annotations

from typing import Any

from skills.dialog import Listener
from skills.errors import GenerationError
from skills.generation.engines import Generated


class Reception:
    """Takes the library's events of one reply; True asks it to stop."""

    def __init__(self, listener: Listener | None) -> None:
        self.listener = listener
        self.pieces: list[str] = []
        self.usage: dict[str, Any] = {}
        self.finish = ""
        self.stopped = False
        self.error: str | None = None
        self.raised: BaseException | None = None

    def __call__(self, event: dict[str, Any]) -> bool:
        try:
            return self._take(event)
        except BaseException as error:
            # the library would swallow it, and go on where it is a KeyboardInterrupt
            self.raised = error
            return True

    def _take(self, event: dict[str, Any]) -> bool:
        if "choices" not in event:
            self.error = _error_type(event)
            return True
        self.usage = event.get("usage") or self.usage
        for choice in event["choices"]:
            piece = choice.get("text") or choice.get("delta", {}).get("content") or ""
            self.finish = choice.get("finish_reason") or self.finish
            if piece:
                self.pieces.append(piece)
                self.stopped = self.listener is not None and bool(self.listener(piece))
        return self.stopped

    def result(self) -> Generated:
        """What came.

        Raises:
            GenerationError: if the library answered with an error, or not at all.
        """
        if self.raised is not None:
            raise self.raised
        if self.error == "exceed_context_size_error":
            raise GenerationError("llama_cpp: the prompt is longer than a slot's context")
        if self.error is not None or not (self.finish or self.stopped):
            raise GenerationError(f"llama_cpp: {self.error or 'the reply ended without a reason'}")
        return Generated(
            text="".join(self.pieces),
            n_tokens=int(self.usage.get("completion_tokens", len(self.pieces))),
            stopped=self.stopped,
            cut=self.finish == "length" and not self.stopped,
            n_prompt_tokens=int(self.usage.get("prompt_tokens", 0)),
            n_cached_tokens=int(self.usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)),
        )


def _error_type(event: dict[str, Any]) -> str:
    error = event.get("error", event)
    return str(error.get("type", "unknown error")) if isinstance(error, dict) else "unknown error"
