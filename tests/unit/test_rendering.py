"""An answer as plain text."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers import Answer
from bot.rendering import one_line, percent, place_of, printable, render, shown_quote
from tests.support.fake_pipeline import quote_from

CLAUSE = "Either party may terminate this Agreement on 30 days' written notice."
EVIDENCE = quote_from(CLAUSE, "30 days' written notice")
ANSWER = Answer("30 days' written notice", "qa", 0.93, (EVIDENCE,))


def test_the_quote_stands_below_with_its_place() -> None:
    assert render(ANSWER, "en").splitlines() == [
        "30 days' written notice",
        f"  “{CLAUSE}”",
        "  — contract.pdf, page 7 · 93% sure",
    ]


def test_in_russian() -> None:
    assert render(ANSWER, "ru").splitlines()[1:] == [
        f"  «{CLAUSE}»",
        "  — contract.pdf, стр. 7 · уверенность 93%",
    ]


def test_what_only_comes_close_is_not_called_sure() -> None:
    closest = dataclasses.replace(ANSWER, text="The documents don't say.", skill="none")
    assert render(closest, "en").endswith("— contract.pdf, page 7")


def test_notes_come_last() -> None:
    assert render(dataclasses.replace(ANSWER, notes=("A note.",)), "en").endswith("\n(A note.)")


@pytest.mark.parametrize(
    ("name", "page", "place"),
    [
        ("contract.pdf", "xiv", "contract.pdf, page xiv"),
        ("contract.pdf", "Termination", "contract.pdf, “Termination”"),
        ("contract.pdf", "", "contract.pdf, “”"),
        ("letter.docx", None, "letter.docx"),
        ("guide.MD", "Safety", "guide.MD, “Safety”"),
        ("guide.MD", "guide.MD", "guide.MD"),
        ("index.html", "Prices", "index.html, “Prices”"),
        ("lease.txt", None, "lease.txt, line 212"),
        ("rfc.txt", "7", "rfc.txt, page 7, line 212"),
        ("people.csv", "rows 201–300", "people.csv, “rows 201–300”"),
        ("notes", None, "notes, line 212"),
    ],
)
def test_pages_sections_and_the_lines_of_files_that_have_some(
    name: str, page: str | None, place: str
) -> None:
    assert place_of(dataclasses.replace(EVIDENCE, document_name=name, page=page), "en") == place


@given(st.text(max_size=2000), st.integers(0, 2000), st.integers(0, 50))
def test_a_long_quote_is_cut_around_the_answer(words: str, begin: int, length: int) -> None:
    text = words.ljust(begin + length, "x")
    evidence = dataclasses.replace(
        EVIDENCE, start=100, end=100 + len(text), quote=text, answer_start=100 + begin,
        answer_end=100 + begin + length,
    )  # fmt: skip
    shown = shown_quote(evidence, limit=100)
    assert len(shown) <= 104
    assert one_line(evidence.answer) in shown or evidence.answer != evidence.answer.strip()


def test_a_document_cannot_move_the_cursor_or_turn_text_around() -> None:
    hostile = "a\x1b[2J\x9bb\u202ec\u200bd\x00\ud800"
    assert printable(hostile) == "a[2Jbcd"
    answer = Answer(
        hostile, "qa", 0.9, (dataclasses.replace(EVIDENCE, quote=hostile, document_name=hostile),)
    )
    assert "\x1b" not in render(answer, "en")


def test_joined_letters_stay_joined() -> None:
    assert printable("👩\u200d🎓 می\u200cخواهم") == "👩\u200d🎓 می\u200cخواهم"
    assert one_line("a\r\n b\u00a0\tc") == "a b c"


@pytest.mark.parametrize(("share", "shown"), [(0.0, 0), (0.934, 93), (0.999, 99), (1.0, 100)])
def test_only_what_is_certain_is_100_percent(share: float, shown: int) -> None:
    assert percent(share) == shown
