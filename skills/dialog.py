"""The plain data that the service and the chain exchange. No behaviour, no imports of either.

Offsets everywhere count characters (Python string indices) of ``Document.text``, the first
at 0, ``end`` one past the last. The invariant the product stands on:
``document.text[evidence.start:evidence.end] == evidence.quote``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Skill = Literal["qa", "chat", "none"]
Role = Literal["user", "assistant"]

#: Called with each piece of a generated reply as it is made, with "" where nothing can be shown yet; returns
#: True to stop.
Listener = Callable[[str], bool]
#: Called with the share of the work that is done, in [0, 1].
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Turn:
    """One thing said in a conversation.

    Attributes:
        role: who said it.
        text: what.
        skill: which skill the reply came from; None where it is not known, and for the user.
    """

    role: Role
    text: str
    skill: Skill | None = None


@dataclass(frozen=True)
class Page:
    """A page or section of a document: its label ("3", "Termination") and its characters."""

    label: str
    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """A document as text.

    Attributes:
        id: hex digest of its content; the same content is the same document.
        name: what the user calls it, such as the file's name; a new document of the same
            name on the same shelf replaces the old one.
        text: all of it. What quotes are compared with.
        pages: in order, without overlap; empty where the format has neither pages nor sections.
    """

    id: str
    name: str
    text: str
    pages: tuple[Page, ...] = ()


@dataclass(frozen=True)
class Knowledge:
    """What a conversation may quote: the shelves (index files) that are searched for it."""

    shelves: tuple[str, ...] = ()


@dataclass(frozen=True)
class Passage:
    """A stretch of a document that retrieval found.

    Attributes:
        shelf: the shelf it stands on.
        document_id: of its document.
        document_name: likewise.
        page: label of the page on which it starts, or None.
        heading: the heading above it, or "".
        start: its first character in the document.
        text: ``document.text[start : start + len(text)]``.
        score: fused retrieval score in [0, 1]; higher is better.
        similarity: cosine of question and passage embeddings, in [-1, 1].
    """

    shelf: str
    document_id: str
    document_name: str
    page: str | None
    heading: str
    start: int
    text: str
    score: float
    similarity: float


@dataclass(frozen=True)
class Evidence:
    """A quote and its place.

    Attributes:
        document_id, document_name, page: where it stands; ``page`` None without pages.
        start, end: of ``quote`` in the document's text.
        quote: the sentence around the answer, verbatim.
        answer_start, answer_end: of the answer in the document's text, inside the quote.
        line: line of the document's text on which the answer begins, from 1.
        score: how sure, in [0, 1].
    """

    document_id: str
    document_name: str
    page: str | None
    start: int
    end: int
    quote: str
    answer_start: int
    answer_end: int
    line: int
    score: float

    @property
    def answer(self) -> str:
        """The answer's exact words."""
        return self.quote[self.answer_start - self.start : self.answer_end - self.start]


@dataclass(frozen=True)
class Considered:
    """A passage that was looked at for an answer, for those who ask why.

    ``reader_score`` is the reader's margin over "no answer" in logits, None where it was not read.
    """

    document_name: str
    page: str | None
    start: int
    text: str
    retrieval_score: float
    reader_score: float | None
    answer: str


@dataclass(frozen=True)
class Preferences:
    """What a conversation has set for itself.

    Attributes:
        style: name of a decoding preset ("precise", "balanced", "creative").
        persona: who the generated replies come from; "" is the default persona.
        only_documents: never generate: quote or say that the documents do not tell.
    """

    style: str = "balanced"
    persona: str = ""
    only_documents: bool = False


@dataclass(frozen=True)
class Reply:
    """What the chain answers.

    Attributes:
        text: the reply. For ``qa`` the answer's exact words; for ``none`` empty (the service
            words it in the user's language); for ``chat`` the generated text.
        skill: ``qa`` quotes, ``chat`` is generated, ``none`` says that the documents do not tell.
        confidence: in [0, 1].
        evidence: the quote; also given with ``none`` where something comes close. None for ``chat``.
        also: further quotes where documents disagree, best first.
        considered: the passages looked at, best first.
        question: the question as it was searched for, completed from the conversation.
        n_dropped_turns: earlier turns that no longer fitted the model's context.
        stopped: True where the listener stopped the generation.
    """

    text: str
    skill: Skill
    confidence: float
    evidence: Evidence | None = None
    also: tuple[Evidence, ...] = ()
    considered: tuple[Considered, ...] = field(default=(), repr=False)
    question: str = ""
    n_dropped_turns: int = 0
    stopped: bool = False
