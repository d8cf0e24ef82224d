"""Changes to shelves: the one step of the ingest pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.dialog import Progress
from skills.errors import InputError, parameter_names, refuse_unknown
from skills.retrieval.changes import AddDocument, Change, DropDocument, ListDocuments, ShelfEntry
from skills.retrieval.index import list_documents
from skills.retrieval.updating import Encoder, add_document, drop_document


@register("shelf_writer")
class ShelfWriter(Component):
    """``shelf_writer(shelves, changes, listeners) -> results``: what stands on each shelf then.

    Each change is one transaction; processes that write to the same shelf wait for each other.

    Args:
        encoder: the pipe's ``sentence_encoder``.
    """

    def __init__(self, encoder: Encoder, **kwargs: Any) -> None:
        refuse_unknown("shelf_writer", kwargs, parameter_names(type(self).__init__))
        self.encoder = encoder

    def __call__(
        self,
        shelves: Sequence[str | Path],
        changes: Sequence[Change],
        listeners: Sequence[Progress | None] | None = None,
    ) -> list[tuple[ShelfEntry, ...]]:
        """Make the changes, one after the other.

        Args:
            shelves: files; made where they are missing and something is added.
            changes: one for each shelf.
            listeners: told the share that is done; None, or None each, for nobody.

        Raises:
            ShelfError: if a shelf cannot be used; it stays as it was.
            InputError: for something that is no change.
        """
        told = listeners if listeners is not None else [None] * len(shelves)
        return [
            self._change(Path(shelf), change, listener)
            for shelf, change, listener in zip(shelves, changes, told, strict=True)
        ]

    def _change(self, shelf: Path, change: Change, listener: Progress | None) -> tuple[ShelfEntry, ...]:
        if isinstance(change, AddDocument):
            return add_document(shelf, change.document, self.encoder, listener)
        if isinstance(change, DropDocument):
            return drop_document(shelf, change.document_id, self.encoder)
        if isinstance(change, ListDocuments):
            return list_documents(shelf, self.encoder.name)
        raise InputError(f"expected a change to a shelf, got {type(change).__name__}")
