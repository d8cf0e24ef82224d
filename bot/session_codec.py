"""How sessions and documents are written down: strict JSON with a schema version.

Older versions are migrated step by step; newer or damaged ones raise
:class:`~bot.errors.UnreadableSession`, so that the conversation can set them aside. Errors name the
place of the fault and never what was said there.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bot.codec import CodecError, dumps, from_plain, loads
from bot.errors import UnreadableSession
from bot.sessions import Session
from skills.dialog import Document

T = TypeVar("T")

#: Counts up with every change of what is stored; each step gets an entry in ``MIGRATIONS``.
SCHEMA_VERSION = 2

Migration = Callable[[dict[str, Any]], dict[str, Any]]


def _commands_have_no_text(session: dict[str, Any]) -> dict[str, Any]:
    record = session["last_command"]
    return {**session, "last_command": record and {**record, "command": None}}


#: Version n: from plain session n to plain session n + 1.
MIGRATIONS: Mapping[int, Migration] = {1: _commands_have_no_text}
#: Likewise of a document's text, which changes for other reasons.
DOCUMENT_SCHEMA_VERSION = 1
DOCUMENT_MIGRATIONS: Mapping[int, Migration] = {}


def encode_session(session: Session) -> bytes:
    """A session as JSON with its schema version."""
    return dumps({"schema": SCHEMA_VERSION, "session": session})


def decode_session(
    data: bytes, *, version: int = SCHEMA_VERSION, migrations: Mapping[int, Migration] = MIGRATIONS
) -> Session:
    """A session from what :func:`encode_session` wrote, now or in an earlier version.

    Raises:
        UnreadableSession: if it is damaged or newer than ``version``.
    """
    session = _unwrap(data, "session", version, migrations, Session)
    alternating = all(turn.role == ("user", "assistant")[i % 2] for i, turn in enumerate(session.turns))
    if not alternating or len(session.turns) % 2:
        raise UnreadableSession("stored session: its turns do not alternate")
    return session


def encode_document(document: Document) -> bytes:
    """A document as compressed JSON with its schema version."""
    return zlib.compress(dumps({"schema": DOCUMENT_SCHEMA_VERSION, "document": document}))


def decode_document(data: bytes) -> Document:
    """A document from what :func:`encode_document` wrote, now or in an earlier version.

    Raises:
        UnreadableSession: if it is damaged or newer than this version.
    """
    try:
        plain = zlib.decompress(data)
    except zlib.error as error:
        raise UnreadableSession("stored document: damaged") from error
    return _unwrap(plain, "document", DOCUMENT_SCHEMA_VERSION, DOCUMENT_MIGRATIONS, Document)


def _unwrap(data: bytes, key: str, version: int, migrations: Mapping[int, Migration], kind: type[T]) -> T:
    try:
        wrapper = loads(data)
        if not isinstance(wrapper, dict) or set(wrapper) != {"schema", key}:
            raise CodecError("neither schema version nor content")
        found, plain = wrapper["schema"], wrapper[key]
        if type(found) is not int or not 0 < found <= version:
            raise CodecError(f"of a schema version that this program (up to {version}) does not know")
        for step in range(found, version):
            plain = migrations[step](plain)
        return from_plain(kind, plain)
    except CodecError as error:
        raise UnreadableSession(f"stored {key}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableSession(f"stored {key}: its migration from an older version failed") from error
