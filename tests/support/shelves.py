"""Documents for shelves, and what a search of a shelf finds."""

from __future__ import annotations

import hashlib
from pathlib import Path

from skills.dialog import Document, Page
from skills.retrieval.index import search_shelf
from tests.support.letter_encoder import LetterEncoder


def document(name: str, text: str, pages: tuple[Page, ...] = ()) -> Document:
    """A document whose id comes of its text."""
    return Document(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), name, text, pages)


def long_text(topic: str, n: int = 60) -> str:
    """Sentences about a topic, some passages of them."""
    return " ".join(f"The {topic} number {i} was painted red in the year {1000 + i}." for i in range(n))


def found(shelf: Path, question: str, encoder: LetterEncoder, k: int = 5) -> list[str]:
    """Names of the documents that the passages found are from, best first."""
    passages = search_shelf(shelf, question, encoder.encode([question])[0], k, encoder.name)
    return [passage.document_name for passage in passages]
