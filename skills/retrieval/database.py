"""The file of a shelf: its tables, how it is opened, and what goes wrong with it.

One SQLite file holds everything (documents, passages, words, vectors), so that a change is one
transaction: a document is on the shelf whole or not at all, whatever happens to the process.
SQLite comes with ``apsw`` and not with Python, whose own may be old or built without extensions;
the full-text index is SQLite's FTS5, the vector index the ``sqlite-vec`` extension.

Opening takes less than a millisecond, so connections are not kept: nothing to share between
threads, nothing to close later, and a deleted shelf is gone.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import apsw
import sqlite_vec

from skills.errors import ShelfError

#: "Quot" in a file's header: tells a shelf from any other SQLite file.
APPLICATION_ID = 0x51756F74
#: Counts up whenever the tables change.
SCHEMA_VERSION = 1
#: How words are taken apart, in documents and in questions.
TOKENIZER = ("porter", "unicode61", "remove_diacritics", "2")
#: A search reads a few thousand pages: twice SQLite's own size saves a tenth of its time.
PAGE_SIZE = 8192
#: How long a writer waits for another one.
BUSY_TIMEOUT_MS = 30_000

# ``text`` runs from ``text_start`` to the next passage's ``text_start``: the rows of a document
# joined are the document, white space included. Texts are blobs (see ``blob_of``): SQLite's own text
# type cannot hold everything that a Python string can.
_SCHEMA = f"""
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name BLOB NOT NULL UNIQUE,
    n_chars INTEGER NOT NULL,
    n_passages INTEGER NOT NULL,
    n_pages INTEGER NOT NULL,
    pages BLOB NOT NULL
);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents (number),
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    embedding BLOB NOT NULL,
    text_start INTEGER NOT NULL,
    page BLOB,
    heading BLOB NOT NULL,
    text BLOB NOT NULL
);
CREATE INDEX passages_of_document ON passages (document, text_start);
CREATE VIRTUAL TABLE passage_words USING fts5 (
    title, body, content='', contentless_delete=1, tokenize='{" ".join(TOKENIZER)}'
);
CREATE VIRTUAL TABLE passage_vocabulary USING fts5vocab (passage_words, row);
CREATE VIRTUAL TABLE passage_vectors USING vec0 (signs bit[{{n_dimensions}}]);
"""


@contextmanager
def reading(path: Path) -> Iterator[apsw.Connection | None]:
    """A connection that sees the shelf as it stood when it began; None where there is no shelf yet.

    Raises:
        ShelfError: if the file is damaged, no shelf, or of another version of this program; also
            for whatever goes wrong in the body.
    """
    if not path.exists():
        yield None
        return
    # In a folder that cannot be written to nobody else writes either, and no lock can be taken.
    fixed = "" if os.access(path.parent, os.W_OK) else "&immutable=1"
    name = f"file:{quote(str(path.absolute()))}?mode=ro{fixed}"
    with _converted(path):
        connection = apsw.Connection(name, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            _prepare(connection)
            connection.execute("BEGIN")
            yield connection if _version(connection, path) else None
        finally:
            connection.close()


@contextmanager
def writing(path: Path, encoder_name: str, n_dimensions: int) -> Iterator[apsw.Connection]:
    """A connection inside a transaction, which is kept if the body ends well; makes the shelf if need be.

    Args:
        path: the shelf's file; its folder is made, for this user only.
        encoder_name: whose vectors the shelf holds.
        n_dimensions: of those vectors.

    Raises:
        ShelfError: as :func:`reading`; also if the shelf holds another encoder's vectors or another
            writer does not finish in time.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with _converted(path):
        connection = apsw.Connection(str(path.absolute()))
        try:
            _prepare(connection)
            _version(connection, path)
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}; PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL; PRAGMA secure_delete = FAST")
            connection.execute("BEGIN IMMEDIATE")
            if not _version(connection, path):
                _create(connection, encoder_name, n_dimensions)
            check_encoder(connection, path, encoder_name)
            yield connection
            connection.execute("COMMIT")
            connection.execute("PRAGMA incremental_vacuum").fetchall()
        finally:
            connection.close()  # which rolls back what was not committed


def check_encoder(connection: apsw.Connection, path: Path, encoder_name: str) -> None:
    """Refuse a shelf with the vectors of another encoder, which mean nothing to this one.

    Raises:
        ShelfError: if it is not this encoder's.
    """
    made_by = connection.execute("SELECT value FROM about WHERE key = 'encoder'").get
    if made_by != encoder_name:
        raise ShelfError(
            f"{path} was made with the encoder {made_by}, not with {encoder_name}: remove it and "
            "add its documents again"
        )


class Damage(Exception):
    """What is stored is not what was stored; leaves this package as a ShelfError."""


def blob_of(text: str) -> bytes:
    """A text as it is stored: its checksum and its UTF-8.

    SQLite notices damage to its own structure and not to what it carries; we quote to the letter.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    return zlib.crc32(encoded).to_bytes(4, "big") + encoded


def text_of(blob: bytes) -> str:
    """A stored text.

    Raises:
        Damage: if it is not as it was stored.
    """
    encoded = blob[4:]
    if zlib.crc32(encoded) != int.from_bytes(blob[:4], "big"):
        raise Damage("a stored text does not match its checksum")
    return encoded.decode("utf-8", "surrogatepass")


def _prepare(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.enable_load_extension(False)


def _version(connection: apsw.Connection, path: Path) -> int:
    """The shelf's schema version; 0 for an empty file, which is a shelf that was never finished."""
    version: int = connection.pragma("user_version")
    application: int = connection.pragma("application_id")
    if version == 0 and application == 0 and not connection.execute("SELECT 1 FROM sqlite_schema").get:
        return 0
    if application != APPLICATION_ID:
        raise ShelfError(f"{path} is a database of another program, not a shelf")
    if version != SCHEMA_VERSION:
        raise ShelfError(
            f"{path} is a shelf of version {version}, expected {SCHEMA_VERSION}: remove it and add its "
            "documents again"
        )
    return version


def _create(connection: apsw.Connection, encoder_name: str, n_dimensions: int) -> None:
    connection.execute(_SCHEMA.format(n_dimensions=n_dimensions))
    connection.execute("INSERT INTO about VALUES ('encoder', ?)", (encoder_name,))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _converted(path: Path) -> Iterator[None]:
    """Turn the library's exceptions into ours."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError, Damage) as error:
        raise ShelfError(
            f"{path} is damaged and cannot be searched: remove it and add its documents again ({error})"
        ) from error
    except apsw.BusyError as error:
        raise ShelfError(f"{path} is being changed by another process for too long") from error
    except apsw.Error as error:
        raise ShelfError(f"{path} cannot be used as a shelf: {error}") from error
