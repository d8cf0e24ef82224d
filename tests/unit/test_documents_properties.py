"""What quotes rest on, for random documents of every format.

The text is normal, never empty, and its pages tile it: whatever stretch of it is quoted is on
exactly the pages that it says.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import escape
from itertools import pairwise

import docx
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.document_formats.builder import Extract
from bot.document_formats.cleaning import clean, clean_prose
from bot.document_formats.limits import Limits
from bot.document_formats.reading import reader
from bot.document_formats.sniffing import Format
from bot.errors import EmptyDocument, UnsupportedDocument
from tests.support.document_files import save_docx, write_epub
from tests.support.tiny_pdf import Run, write_pdf

LIMITS = Limits()
#: What has spoilt offsets before: marks that combine, ligatures, what is invisible, what breaks lines.
TROUBLE = (
    "e\u0301\u0308\ufb01\ufb03\xad\u200b\u200d\u202e\xa0\u2028\f\v\t\r\n-|#*<&\"';,."
    "٣שع漢か\u3099한😀\uf0b7\ufeff"
)
CHARACTERS = st.one_of(
    st.sampled_from(TROUBLE), st.characters(exclude_categories=("Cs", "Cc")), st.sampled_from("abc XYZ 012")
)
TEXT = st.text(CHARACTERS, max_size=60)
WORD = st.text(st.characters(categories=("Ll",), max_codepoint=0x17F), min_size=2, max_size=9)
WORDS = st.lists(WORD, min_size=1, max_size=12)
MANY = settings(max_examples=150)


def extract(format: Format, data: bytes, name: str = "name") -> Extract | None:
    """What a reader makes of a file, None where it says that it is empty."""
    try:
        return reader(format)(data, name, LIMITS, lambda share: None)
    except EmptyDocument:
        return None


def check(found: Extract | None) -> None:
    if found is None:
        return
    text, sections = found.text, found.sections
    assert text.strip()
    assert clean(text) == text
    assert unicodedata.is_normalized("NFC", text)
    text.encode()
    if sections:
        assert sections[0].start == 0
        assert sections[-1].end == len(text)
        assert all(a.end == b.start for a, b in pairwise(sections))
        assert all(s.start < s.end for s in sections)
        assert all(s.label.strip() and "\n" not in s.label for s in sections)
        assert "".join(text[s.start : s.end] for s in sections) == text


@MANY
@given(st.lists(TEXT, max_size=5))
def test_plain_text(pages: list[str]) -> None:
    check(extract("text", "\f".join(pages).encode("utf-8"), "a.txt"))


@MANY
@given(st.binary(max_size=300))
def test_any_bytes_as_plain_text(data: bytes) -> None:
    with suppress(UnsupportedDocument):
        check(extract("text", data, "a.txt"))


@MANY
@given(st.lists(st.lists(TEXT, min_size=1, max_size=4), max_size=6), st.sampled_from(",;\t|"))
def test_tables(rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, escapechar="\\").writerows(rows)
    check(extract("csv", out.getvalue().encode()))


BLOCKS = st.lists(
    st.tuples(st.sampled_from(["p", "h1", "h2", "li", "pre", "td", "div", "br", "b"]), TEXT), max_size=8
)


@MANY
@given(BLOCKS, st.booleans())
def test_html(blocks: list[tuple[str, str]], closed: bool) -> None:
    page = "".join(f"<{tag}>{escape(text)}" + (f"</{tag}>" if closed else "") for tag, text in blocks)
    check(extract("html", page.encode()))


@MANY
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "# ", "- ", "> ", "    ", "1. ", "| ", "---\n", "<p>", "```\n"]), TEXT)
    )
)
def test_markdown(blocks: list[tuple[str, str]]) -> None:
    check(extract("markdown", "\n\n".join(mark + text for mark, text in blocks).encode()))


#: What XML can hold at all.
XML_TEXT = TEXT.map(
    lambda text: "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Normal", "Heading 1", "Heading 4", "List Bullet", "cell"]), XML_TEXT),
        max_size=8,
    )
)
def test_docx(blocks: list[tuple[str, str]]) -> None:
    document = docx.Document()
    for style, text in blocks:
        if style == "cell":
            document.add_table(rows=1, cols=2).cell(0, 1).text = text
        else:
            document.add_paragraph(text, style=style)
    data = save_docx(document)
    found = extract("zip", data)
    check(found)
    # What the format's own library reads is there, in its order.
    text, position = found.text if found else "", 0
    for paragraph in paragraphs_of(docx.Document(io.BytesIO(data))):
        words = clean_prose(paragraph)
        assert words in text[position:]
        position = text.index(words, position) + len(words)


def paragraphs_of(document: docx.document.Document) -> Iterator[str]:
    """The text of each paragraph and table cell, as python-docx gives it."""
    for block in document.iter_inner_content():
        if isinstance(block, docx.text.paragraph.Paragraph):
            yield block.text
        else:
            yield from (" ".join(clean_prose(cell.text).split()) for row in block.rows for cell in row.cells)


@MANY
@given(st.lists(st.tuples(XML_TEXT, BLOCKS), min_size=1, max_size=4), st.booleans())
def test_epub(chapters: list[tuple[str, list[tuple[str, str]]]], contents: bool) -> None:
    bodies = [
        (title, "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in blocks))
        for title, blocks in chapters
    ]
    check(extract("zip", write_epub(bodies, contents=contents)))


RUN = st.builds(
    Run,
    x=st.integers(0, 500),
    y=st.integers(0, 780),
    text=TEXT,
    size=st.sampled_from([7.0, 10.0, 10.0, 10.0, 18.0]),
    turned=st.sampled_from([False, False, False, True]),
)


@MANY
@given(st.lists(st.lists(RUN, max_size=6), min_size=1, max_size=5), st.sampled_from(["", "0 <</S /r>>"]))
def test_pdf(pages: list[list[Run]], labels: str) -> None:
    found = extract("pdf", write_pdf(pages, labels=labels))
    check(found)
    if found is not None:
        assert len(found.sections) == len(pages)  # also those without text


@MANY
@given(st.lists(WORDS, min_size=1, max_size=12))
def test_words_of_a_pdf_stand_in_its_text_in_order(paragraph: list[list[str]]) -> None:
    printed = [" ".join(words) for words in paragraph]
    data = write_pdf([[Run(72, 720 - 12 * i, text) for i, text in enumerate(printed)]])
    found = extract("pdf", data)
    assert found is not None
    assert found.text.split() == " ".join(clean(text) for text in printed).split()


def quote_anywhere(draw: Callable[[st.SearchStrategy[int]], int], text: str) -> tuple[int, int]:
    start = draw(st.integers(0, len(text) - 1))
    return start, draw(st.integers(start + 1, len(text)))


@MANY
@given(st.data(), st.lists(st.lists(RUN, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_quote_is_where_its_pages_say(data: st.DataObject, pages: list[list[Run]]) -> None:
    found = extract("pdf", write_pdf(pages))
    if found is None:
        return
    start, end = quote_anywhere(data.draw, found.text)
    touched = [s for s in found.sections if s.start < end and start < s.end]
    assert (
        "".join(found.text[max(start, s.start) : min(end, s.end)] for s in touched) == found.text[start:end]
    )
