"""Reading shelves: what stands on them, the passages for a question, documents to the letter.

The tables are in ``database``, the search in ``search``, changes in ``updating``. Knows neither
the conversation nor DeepPavlov.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from skills.dialog import Document, Page, Passage
from skills.errors import ShelfError
from skills.retrieval import database
from skills.retrieval.changes import ShelfEntry
from skills.retrieval.database import text_of
from skills.retrieval.search import search

FloatArray = NDArray[np.float32]

_PASSAGE = """
SELECT d.id, d.name, p.page, p.heading, p.start, p.end, p.text_start, p.text
FROM passages p JOIN documents d ON d.number = p.document WHERE p.id = ?
"""


def list_documents(shelf: Path, encoder_name: str | None = None) -> tuple[ShelfEntry, ...]:
    """What stands on a shelf, in the order in which it was added.

    Args:
        shelf: its file; one that does not exist is an empty shelf.
        encoder_name: whose vectors are expected there; None takes any.

    Raises:
        ShelfError: if the shelf cannot be used.
    """
    with database.reading(shelf) as connection:
        if connection is None:
            return ()
        if encoder_name is not None:
            database.check_encoder(connection, shelf, encoder_name)
        return entries_of(connection)


def search_shelf(shelf: Path, question: str, vector: FloatArray, k: int, encoder_name: str) -> list[Passage]:
    """The passages of a shelf that fit a question best.

    Args:
        shelf: its file; one that does not exist is an empty shelf.
        question: complete in itself.
        vector: its embedding, shape (n_dimensions,).
        k: how many at the most.
        encoder_name: whose embedding it is.

    Returns:
        passages, best first.

    Raises:
        ShelfError: if the shelf cannot be used or holds another encoder's vectors.
    """
    with database.reading(shelf) as connection:
        if connection is None:
            return []
        database.check_encoder(connection, shelf, encoder_name)
        found = []
        for hit in search(connection, question, vector, k):
            row: Any = connection.execute(_PASSAGE, (hit.passage_id,)).fetchone()
            if row is None:
                raise database.Damage("a passage that was found is not there")
            document_id, name, page, heading, start, end, text_start, text = row
            words = text_of(text)[start - text_start : end - text_start]
            found.append(
                Passage(
                    shelf=str(shelf),
                    document_id=document_id,
                    document_name=text_of(name),
                    page=None if page is None else text_of(page),
                    heading=text_of(heading),
                    start=start,
                    text=words,
                    score=hit.score,
                    similarity=hit.similarity,
                )
            )
        return found


class ShelfReader:
    """Documents of shelves as they were added, character by character; safe from several threads.

    Every call looks whether the document is still on its shelf; only its text is kept, and no more
    than ``max_cached_chars`` characters of texts together.

    Args:
        max_cached_chars: characters of documents that are kept in memory.
    """

    def __init__(self, max_cached_chars: int = 4_000_000) -> None:
        self._max_cached_chars = max_cached_chars
        self._cache: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._n_cached_chars = 0
        self._lock = threading.Lock()

    def document(self, shelf: str | Path, document_id: str) -> Document:
        """A document.

        Raises:
            ShelfError: if it does not stand on the shelf, or the shelf cannot be used.
        """
        with database.reading(Path(shelf)) as connection:
            number, name, pages = _find(connection, shelf, document_id)
            key = (str(shelf), document_id)
            text = self._cached(key)
            if text is None:
                assert connection is not None
                text = "".join(_pieces(connection, number, 0, None))
                self._keep(key, text)
        return Document(document_id, name, text, pages)

    def document_text(self, shelf: str | Path, document_id: str, start: int, end: int) -> str:
        """A stretch of a document's text, without reading all of it.

        Raises:
            ShelfError: if it does not stand on the shelf, or the shelf cannot be used.
        """
        with database.reading(Path(shelf)) as connection:
            number, _, _ = _find(connection, shelf, document_id)
            assert connection is not None
            return "".join(_pieces(connection, number, max(0, start), max(0, end)))

    def _cached(self, key: tuple[str, str]) -> str | None:
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
            return self._cache.get(key)

    def _keep(self, key: tuple[str, str], text: str) -> None:
        with self._lock:
            if key in self._cache or len(text) > self._max_cached_chars:
                return
            self._cache[key] = text
            self._n_cached_chars += len(text)
            while self._n_cached_chars > self._max_cached_chars:
                self._n_cached_chars -= len(self._cache.popitem(last=False)[1])


def entries_of(connection: apsw.Connection) -> tuple[ShelfEntry, ...]:
    rows = connection.execute("SELECT id, name, n_chars, n_passages, n_pages FROM documents ORDER BY number")
    return tuple(
        ShelfEntry(document_id, text_of(name), n_chars, n_passages, n_pages)
        for document_id, name, n_chars, n_passages, n_pages in rows
    )


def _find(
    connection: apsw.Connection | None, shelf: str | Path, document_id: str
) -> tuple[int, str, tuple[Page, ...]]:
    row = (
        connection
        and connection.execute(
            "SELECT number, name, pages FROM documents WHERE id = ?", (document_id,)
        ).fetchone()
    )
    if not row:
        raise ShelfError(f"document {document_id[:12]} does not stand on the shelf {shelf}")
    number, name, pages = row
    return number, text_of(name), tuple(Page(*page) for page in json.loads(text_of(pages)))


def _pieces(connection: apsw.Connection, number: int, start: int, end: int | None) -> list[str]:
    """The rows of a document that hold ``start`` to ``end``, cut to it."""
    rows = connection.execute(
        """
        SELECT text_start, text FROM passages
        WHERE document = :number AND (:end IS NULL OR text_start < :end) AND text_start >= (
            SELECT ifnull(max(text_start), 0) FROM passages WHERE document = :number AND text_start <= :start
        )
        ORDER BY text_start
        """,
        {"number": number, "start": start, "end": end},
    )
    found = []
    for text_start, blob in rows:
        text = text_of(blob)
        found.append(text[max(0, start - text_start) : None if end is None else max(0, end - text_start)])
    return found
