from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.document_formats.cleaning import clean, clean_label, clean_prose
from bot.documents import read_document

ANY_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=()),  # lone surrogates too
        st.sampled_from("\r\n\f\v\t \xa0\xad\u200b\u200d\u202e\ufb01\u0301\u0308\u2028\ufeffea\U000e0041|"),
    ),
    max_size=80,
)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("one\r\ntwo\rthree\u2028four\x85five", "one\ntwo\nthree\nfour\nfive"),
        ("of\ufb01ce, \ufb02uid, a\ufb04uent", "office, fluid, affluent"),
        ("in\xadfor\xadma\u200btion", "information"),
        ("cafe\u0301 a\u0308", "café ä"),
        ("10 m², ½ l, H₂O, №5, ™", "10 m², ½ l, H₂O, №5, ™"),  # not compatibility forms
        ("pay \u202e001$\u202c now", "pay 001$ now"),
        ("hidden\U000e0069\U000e0067\U000e006e text", "hidden text"),
        ("می\u200cخواهم 👩\u200d💻", "می\u200cخواهم 👩\u200d💻"),  # joiners are part of the word
        ("\ufee3\ufeae\ufea3\ufe92\ufe8e", "مرحبا"),
        ("bell\x07 nul\x00 esc\x1b[0m", "bell nul esc[0m"),
        ("\ufeffmark", "mark"),
        ("half \ud83d, pair \ud83d\ude00", "half \ufffd, pair 😀"),
        ("\uf0b7 item", "• item"),
        ("a\tb  c \n d", "a\tb  c \n d"),
        ("z\u0344", "z\u0308\u0301"),
    ],
)
def test_clean(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@pytest.mark.parametrize("letter", ["e", "é", "\u1e14", "\u0958", "\ufb2c", "\U0001d160", "😀"])
@pytest.mark.parametrize(
    "accents", ["\u0316\u0301", "\u0323", "\u0344", "\u0f73", "\U0001e8d0\u0301", "\u0301\u200b\u0316"]
)
def test_of_accents_on_one_letter_the_first_thirty_stay(letter: str, accents: str) -> None:
    cleaned = clean(f"{letter}{accents * 30} {letter}{accents * 500}, the end")
    first, last, rest = cleaned.split(" ", 2)
    assert rest == "the end"
    for stack in (first, last.removesuffix(",")):
        assert 29 <= sum(unicodedata.combining(c) > 0 for c in stack) <= 30
    assert clean(cleaned) == cleaned


def test_a_megabyte_of_accents_is_read_at_once() -> None:
    # ordering them would hold up every chat for minutes
    accents = "a" + "\u0301\u0316" * 260_000
    document = read_document(f"{accents}.txt", f"{accents}\n\nThe end.".encode())
    assert len(document.text) < 60
    assert document.text.endswith("\n\nThe end.")
    assert len(document.name) < 60
    table = read_document("table.csv", f"name,{accents}\nb,c\n".encode())
    assert len(table.text) < 120


def test_prose_has_one_space_between_words_and_keeps_its_breaks() -> None:
    assert clean_prose("  one\t two\xa0\u2009three \r\n  four\n\n\n\nfive ") == "one two three\nfour\n\nfive"


def test_a_label_is_one_short_line() -> None:
    assert clean_label("  4.2\n\tTermination \u202e") == "4.2 Termination"
    assert clean_label("word " * 100, longest=20) == "word word word word…"


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert clean_prose(clean_prose(text)) == clean_prose(text)


@given(ANY_TEXT)
def test_clean_text_is_composed_visible_and_can_be_encoded(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not {c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"}
    assert not set(cleaned) & set("\xad\u200b\u202e\ufeff\ufb01\U000e0041")


@given(ANY_TEXT)
def test_letters_and_digits_survive(text: str) -> None:
    def letters(s: str) -> list[str]:
        decomposed = unicodedata.normalize("NFKD", s)
        return [c for c in decomposed if c.isalnum() and c.isascii()]

    assert letters(clean(text)) == letters(text)
