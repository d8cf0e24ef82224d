"""What is written down comes back as it was, or is refused; never guessed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.codec import CodecError, dumps, from_plain, loads, to_plain
from bot.errors import UnreadableSession
from bot.session_codec import (
    DOCUMENT_SCHEMA_VERSION,
    SCHEMA_VERSION,
    decode_document,
    decode_session,
    encode_document,
    encode_session,
)
from bot.sessions import CommandRecord, DocumentInfo, Session, SessionPreferences, SessionTurn
from skills.dialog import Considered, Document, Evidence, Page

texts = st.text(st.characters(), max_size=30)  # halves of surrogate pairs included
numbers = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(0, 2**53)
evidence = st.builds(
    Evidence, texts, texts, st.none() | texts, whole, whole, texts, whole, whole, whole, numbers
)
considered = st.builds(
    Considered, texts, st.none() | texts, whole, texts, numbers, st.none() | numbers, texts
)
user_turns = st.builds(SessionTurn, st.just("user"), texts, numbers, st.none() | texts, edited=st.booleans())
assistant_turns = st.builds(
    SessionTurn,
    st.just("assistant"),
    texts,
    numbers,
    st.none() | texts,
    st.sampled_from(["qa", "chat", "none", "failed"]),
    numbers,
    st.lists(evidence, max_size=2).map(tuple),
    st.lists(considered, max_size=2).map(tuple),
)
turns = st.lists(st.tuples(user_turns, assistant_turns), max_size=3).map(
    lambda p: tuple(t for pair in p for t in pair)
)
sessions = st.builds(
    Session,
    texts,
    texts,
    numbers,
    turns,
    st.lists(st.builds(DocumentInfo, texts, texts, whole, whole, numbers), max_size=2).map(tuple),
    st.builds(
        SessionPreferences, texts, texts, st.booleans(), st.none() | st.lists(texts, max_size=2).map(tuple)
    ),
    st.none() | st.builds(CommandRecord, texts, texts, st.none() | texts),
)


@given(sessions)
def test_a_session_comes_back(session: Session) -> None:
    assert decode_session(encode_session(session)) == session


@given(texts, texts, texts)
def test_a_document_comes_back(name: str, words: str, label: str) -> None:
    document = Document("id", name, words, (Page(label, 0, len(words)),))
    assert decode_document(encode_document(document)) == document


def stored(**changes: Any) -> bytes:
    """A stored session with some of its fields changed (None: taken out)."""
    session = to_plain(Session("console:ann").with_exchange(*exchange("1"), 10))
    for name, value in changes.items():
        *path, place = (int(part) if part.isdigit() else part for part in name.split("__"))
        holder = session
        for part in path:
            holder = holder[part]
        if value is None:
            del holder[place]
        else:
            holder[place] = value
    return json.dumps({"schema": SCHEMA_VERSION, "session": session}).encode()


def exchange(turn_id: str) -> tuple[SessionTurn, SessionTurn]:
    return (
        SessionTurn("user", "u", 1.0, turn_id=turn_id),
        SessionTurn("assistant", "a", 2.0, turn_id=turn_id, skill="chat"),
    )


def test_the_test_s_own_change_is_what_makes_it_unreadable() -> None:
    assert decode_session(stored()).turns[0].text == "u"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"schema":1}',
        b'{"schema":true,"session":{}}',
        b'{"schema":0,"session":{}}',
        b'{"schema":1.0,"session":{}}',
        b'{"schema":1,"session":{},"more":1}',
        stored(epoch=None),
        stored(more=1),
        stored(id=5),
        stored(started="now"),
        stored(started=True),
        stored(turns={}),
        stored(turns__0__role="robot"),
        stored(turns__0__role="assistant"),
        stored(turns__0__text=["u"]),
        stored(turns__1=None),
        stored(preferences__only_documents=0),
        stored(preferences__libraries=[1]),
        stored(last_command=[]),
        stored(last_command={"turn_id": "m1", "text": "Done."}),
        stored().replace(b"1.0", b"NaN", 1),
        stored().replace(b"1.0", b"1" + b"0" * 400, 1),
        stored().replace(b"1.0", b"1" * 5000, 1),
    ],
)
def test_what_is_damaged_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableSession):
        decode_session(data)


def test_an_error_does_not_repeat_what_was_said() -> None:
    with pytest.raises(UnreadableSession) as caught:
        decode_session(stored(turns__0__text=["geheim"], geheim=1))
    shown = str(caught.value) + str(caught.value.__cause__)
    assert "geheim" not in shown


def test_a_newer_version_is_refused_and_not_guessed_at() -> None:
    now, next_one = (f'"schema":{version}'.encode() for version in (SCHEMA_VERSION, SCHEMA_VERSION + 1))
    newer = encode_session(Session("console:ann")).replace(now, next_one)
    with pytest.raises(UnreadableSession, match="version"):
        decode_session(newer)


def test_older_versions_are_migrated_step_by_step() -> None:
    def one_to_two(session: dict[str, Any]) -> dict[str, Any]:
        return {"id": session.pop("name"), **session}

    def two_to_three(session: dict[str, Any]) -> dict[str, Any]:
        return {**session, "id": session["id"] + "!"}

    plain = to_plain(Session("console:ann"))
    plain["name"] = plain.pop("id")
    data = dumps({"schema": 1, "session": plain})
    session = decode_session(data, version=3, migrations={1: one_to_two, 2: two_to_three})
    assert session.id == "console:ann!"


def test_a_session_of_version_1_is_read() -> None:
    plain = to_plain(Session("console:ann"))
    for record in (None, {"turn_id": "m1", "text": "Done."}):
        session = decode_session(dumps({"schema": 1, "session": {**plain, "last_command": record}}))
        assert session.id == "console:ann"
        assert session.last_command == (record and CommandRecord("m1", "Done.", None))


def test_a_migration_that_fails_leaves_the_session_unreadable_and_no_more() -> None:
    data = encode_session(Session("console:ann"))
    steps: tuple[Any, ...] = (lambda session: session["no such"], lambda session: None)
    for migrations in ({}, *({SCHEMA_VERSION: step} for step in steps)):
        with pytest.raises(UnreadableSession):
            decode_session(data, version=SCHEMA_VERSION + 1, migrations=migrations)


@pytest.mark.parametrize(
    "data", [b"", b"no zlib", zlib.compress(b"{}"), zlib.compress(b'{"schema":1,"document":1}')]
)
def test_a_damaged_document_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableSession):
        decode_document(data)


def test_a_document_cut_off_is_refused() -> None:
    data = encode_document(Document("id", "a.txt", "words " * 1000))
    with pytest.raises(UnreadableSession):
        decode_document(data[:-10])


def shape(kind: Any) -> Any:
    """What a dataclass looks like when it is stored, down to the last field."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return {field.name: shape(hints[field.name]) for field in dataclasses.fields(kind)}
    arguments = typing.get_args(kind)
    return [str(typing.get_origin(kind)), *map(shape, arguments)] if arguments else str(kind)


