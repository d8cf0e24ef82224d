"""The passages that may hold an answer: DeepPavlov's face of searching shelves.

Holds no connection and no state between calls, so any number of threads may call it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.dialog import Knowledge, Passage
from skills.errors import ConfigurationError, ShelfError, parameter_names, refuse_unknown
from skills.retrieval.index import search_shelf
from skills.retrieval.updating import Encoder

log = logging.getLogger(__name__)


@register("retriever")
class Retriever(Component):
    """``retriever(questions, knowledge) -> passages``: for each question, best first.

    All shelves of a conversation are searched and their passages merged by score. A conversation
    without shelves, or with knowledge None, gets none; a shelf that does not exist is empty.

    Args:
        encoder: the pipe's ``sentence_encoder``.
        k: passages for a question at the most.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
    """

    def __init__(self, encoder: Encoder, k: int = 10, **kwargs: Any) -> None:
        refuse_unknown("retriever", kwargs, parameter_names(type(self).__init__))
        if k < 1:
            raise ConfigurationError(f"retriever: k must be at least 1, not {k}")
        self.encoder = encoder
        self.k = k

    def __call__(
        self, questions: Sequence[str], knowledge: Sequence[Knowledge | None]
    ) -> list[list[Passage]]:
        """Search for every question.

        Raises:
            ShelfError: if every shelf of a conversation is damaged or of another version. One bad
                shelf among good ones is logged and left out.
        """
        shelves = [
            [path for path in map(Path, known.shelves if known else ()) if path.exists()]
            for known in knowledge
        ]
        asked = [
            i for i, (q, paths) in enumerate(zip(questions, shelves, strict=True)) if paths and q.strip()
        ]
        found: list[list[Passage]] = [[] for _ in questions]
        if asked:
            vectors = self.encoder.encode([questions[i] for i in asked])
            for i, vector in zip(asked, vectors, strict=True):
                found[i] = self._search(shelves[i], questions[i], vector)
        return found

    def _search(self, shelves: Sequence[Path], question: str, vector: Any) -> list[Passage]:
        merged: dict[tuple[str, int], Passage] = {}
        errors: list[ShelfError] = []
        for shelf in shelves:
            try:
                passages = search_shelf(shelf, question, vector, self.k, self.encoder.name)
            except ShelfError as error:
                errors.append(error)
                continue
            for passage in passages:  # a document that stands on two shelves is found once
                merged.setdefault((passage.document_id, passage.start), passage)
        if len(errors) == len(shelves):
            raise errors[0]
        for left_out in errors:
            log.error("a shelf is left out of the search: %s", left_out)
        return sorted(merged.values(), key=lambda p: (-p.score, p.document_name, p.start))[: self.k]
