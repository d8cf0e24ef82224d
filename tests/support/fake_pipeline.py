"""A chain that answers what a test tells it to. Its shelves are real files, in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import PipelineError
from skills.dialog import Evidence, Knowledge, Listener, Preferences, Progress, Reply, Turn
from skills.retrieval.changes import AddDocument, Change, DropDocument, ListDocuments, ShelfEntry


@dataclass(frozen=True)
class Asked:
    utterance: str
    history: tuple[Turn, ...]
    knowledge: Knowledge
    preferences: Preferences


@dataclass
class FakePipeline:
    """``answer`` makes the reply; without one the utterance comes back, piece by piece."""

    answer: Callable[[Asked, Listener], Reply] | None = None
    asked: list[Asked] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    error: PipelineError | None = None

    def reply(
        self,
        utterance: str,
        history: Sequence[Turn],
        knowledge: Knowledge,
        preferences: Preferences,
        listener: Listener | None = None,
    ) -> Reply:
        asked = Asked(utterance, tuple(history), knowledge, preferences)
        self.asked.append(asked)
        for shelf in knowledge.shelves:
            shelf_documents(Path(shelf))
        if self.error is not None:
            raise self.error
        listen = listener or (lambda piece: False)
        if self.answer is not None:
            return self.answer(asked, listen)
        said = ""
        for word in f"You said: {utterance}".split(" "):
            said += f"{word} "
            if listen(f"{word} "):
                return Reply(said.strip(), "chat", 0.5, stopped=True)
        return Reply(said.strip(), "chat", 0.5)

    def change_shelf(
        self, shelf: Path, change: Change, progress: Progress | None = None
    ) -> tuple[ShelfEntry, ...]:
        self.changes.append(change)
        documents = shelf_documents(shelf) if shelf.exists() else {}
        if isinstance(change, AddDocument):
            document = change.document
            documents = {k: v for k, v in documents.items() if v["name"] != document.name}
            documents[document.id] = {"name": document.name, "text": document.text}
            if progress is not None:
                progress(0.5)
                progress(1.0)
        elif isinstance(change, DropDocument):
            documents.pop(change.document_id, None)
        if not isinstance(change, ListDocuments):
            shelf.write_text(json.dumps(documents))
        return tuple(
            ShelfEntry(document_id, kept["name"], len(kept["text"]), 1, 0)
            for document_id, kept in documents.items()
        )

    def n_changed(self, kind: type[Change]) -> int:
        return sum(isinstance(change, kind) for change in self.changes)


def shelf_documents(shelf: Path) -> dict[str, dict[str, str]]:
    """What stands on a shelf; a PipelineError where it is missing or damaged."""
    try:
        documents: dict[str, dict[str, str]] = json.loads(shelf.read_text())
    except (OSError, ValueError) as error:
        raise PipelineError("the shelf cannot be read") from error
    return documents


def quote_from(text: str, answer: str, *, name: str = "contract.pdf", page: str | None = "7") -> Evidence:
    """Evidence that quotes the whole of a text."""
    start = text.index(answer)
    end = start + len(answer)
    return Evidence(name, name, page, 0, len(text), text, start, end, 212, 0.93)


ANN, BOB = "console:ann", "api:bob"
CLAUSE = "Either party may terminate this Agreement on 30 days' written notice."


def replying(pipeline: FakePipeline, reply: Reply) -> None:
    pipeline.answer = lambda asked, listener: reply


def quoted(answer: str = "30 days' written notice", confidence: float = 0.93, **options: object) -> Reply:
    evidence = quote_from(CLAUSE, answer)
    return Reply(answer, "qa", confidence, evidence, **options)  # type: ignore[arg-type]
