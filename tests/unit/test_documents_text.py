"""Plain text and tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.document_formats.builder import Block, Extract, TextBuilder, tile
from bot.document_formats.limits import Limits
from bot.document_formats.plain import read_plain
from bot.document_formats.tables import read_table
from bot.errors import DocumentTooLarge, EmptyDocument
from tests.support.extracts import sections

LIMITS = Limits()


def test_plain_text_keeps_its_lines_and_spaces() -> None:
    code = "def f(x):\n    if x:\n\treturn  x\n\n\n\nprint(f(1))  \n"
    assert read_plain(code.encode(), "a.py", LIMITS) == Extract(code)


def test_line_ends_are_one_character() -> None:
    assert read_plain(b"one\r\ntwo\rthree", "a.txt", LIMITS).text == "one\ntwo\nthree"


def test_form_feeds_are_pages_of_text() -> None:
    extract = read_plain("first\n\fsecond ﬁ\n\f".encode(), "rfc.txt", LIMITS)
    assert sections(extract) == [("1", "first\n"), ("2", "second fi\n")]


def test_lines_are_the_file_s_own_on_every_page() -> None:
    extract = read_plain(b"one\ntwo\n\fthree\nfour\n\ffive", "rfc.txt", LIMITS)
    assert extract.text[: extract.text.index("five")].count("\n") + 1 == 5


def test_form_feeds_in_source_code_are_neither_pages_nor_lines() -> None:
    assert read_plain(b"int a;\n\f\nint b;\n", "a.c", LIMITS) == Extract("int a;\n \nint b;\n")


@pytest.mark.parametrize("data", [b" \n\t \r\n", b"\f\f\f", "\ufeff\u200b".encode()])
def test_blank_text_is_empty(data: bytes) -> None:
    with pytest.raises(EmptyDocument, match=r"^document\.empty$"):
        read_plain(data, "a.txt", LIMITS)


def test_bounds_of_plain_text_are_named() -> None:
    assert read_plain(b"x" * 10, "a.txt", replace(LIMITS, characters=10)).text == "x" * 10
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_long$") as error:
        read_plain(b"x" * 11, "a.txt", replace(LIMITS, characters=10))
    assert error.value.values == {"limit": 10}
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_many_sections$"):
        read_plain(b"a\fb\fc\fd", "a.txt", replace(LIMITS, sections=3))


def test_rows_carry_the_names_of_their_columns() -> None:
    data = b"Name,Born,Died\nMarie Curie,1867,1934\nAda Lovelace,1815,\n"
    assert read_table(data, "people.csv", LIMITS).text == (
        "Name | Born | Died\nName: Marie Curie | Born: 1867 | Died: 1934\nName: Ada Lovelace | Born: 1815"
    )


def test_rows_without_names_are_their_cells() -> None:
    assert read_table(b"1,2\n3,4\n5,\n", "n.csv", LIMITS).text == "1 | 2\n3 | 4\n5 |"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["city", "note"], ["Köln", "am Rhein"], ["Łódź", "w Polsce"]]
    data = "\r\n".join(delimiter.join(row) for row in rows).encode()
    assert read_table(data, "a.csv", LIMITS).text.endswith("city: Łódź | note: w Polsce")


def test_commas_in_numbers_and_names_cut_nothing() -> None:
    named = "Name;Preis, netto;Preis, brutto\nA;1,50;2,50\n"
    assert read_table(named.encode(), "a.csv", LIMITS).text.splitlines()[1] == (
        "Name: A | Preis, netto: 1,50 | Preis, brutto: 2,50"
    )
    assert read_table(b"1,50;2,50\n3,50;4,50\n", "a.csv", LIMITS).text == "1,50 | 2,50\n3,50 | 4,50"
    total = named + "B;3,10;4,10\nC;5,20;6,20\nTotal\n"
    assert "Name: C | Preis, netto: 5,20" in read_table(total.encode(), "a.csv", LIMITS).text
    assert read_table(b"name,note\nA,b; c\nD,e; f\n", "a.csv", LIMITS).text.endswith("D | note: e; f")


def test_a_sample_that_ends_within_a_row_is_cut_right() -> None:
    wide = "".join(f"{'word, ' * 600};{n},5\n" for n in range(10))
    assert read_table(wide.encode(), "a.csv", LIMITS).text.endswith("word, | 9,5")


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "\ufeffSEP=;"])
def test_the_line_that_tells_the_delimiter_is_no_row(first: str) -> None:
    data = f"{first}\r\nNote, long;Price\r\nA, B, C;1,50\r\n".encode()
    assert read_table(data, "a.csv", LIMITS).text == "Note, long | Price\nNote, long: A, B, C | Price: 1,50"


def test_quoted_cells_may_hold_delimiters_and_lines() -> None:
    data = b'name;text\n"A; B";"first line\nsecond ""line"""\n'
    assert (
        read_table(data, "a.csv", LIMITS).text.splitlines()[1]
        == 'name: A; B | text: first line second "line"'
    )


def test_a_section_for_every_hundred_rows() -> None:
    data = "id,word\n" + "".join(f"{i},w{i}\n" for i in range(1, 250))
    extract = read_table(data.encode(), "a.csv", LIMITS)
    found = sections(extract)
    assert [label for label, _ in found] == ["rows 1–100", "rows 101–200", "rows 201–300"]
    assert found[1][1].startswith("id: 100 | word: w100\n")
    assert "".join(text for _, text in found) == extract.text


def test_a_table_that_swells_is_stopped() -> None:
    data = ",".join("n" * 50 + str(i) for i in range(100)) + "\n" + ",".join("1" * 100) + "\n" * 2
    data += (",".join("1" * 100) + "\n") * 500
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_long$"):
        read_table(data.encode(), "a.csv", replace(LIMITS, characters=200_000))


def test_builder_tiles_the_text_and_names_what_stands_first() -> None:
    builder = TextBuilder(LIMITS)
    builder.add_all([Block("before"), Block("One", "heading"), Block("a"), Block("Two", "heading")])
    builder.add_all([Block("Three", "heading"), Block("b"), Block("x", "row"), Block("y", "row")])
    assert sections(builder.finish(title="a.html")) == [
        ("a.html", "before\n\n"),
        ("One", "One\n\na\n\n"),
        ("Two", "Two\n\n"),
        ("Three", "Three\n\nb\n\nx\ny"),
    ]


def test_blank_blocks_and_headings_leave_no_trace() -> None:
    builder = TextBuilder(LIMITS)
    builder.add_all([Block(" \xad "), Block("\u200b", "heading"), Block("text"), Block("\n", "verbatim")])
    assert builder.finish() == Extract("text")


def test_text_without_sections_has_none() -> None:
    assert tile([], 5) == ()
    assert tile([("a", 0), ("b", 0), ("c", 5)], 5)[0].label == "b"


def test_too_many_sections_are_refused() -> None:
    builder = TextBuilder(replace(LIMITS, sections=2))
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_many_sections$"):
        builder.add_all([Block(str(i), "heading") for i in range(3)])
