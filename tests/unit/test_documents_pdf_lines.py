"""Lines to paragraphs, hyphens and running heads, without a PDF."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from bot.document_formats.pdf_furniture import Furniture
from bot.document_formats.pdf_lines import Joint, Line, in_reading_order, joints, page_joint
from bot.document_formats.pdf_words import joined, words

PAGE_HEIGHT = 792.0
FLOW, NEW_LINE, NEW_PARAGRAPH = Joint.SAME_PARAGRAPH, Joint.NEW_LINE, Joint.NEW_PARAGRAPH


def line(
    text: str, y: float = 700, x: float = 72, size: float = 10, fixed: bool = False, hyphenated: bool = False
) -> Line:
    """A line whose letters are half as wide as they are high."""
    width = size / 2
    first_word = width * len(text.split(" ")[0])
    depth = min(y, PAGE_HEIGHT - y) / PAGE_HEIGHT
    right = x + width * len(text)
    return Line(text, x, right, y, size, first_word, fixed=fixed, hyphenated=hyphenated, depth=depth)


def stacked(*texts: str, x: float = 72, size: float = 10, step: float = 12) -> list[Line]:
    return [line(text, 700 - i * step, x, size) for i, text in enumerate(texts)]


FULL = "a line of words that reaches the right margin or so"  # 51 letters


def test_full_lines_flow_and_short_ones_end() -> None:
    assert joints(stacked(FULL, FULL, "the end.", "Next one begins here")) == [FLOW, FLOW, NEW_LINE]


def test_a_ragged_line_is_full_if_the_next_word_would_not_have_fitted() -> None:
    ragged = FULL[:-9]
    assert joints(stacked(FULL, ragged, "Constantinople is long")) == [FLOW, FLOW]
    assert joints(stacked(FULL, ragged + ".", "It would have fitted")) == [FLOW, NEW_LINE]


def test_a_larger_gap_or_another_size_begins_a_paragraph() -> None:
    assert joints([line(FULL, 700), line(FULL, 688), line(FULL, 660)]) == [FLOW, NEW_PARAGRAPH]
    assert joints([line("Heading", 700, size=14), line(FULL, 684)]) == [NEW_PARAGRAPH]


def test_an_indented_line_after_a_sentence_begins_a_paragraph() -> None:
    sentence = FULL[:-1] + "."
    assert joints([line(sentence, 700), line(FULL, 688, x=90)]) == [NEW_PARAGRAPH]
    assert joints([line(FULL, 700), line(FULL, 688, x=90)]) == [FLOW]  # the rest of an item


def test_items_of_a_list_begin_lines() -> None:
    assert joints(stacked("1. " + FULL, "2. " + FULL, "• " + FULL)) == [NEW_LINE, NEW_LINE]


def test_code_keeps_its_lines() -> None:
    code = [line(FULL, 700, fixed=True), line(FULL, 688, fixed=True)]
    assert joints(code) == [NEW_LINE]


def test_lines_of_contents_keep_apart() -> None:
    assert joints(stacked("1 Scope " + "x" * 40 + " … 3", "1.1 Terms " + "x" * 38 + " … 4")) == [NEW_LINE]


def rows(*texts: str, gap: float = 60) -> list[Line]:
    """Lines whose last word is a cell of its own, all ending at the same place."""
    return [replace(x, right=400, last_gap=gap) for x in stacked(*texts)]


def test_rows_of_a_table_keep_their_lines() -> None:
    prices = rows("Garden chair, teak 320.00", "Table 899.00", "Parasol with stand 150.00")
    assert joints([*prices, line("Please pay within thirty days", 664)]) == [NEW_LINE] * 3
    assert joints(rows("of words that reach", "the right margin", "or so", gap=4)) == [FLOW, FLOW]
    assert page_joint(prices[0], prices[1], edge=400) is NEW_PARAGRAPH


def test_few_long_words_of_a_justified_column_are_no_row() -> None:
    words = [replace(x, first_gap=60) for x in rows("Gesamtpreis einschliesslich", "Versandkosten sowie")]
    assert joints(words) == [FLOW]
    prices = [replace(x, first_gap=60) for x in rows("rent 900.00", "deposit 1,800.00")]
    assert joints(prices) == [NEW_LINE]


def test_the_next_column_goes_on_with_the_sentence() -> None:
    left = [line(FULL[:40], 700 - 12 * i) for i in range(6)]
    right = [line(FULL[:40], 700 - 12 * i, x=320) for i in range(6)]
    assert joints([*left, *right])[5] is FLOW
    finished = [*left[:5], line(FULL[:39] + ".", 640)]
    capital = [line("T" + FULL[1:40], 700, x=320), *right[1:]]
    assert joints([*finished, *capital])[5] is NEW_PARAGRAPH


def test_the_order_of_the_file_is_kept_unless_it_is_no_order() -> None:
    columns = [*stacked("a", "b", "c"), *stacked("d", "e", "f", x=300)]
    assert in_reading_order(columns) == columns
    page = stacked(*"abcdefghij")
    assert in_reading_order(page[::-1]) == page


@pytest.mark.parametrize(
    ("last", "first", "joint"),
    [
        (line(FULL), line("and goes on"), FLOW),
        (line("short"), line("and goes on, but it would have fitted"), NEW_PARAGRAPH),
        (line(FULL[:-1] + "."), line("A new sentence"), NEW_PARAGRAPH),
        (line(FULL[:-1] + "."), line("e.g. like this"), FLOW),
        (line(FULL, hyphenated=True), line("tion"), FLOW),
        (line(FULL), line("Heading", size=14), NEW_PARAGRAPH),
        (line(FULL), line("• item"), NEW_PARAGRAPH),
        (line(FULL, fixed=True), line(FULL, fixed=True), NEW_PARAGRAPH),
    ],
)
def test_from_page_to_page(last: Line, first: Line, joint: Joint) -> None:
    assert page_joint(last, first, edge=line(FULL).right) is joint


VOCABULARY = Counter(
    {
        "information": 3,
        "well-known": 2,
        "locale": 2,
        "specific": 5,
        "the": 9,
        "art": 1,
        "in": 4,
        "by": 4,
        "side": 2,
    }
)


@pytest.mark.parametrize(
    ("above", "below", "whole"),
    [
        ("infor", "mation theory", "information theory"),
        ("well", "known facts", "well-known facts"),
        ("a locale", "specific format", "a locale-specific format"),  # two words make a compound
        ("exag", "gerated", "exaggerated"),  # two syllables make a word
        ("Anglo", "Saxon", "Anglo-Saxon"),
        ("INFOR", "MATION", "INFORMATION"),
        ("1990", "1995", "1990-1995"),
        ("COVID", "19", "COVID-19"),
        ("a state-of-the", "art system", "a state-of-the-art system"),
        ("a side-by", "side view", "a side-by-side view"),
        ("in", "side", "inside"),
        ("side", "by-side", "side-by-side"),
        ("по умол", "чанию", "по умолчанию"),
        ("Prü", "fung", "Prüfung"),
        ("pre", "(or post)", "pre-(or post)"),
    ],
)
def test_hyphens_at_line_ends(above: str, below: str, whole: str) -> None:
    assert joined(above, below, True, VOCABULARY) + below == whole
    if below[0].isalnum():  # the same where PDFium has left the hyphen to us
        assert joined(above + "-", below, False, VOCABULARY) + below == whole


@pytest.mark.parametrize(
    ("above", "below", "whole"),
    [
        ("one", "two", "one two"),
        ("see /usr/share/", "doc/x", "see /usr/share/doc/x"),
        ("http://a.b/-", "c", "http://a.b/c"),
        ("yes—", "no", "yes—no"),
        ("yes —", "no", "yes — no"),
        ("漢字は", "日本の", "漢字は日本の"),
        ("한국어", "문장", "한국어 문장"),
    ],
)
def test_what_stands_between_lines_of_a_paragraph(above: str, below: str, whole: str) -> None:
    assert joined(above, below, False, VOCABULARY) + below == whole


def test_words_leave_out_what_may_be_a_half() -> None:
    assert words(stacked("infor well-known fact mation")) == {
        "well-known": 1,
        "well": 1,
        "known": 1,
        "fact": 1,
    }


def book(n: int = 8) -> list[list[Line]]:
    """Pages with a running head, a page number at the foot and chapter openings."""
    pages = []
    for i in range(n):
        body = [line(f"Body {chr(97 + i)} {j}", 700 - 12 * j) for j in range(4)]
        opening = [line(f"Chapter {i // 3 + 1}", 712)] if i % 3 == 0 else []
        foot = line(f"{i + 5}" if i % 2 else f"Page {i + 5} of 99", 40)
        pages.append([line("The Book", 760), *opening, *body, foot])
    return pages


def test_running_heads_and_page_numbers_go_and_the_rest_stays() -> None:
    pages = book()
    furniture = Furniture(pages)
    kept = [[x.text for x in furniture.without(n, page)] for n, page in enumerate(pages)]
    assert kept[0] == ["The Book", "Chapter 1", "Body a 0", "Body a 1", "Body a 2", "Body a 3"]
    assert kept[3] == ["Chapter 2", "Body d 0", "Body d 1", "Body d 2", "Body d 3"]
    assert kept[4] == ["Body e 0", "Body e 1", "Body e 2", "Body e 3"]


def section_feet(n: int, gap: float) -> list[list[Line]]:
    """Pages whose foot names a section of their own, and the page number, ``gap`` points apart."""
    return [
        [line(f"Text {c}", 700), replace(line(f"{c} its own section {i + 2}", 40), last_gap=gap)]
        for i, c in enumerate("abcdefgh"[:n])
    ]


def n_kept(pages: list[list[Line]]) -> list[int]:
    furniture = Furniture(pages)
    return [len(furniture.without(n, page)) for n, page in enumerate(pages)]


def test_a_number_that_counts_the_pages_is_enough_where_it_stands_apart() -> None:
    assert n_kept(section_feet(6, gap=200)) == [1] * 6
    assert n_kept(section_feet(4, gap=200)) == [2] * 4  # too few to be sure
    assert n_kept(section_feet(6, gap=4)) == [2] * 6


@pytest.mark.parametrize("words", ["Invoice {}", "Question {}", "Step {} of the recipe", "{} years later"])
def test_a_number_that_is_part_of_the_text_stays(words: str) -> None:
    pages = [[line(words.format(i), 740), line(f"Text {c}", 700)] for i, c in enumerate("abcdefgh", 1)]
    assert n_kept(pages) == [2] * 8


@pytest.mark.parametrize(
    "words", ["{}", "- {} -", "Page {}", "Page {} of 8", "Стр. {} из 8", "p. {}", "{} | The Book"]
)
def test_page_numbers_in_many_guises(words: str) -> None:
    pages = [[line(f"Text {c}", 700), line(words.format(i), 40)] for i, c in enumerate("abcdefgh", 1)]
    assert n_kept(pages) == [1] * 8


def test_roman_page_numbers_count_too() -> None:
    pages = [
        [line(f"Text {c}", 700), line(r, 40)] for c, r in zip("abcd", ["ii", "iii", "iv", "v"], strict=True)
    ]
    assert n_kept(pages) == [1] * 4


def test_numbers_that_do_not_count_pages_stay() -> None:
    pages = [[line(f"{n} people came", 700), line("x" * i, 650)] for i, n in enumerate((12, 40, 7, 99), 1)]
    furniture = Furniture(pages)
    assert all(furniture.without(n, page) == page for n, page in enumerate(pages))


def test_what_every_page_says_in_its_middle_stays() -> None:
    pages = [stacked("Certificate", f"Name: {name}", "Valid until 31 December") for name in "abc"]
    low = [[replace(x, baseline=x.baseline - 200, depth=0.3) for x in page] for page in pages]
    assert n_kept(low) == [3] * 3


def test_a_block_at_the_edge_stays_whole() -> None:
    head, foot = line("The Harbour Office", 780), line("1", 30)
    payslips = [
        [head, line(f"Month: {month}", 740), line("Gross pay: 2,500.00", 728), foot] for month in "abcdef"
    ]
    assert n_kept(payslips[:4]) == [4, 3, 3, 3]  # the head goes, the pay does not
    in_block = [[line("Payslip", 752), *page[1:3], line("Ann Reed", 716)] for page in payslips]
    assert n_kept(in_block) == [4] * 6
    letters = [[head, line("Pier 1", 768), line(f"Dear {name},", 740)] for name in "abcd"]
    assert n_kept(letters) == [3, 1, 1, 1]  # a head of two lines is one
