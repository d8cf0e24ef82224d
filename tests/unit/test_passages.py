"""Passages: nothing lost, nothing changed, sentences whole, headings and pages remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.dialog import Document, Page
from skills.retrieval.passages import MAX_PIECES, count_pieces, split_document
from skills.retrieval.sentences import sentences
from skills.retrieval.structure import blocks
from tests.unit.test_sentences import TEXTS

SENTENCE = "The keeper of the lighthouse counted {} ships before the fog came in from the north."


def prose(n: int) -> str:
    """``n`` sentences of 15 words."""
    return " ".join(SENTENCE.format(i) for i in range(n))


def texts_of(document: Document) -> list[str]:
    return [document.text[span.start : span.end] for span in split_document(document)]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any text, cut into pages anywhere, with gaps between some of them."""
    text = draw(TEXTS) * draw(st.integers(1, 8))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if a < b]
    return Document("d", "d.txt", text, tuple(Page(str(n), a, b) for n, (a, b) in enumerate(spans)))


@given(documents())
def test_every_non_blank_character_is_in_exactly_one_passage(document: Document) -> None:
    spans = split_document(document)
    covered = [i for span in spans for i in range(span.start, span.end)]
    assert covered == sorted(set(covered))
    assert all(document.text[i].isspace() for i in set(range(len(document.text))) - set(covered))


@given(documents())
def test_bounds_pages_and_edges(document: Document) -> None:
    for span in split_document(document):
        text = document.text[span.start : span.end]
        assert text == text.strip() != ""
        assert count_pieces(text) <= MAX_PIECES
        on = [page.label for page in document.pages if page.start <= span.start < page.end]
        assert span.page == (on[0] if on else None)


@given(TEXTS)
def test_every_non_blank_character_is_in_exactly_one_block(text: str) -> None:
    covered = [i for block in blocks(text) for i in range(block.start, block.end)]
    assert covered == sorted(set(covered))
    assert all(text[i].isspace() for i in set(range(len(text))) - set(covered))


def test_sentences_are_never_cut() -> None:
    text = prose(60)
    edges = {edge for span in sentences(text) for edge in span}
    spans = split_document(Document("d", "d", text))
    assert len(spans) > 3
    assert all(span.start in edges and span.end in edges for span in spans)


def test_passages_have_about_the_same_length() -> None:
    lengths = [len(text.split()) for text in texts_of(Document("d", "d", prose(100)))]
    assert min(lengths) >= 90
    assert max(lengths) <= 200


def test_a_sentence_that_alone_is_too_long_is_cut_at_words() -> None:
    text = "word " * 1000
    found = texts_of(Document("d", "d", text))
    assert len(found) >= 4
    assert " ".join(found) == text.strip()


def test_a_text_without_spaces_is_cut_all_the_same() -> None:
    for text in ("東" * 2000, "x" * 20_000, "9" * 5000, "é" * 5000):
        found = texts_of(Document("d", "d", text))
        assert "".join(found) == text
        assert all(count_pieces(passage) <= MAX_PIECES for passage in found)


def test_headings_begin_passages_and_are_remembered() -> None:
    text = "\n\n".join(
        f"{heading}\n\n{prose(9)}"
        for heading in (
            *("# Lighthouse manual", "## 2.1 Fog", "ARTICLE 5. Duties", "THE LAMP ROOM", "3. Oil"),
            "Glass\n=====",
        )
    )
    spans = split_document(Document("d", "d", text))
    headings = ["Lighthouse manual", "2.1 Fog", "ARTICLE 5. Duties", "THE LAMP ROOM", "3. Oil", "Glass"]
    assert list(dict.fromkeys(span.heading for span in spans)) == headings
    for heading in headings:
        first = next(span for span in spans if span.heading == heading)
        assert heading in text[first.start : first.start + len(heading) + 3]


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("Pets\nOne small dog is allowed.\nCats are not.", ["Pets"]),
        ("Rent.\n\nTerm and notice\nThe lease begins in March and runs for the next two years\nand a day.",
         ["Term and notice"]),
        ("Ann Reed\n12 Mill Lane\nOtley", []),  # an address
        ("Roses are red\nViolets are blue,\nSugar is sweet", []),
        ("The lease of the whole\nHouse ends in March.", []),  # a line of five words
        ("It ends\nin March.", []),
        ("Dear Ann,\nThe lease ends in March.", []),
        ("Phone book\nAnn Reed | 01943 555 0187 | every day but Monday, from nine.", []),
        ("Prices\n1. The gym costs 30 euros a month.", []),
    ],
)  # fmt: skip
def test_a_short_line_above_running_text_is_its_heading(text: str, headings: list[str]) -> None:
    assert [text[b.start : b.end] for b in blocks(text) if b.kind == "heading"] == headings


def test_a_heading_is_never_the_end_of_a_passage() -> None:
    text = "\n\n".join(f"## Part {n}\n\n{prose(8)}" for n in range(12))
    for passage in texts_of(Document("d", "d", text)):
        assert not passage.splitlines()[-1].startswith("##")


def test_sentences_and_items_are_no_headings() -> None:
    text = "He said:\n\nShe left.\n\n1. eggs\n2. milk\n\nTHIS IS SHOUTED, LOUDLY\nAND GOES ON HERE FOR LONG."
    assert [block.kind for block in blocks(text) if block.kind == "heading"] == []


def test_list_items_and_rows_stay_whole() -> None:
    rows = [f"| part {n} | costs {n} crowns | in stock |" for n in range(60)]
    items = [f"- item {n} goes on\n  in a second line" for n in range(60)]
    for lines in (rows, items):
        text = "\n".join(lines)
        found = texts_of(Document("d", "d", text))
        assert len(found) > 2
        assert all(sum(line in passage for passage in found) == 1 for line in lines)


def test_fenced_code_is_no_heading() -> None:
    assert all(block.kind == "line" for block in blocks("```\n# not a heading\nx = 1\n```"))


def test_small_sections_share_a_passage() -> None:
    text = "\n\n".join(f"## Q{n}\n\n{SENTENCE.format(n)}" for n in range(6))
    assert len(texts_of(Document("d", "d", text))) <= 2


@pytest.mark.parametrize(
    ("gap", "rest"), [("\n\f", "lit by hand."), ("\n\n", "lit by hand."), (" ", "Ann Reed's.")]
)
def test_a_sentence_over_a_page_break_stays_whole(gap: str, rest: str) -> None:
    first, second = prose(8) + " The lamp was", f"{rest} {prose(8)}"
    text = f"{first}{gap}{second}"
    page_end = len(first) + len(gap)
    pages = (Page("7", 0, page_end), Page("8", page_end, len(text)))
    spans = split_document(Document("d", "d", text, pages))
    assert any(f"The lamp was{gap}{rest}" in text[span.start : span.end] for span in spans)
    assert spans[0].page == "7"
    assert spans[-1].page == "8"


def test_the_label_of_a_section_stands_in_for_a_heading() -> None:
    text = prose(3)
    assert (
        split_document(Document("d", "d", text, (Page("Termination", 0, len(text)),)))[0].heading
        == "Termination"
    )
    assert split_document(Document("d", "d", text, (Page("12", 0, len(text)),)))[0].heading == ""


def test_a_blank_document_has_no_passages() -> None:
    assert split_document(Document("d", "d", " \r\n\f\u00a0")) == []
    assert split_document(Document("d", "d", "")) == []
