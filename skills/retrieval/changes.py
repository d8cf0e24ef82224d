"""Changes to a shelf and what stands on it afterwards. Plain data, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from skills.dialog import Document


@dataclass(frozen=True)
class AddDocument:
    """Put a document on the shelf; one of the same name or content is replaced."""

    document: Document = field(repr=False)


@dataclass(frozen=True)
class DropDocument:
    """Take a document off the shelf; one that is not there is no error."""

    document_id: str


@dataclass(frozen=True)
class ListDocuments:
    """Change nothing; only say what stands on the shelf."""


Change: TypeAlias = AddDocument | DropDocument | ListDocuments


@dataclass(frozen=True)
class ShelfEntry:
    """A document on a shelf, as listed after a change."""

    id: str
    name: str
    n_chars: int
    n_passages: int
    n_pages: int
