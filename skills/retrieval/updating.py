"""Changing shelves: documents on and off, each in one transaction.

The tables are in ``database``, the cutting in ``passages``, reading and searching in ``index``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Protocol

import apsw
import numpy as np
from numpy.typing import NDArray

from skills.dialog import Document, Page, Progress
from skills.retrieval import database
from skills.retrieval.changes import ShelfEntry
from skills.retrieval.database import blob_of
from skills.retrieval.index import entries_of, list_documents
from skills.retrieval.passages import PassageSpan, split_document
from skills.retrieval.search import pack_signs, pack_vectors
from skills.runtime import encodable

FloatArray = NDArray[np.float32]


class Encoder(Protocol):
    """What makes vectors of texts; see ``encoder.SentenceEncoder``."""

    name: str
    n_dimensions: int

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> FloatArray: ...


def add_document(
    shelf: Path, document: Document, encoder: Encoder, progress: Progress | None = None
) -> tuple[ShelfEntry, ...]:
    """Put a document on a shelf; one of the same content or the same name makes way for it.

    The slow part, the vectors, comes before the transaction: readers and other writers are not
    kept waiting for it.

    Args:
        shelf: its file; made if it is not there.
        document: any text, also a blank one.
        encoder: makes the vectors.
        progress: told the share that is done.

    Returns:
        what stands on the shelf then.

    Raises:
        ShelfError: if the shelf cannot be used; it stays as it was.
    """
    if _has(shelf, document, encoder):
        return list_documents(shelf)
    spans = split_document(document)
    vectors = encoder.encode(
        [_for_encoder(document, span) for span in spans],
        None if progress is None else lambda share: progress(0.95 * share),
    )
    with database.writing(shelf, encoder.name, encoder.n_dimensions) as connection:
        _delete(connection, "id = ? OR name = ?", (document.id, blob_of(document.name)))
        _insert(connection, document, spans, vectors)
        entries = entries_of(connection)
    if progress is not None:
        progress(1.0)
    return entries


def drop_document(shelf: Path, document_id: str, encoder: Encoder) -> tuple[ShelfEntry, ...]:
    """Take a document off a shelf; one that is not there is no error.

    Nothing of its text stays in the file, once nobody has it open. Words of versions that were
    replaced go with it: :func:`add_document` leaves them, so as not to write all words anew.

    Raises:
        ShelfError: if the shelf cannot be used; it stays as it was.
    """
    if all(entry.id != document_id for entry in list_documents(shelf)):
        return list_documents(shelf)
    with database.writing(shelf, encoder.name, encoder.n_dimensions) as connection:
        _delete(connection, "id = ?", (document_id,))
        # FTS5 only marks a row as deleted; its words stay until the index is written anew, which
        # takes about 40 ms for a million characters
        connection.execute("INSERT INTO passage_words (passage_words) VALUES ('optimize')")
        return entries_of(connection)


def _has(shelf: Path, document: Document, encoder: Encoder) -> bool:
    """Whether exactly this document already stands there."""
    with database.reading(shelf) as connection:
        if connection is None:
            return False
        database.check_encoder(connection, shelf, encoder.name)
        row = connection.execute(
            "SELECT 1 FROM documents WHERE id = ? AND name = ? AND pages = ?",
            (document.id, blob_of(document.name), _pages_blob(document.pages)),
        )
        return row.fetchone() is not None


def _insert(
    connection: apsw.Connection, document: Document, spans: Sequence[PassageSpan], vectors: FloatArray
) -> None:
    number = connection.execute(
        "INSERT INTO documents (id, name, n_chars, n_passages, n_pages, pages) "
        "VALUES (?, ?, ?, ?, ?, ?) RETURNING number",
        (document.id, blob_of(document.name), len(document.text), len(spans), len(document.pages),
         _pages_blob(document.pages)),
    ).get  # fmt: skip
    first = connection.execute("SELECT ifnull(max(id), 0) + 1 FROM passages").get
    ids = range(first, first + len(spans))
    text = document.text
    # the first row has what stands before the first passage, the last what stands after the last one
    starts = [0, *(span.start for span in spans[1:]), len(text)]
    packed, signs = pack_vectors(vectors), pack_signs(vectors)
    connection.executemany(
        "INSERT INTO passages (id, document, start, end, embedding, text_start, page, heading, text) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (i, number, span.start, span.end, packed[n].tobytes(), starts[n],
             None if span.page is None else blob_of(span.page), blob_of(span.heading),
             blob_of(text[starts[n] : starts[n + 1]]))
            for n, (i, span) in enumerate(zip(ids, spans, strict=True))
        ),
    )  # fmt: skip
    if not spans:  # a blank text is kept too
        connection.execute(
            "INSERT INTO passages (document, start, end, embedding, text_start, heading, text) "
            "VALUES (?, 0, 0, x'', 0, ?, ?)",
            (number, blob_of(""), blob_of(text)),
        )
    title = PurePath(document.name).stem  # that it is a ".pdf" says nothing
    connection.executemany(
        "INSERT INTO passage_words (rowid, title, body) VALUES (?, ?, ?)",
        (
            (i, encodable(f"{title} {span.heading}"), encodable(text[span.start : span.end]))
            for i, span in zip(ids, spans, strict=True)
        ),
    )
    connection.executemany(
        "INSERT INTO passage_vectors (rowid, signs) VALUES (?, vec_bit(?))",
        ((i, bits.tobytes()) for i, bits in zip(ids, signs, strict=True)),
    )


def _delete(connection: apsw.Connection, which: str, values: tuple[str | bytes, ...]) -> None:
    """Delete the documents of a condition on the table ``documents`` with everything of theirs."""
    numbers = [row[0] for row in connection.execute(f"SELECT number FROM documents WHERE {which}", values)]  # noqa: S608
    for number in numbers:
        ids = connection.execute("SELECT id FROM passages WHERE document = ?", (number,)).fetchall()
        connection.executemany("DELETE FROM passage_words WHERE rowid = ?", ids)
        connection.executemany("DELETE FROM passage_vectors WHERE rowid = ?", ids)
        connection.execute("DELETE FROM passages WHERE document = ?", (number,))
        connection.execute("DELETE FROM documents WHERE number = ?", (number,))


def _for_encoder(document: Document, span: PassageSpan) -> str:
    """A passage with the heading it stands under, which often says what "it" is."""
    text = document.text[span.start : span.end]
    if span.heading and span.heading not in text[: len(span.heading) + 16]:
        text = f"{span.heading}\n{text}"
    return text


def _pages_blob(pages: Sequence[Page]) -> bytes:
    return blob_of(json.dumps([[page.label, page.start, page.end] for page in pages]))
