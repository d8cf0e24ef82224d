"""The Telegram service with an instant fake model: ``python -m tests.support.telegram_bot``.

The same program as ``python -m bot telegram`` in all but the chain. The fake model understands a
few orders, so that tests can ask for what they need:

    anything            "You said: anything", in one piece
    words N [S]         N words in as many pieces, S seconds apart
    slowly anything     "You said: slowly anything", a word at a time for two seconds
    long N              N sentences at once
    sleep S             says nothing for S seconds
    until NAME          says nothing until the gate of that name in the data folder is open
    time out            raises PipelineTimeout
    fail                raises PipelineError
    quote …             a quote from "contract.txt" with its place
    hang                never comes back, and does not listen
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bot.errors import PipelineError, PipelineTimeout
from bot.settings import Settings, offline_environment
from bot.telegram.application import main
from skills.dialog import Considered, Evidence, Knowledge, Listener, Preferences, Progress, Reply, Turn
from skills.retrieval.changes import AddDocument, Change, ShelfEntry
from tests.support.gate import Gate

QUOTE = "Either party may terminate this Agreement on 30 days' written notice."


class FakePipeline:
    """Answers without a model.

    Args:
        folder: where gates are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelves: dict[Path, dict[str, ShelfEntry]] = {}

    def load(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to let go of."""

    def reply(
        self,
        utterance: str,
        history: Sequence[Turn],
        knowledge: Knowledge,
        preferences: Preferences,
        listener: Listener | None = None,
    ) -> Reply:
        """Do as the utterance says."""
        order, _, rest = utterance.partition(" ")
        numbers = [float(word) for word in rest.split() if word.replace(".", "").isdigit()]
        if order == "words" and numbers:
            return self._words(int(numbers[0]), [*numbers, 0.0][1], listener)
        if order == "long" and numbers:
            text = " ".join(
                f"This is sentence number {i} of a long reply 🎓." for i in range(int(numbers[0]))
            )
            return Reply(text, "chat", 0.5)
        if order == "sleep":
            time.sleep(numbers[0])
        elif order == "until":
            Gate(self._folder, rest).pass_through()
        elif order == "time" and rest == "out":
            raise PipelineTimeout("no reply within 1 s")
        elif order == "fail":
            raise PipelineError("a skill failed")
        elif order == "hang":
            time.sleep(3600)
        elif order.startswith("quote"):
            return self._quote(utterance)
        text = f"You said: {utterance}"
        if order == "slowly":
            return self._slowly(text, listener)
        if listener is not None:
            listener(text)
        return Reply(text, "chat", 0.5)

    def _slowly(self, text: str, listener: Listener | None) -> Reply:
        words = text.split()
        for word in words:
            if listener is not None:
                listener(f"{word} ")
            time.sleep(2 / len(words))
        return Reply(text, "chat", 0.5)

    def _words(self, n: int, pause_s: float, listener: Listener | None) -> Reply:
        said: list[str] = []
        for i in range(n):
            piece = f"word{i} "
            said.append(piece)
            if listener is not None and listener(piece):
                return Reply("".join(said), "chat", 0.5, stopped=True)
            time.sleep(pause_s)
        return Reply("".join(said), "chat", 0.5)

    def _quote(self, utterance: str) -> Reply:
        start = 100
        answer = QUOTE.index("30 days")
        evidence = Evidence(
            "id", "contract.txt", "7", start, start + len(QUOTE), QUOTE,
            start + answer, start + answer + len("30 days"), 212, 0.93,
        )  # fmt: skip
        passage = Considered(
            "contract.txt", "7", start - 20, f"9.2 Termination.    {QUOTE} More.", 0.8, 3.1, "30 days"
        )
        return Reply("30 days", "qa", 0.93, evidence=evidence, considered=(passage,), question=utterance)

    def change_shelf(
        self, shelf: Path, change: Change, progress: Progress | None = None
    ) -> tuple[ShelfEntry, ...]:
        """Keep a list."""
        entries = self._shelves.setdefault(shelf, {})
        if isinstance(change, AddDocument):
            document = change.document
            entries[document.id] = ShelfEntry(document.id, document.name, len(document.text), 1, 0)
            if progress is not None:
                progress(1.0)
        return tuple(entries.values())


if __name__ == "__main__":
    configured = Settings.from_environment()
    offline_environment()
    sys.exit(main(configured, FakePipeline(configured.data_dir)))