@pytest.mark.parametrize(
    ("stored_now", "known"),
    [
        ((Session, SCHEMA_VERSION), (2, "a2cfccfcbb13fd3e")),
        ((Document, DOCUMENT_SCHEMA_VERSION), (1, "a3003dfac44ee1e8")),
    ],
    ids=["session", "document"],
)
def test_a_change_of_what_is_stored_comes_with_a_new_version(
    stored_now: tuple[type, int], known: tuple[int, str]
) -> None:
    """If this fails, stored sessions became unreadable: count the version up and write a migration."""
    kind, version = stored_now
    digest = hashlib.sha256(json.dumps(shape(kind), sort_keys=True).encode()).hexdigest()
    assert (version, digest[:16]) == known


def test_whole_numbers_are_good_floats_but_booleans_are_no_numbers() -> None:
    assert (
        from_plain(DocumentInfo, loads(b'{"id":"","name":"","n_chars":1,"n_pages":0,"added":5}')).added == 5.0
    )
    with pytest.raises(CodecError, match=r"n_chars: expected int, found bool"):
        from_plain(DocumentInfo, loads(b'{"id":"","name":"","n_chars":true,"n_pages":0,"added":5}'))


class TestSession:
    def test_exchanges_alternate_and_the_oldest_go(self) -> None:
        session = Session("console:ann")
        for i in range(6):
            session = session.with_exchange(*exchange(str(i)), max_turns=5)
        assert [turn.turn_id for turn in session.turns] == ["4", "4", "5", "5"]

    def test_the_same_turn_id_takes_the_place_of_the_earlier(self) -> None:
        session = Session("console:ann")
        for turn_id in ("1", "2", "1"):
            session = session.with_exchange(*exchange(turn_id), max_turns=10)
        assert [turn.turn_id for turn in session.turns] == ["2", "2", "1", "1"]

    def test_turns_without_an_id_are_all_different(self) -> None:
        user, assistant = (dataclasses.replace(turn, turn_id=None) for turn in exchange("x"))
        session = Session("console:ann")
        for _ in range(3):
            session = session.with_exchange(user, assistant, max_turns=10)
        assert len(session.turns) == 6
        assert session.exchange(None) is None

    def test_history_leaves_out_what_failed_and_what_is_answered_anew(self) -> None:
        session = Session("console:ann")
        for turn_id, skill in (("1", "chat"), ("2", "failed"), ("3", "qa")):
            user, assistant = exchange(turn_id)
            user = dataclasses.replace(user, text=turn_id)
            session = session.with_exchange(user, dataclasses.replace(assistant, skill=skill), 10)
        assert [turn.text for turn in session.history()] == ["1", "a", "3", "a"]
        assert [turn.text for turn in session.history(without="3")] == ["1", "a"]

    def test_passages_are_kept_of_the_last_answer_only(self) -> None:
        passage = Considered("a.txt", None, 0, "long text", 0.5, None, "")
        session = Session("console:ann")
        for turn_id in ("1", "2"):
            user, assistant = exchange(turn_id)
            session = session.with_exchange(user, dataclasses.replace(assistant, considered=(passage,)), 10)
        assert [len(turn.considered) for turn in session.turns] == [0, 0, 0, 1]
