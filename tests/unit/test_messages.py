"""The texts: both languages say everything, with the same values, and every call names what it needs."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import (
    BotError,
    DocumentError,
    MessageTooLong,
    MessageUnusable,
    SessionBusy,
    StoreFull,
    StoreUnavailable,
)
from bot.messages import LANGUAGES, NOUNS, TEXTS, counted, explain, known_language, number, text

BOT = Path(__file__).resolve().parents[2] / "bot"


def fields(template: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(template) if name is not None}


def names(template: str) -> set[str]:
    return {name for name, _ in fields(template)}


def calls_of_text() -> Iterator[tuple[str, str, set[str]]]:
    """Every call of ``text`` or ``say`` with a literal key: where, key, values that it names."""
    for file in sorted(BOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called not in ("text", "say") or any(k.arg is None for k in node.keywords):
                continue
            keys = node.args[0]
            for key in (keys.body, keys.orelse) if isinstance(keys, ast.IfExp) else (keys,):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    where = f"{file.relative_to(BOT.parent)}:{node.lineno}"
                    yield where, key.value, {str(k.arg) for k in node.keywords}


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_say_it_with_the_same_values(key: str) -> None:
    english, russian = TEXTS[key]
    assert english.strip()
    assert russian.strip()
    assert names(english) == names(russian)
    for _, spec in fields(english) | fields(russian):
        assert spec in NOUNS or not spec.isalpha() or spec == "d", f"no noun {spec}"


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_russian_is_russian(key: str) -> None:
    english, russian = ("".join(said for said, *_ in string.Formatter().parse(t)) for t in TEXTS[key])
    if any(letter.isalpha() for letter in english):
        assert any("а" <= letter <= "я" for letter in russian.lower()), russian


def test_every_call_names_a_text_and_what_it_needs() -> None:
    calls = list(calls_of_text())
    assert len(calls) > 50
    wrong = []
    for where, key, given in calls:
        if key not in TEXTS:
            wrong.append(f"{where}: there is no text {key}")
        elif names(TEXTS[key][0]) - given:
            wrong.append(f"{where}: {key} lacks {', '.join(names(TEXTS[key][0]) - given)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("n", "english", "russian"),
    [
        (0, "0 documents", "0 документов"),
        (1, "1 document", "1 документ"),
        (2, "2 documents", "2 документа"),
        (5, "5 documents", "5 документов"),
        (11, "11 documents", "11 документов"),
        (14, "14 documents", "14 документов"),
        (21, "21 documents", "21 документ"),
        (22, "22 documents", "22 документа"),
        (111, "111 documents", "111 документов"),
        (1.5, "1.5 documents", "1,5 документа"),
        (12_345, "12,345 documents", "12\u00a0345 документов"),
    ],
)
def test_nouns_take_the_right_form(n: float, english: str, russian: str) -> None:
    assert counted(n, "documents", "en") == english
    assert counted(n, "documents", "ru") == russian


def test_numbers_are_written_as_the_language_does() -> None:
    assert number(1234567.5, "en") == "1,234,567.5"
    assert number(1234567.5, "ru") == "1\u00a0234\u00a0567,5"
    assert number(60.0, "en") == "60"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en", "en"), ("ru", "ru"), ("ru-RU", "ru"), ("RU_ru", "ru"), ("de", "en"), ("", "en"), ("rus", "en")],
)
def test_a_language_without_texts_gets_english(tag: str, language: str) -> None:
    assert known_language(tag) == language
    assert text("turn.stopped", tag) == text("turn.stopped", language)


def test_values_are_never_templates() -> None:
    hostile = "{0.__class__} {name} %s"
    assert hostile in text("document.unknown", "en", name=hostile)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "error",
    [
        SessionBusy("detail"),
        MessageTooLong("detail"),
        MessageUnusable("detail"),
        StoreFull("detail"),
        StoreUnavailable("detail"),
        DocumentError("document.too_many", limit=3),
        DocumentError("no.such.text", detail="detail"),
        BotError("detail"),
    ],
)
def test_errors_are_explained_and_never_shown(error: BotError, language: str) -> None:
    words = explain(error, language)
    assert len(words) > 20
    assert "detail" not in words
    assert "no.such.text" not in words
