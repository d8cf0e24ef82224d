"""All that is kept of a conversation, as plain data for JSON. For the person whose data it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.codec import to_plain
from bot.errors import UnreadableSession
from bot.sessions import Session, SessionStore


def export_session(session: Session, store: SessionStore, *, with_texts: bool) -> dict[str, Any]:
    """A session with times in ISO 8601 (UTC).

    Args:
        session: to be exported.
        store: where its documents' texts are, and what was set aside.
        with_texts: whether the documents' texts are part of it.
    """
    plain: dict[str, Any] = to_plain(session)
    documents = [{**info, "added": _iso(info["added"])} for info in plain["documents"]]
    if with_texts:
        for info in documents:
            info["text"] = _text(store, session.id, info["id"])
    return {
        "session": session.id,
        "exported": datetime.now(UTC).isoformat(timespec="seconds"),
        "started": _iso(session.started),
        "preferences": plain["preferences"],
        "documents": documents,
        "turns": [{**turn, "time": _iso(turn["time"])} for turn in plain["turns"]],
        "set_aside": [state.decode("utf-8", "replace") for state in store.aside(session.id)],
    }


def _text(store: SessionStore, session_id: str, document_id: str) -> str | None:
    try:
        document = store.document(session_id, document_id)
    except UnreadableSession:
        return None
    return document.text if document else None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
