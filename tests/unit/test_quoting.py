"""The invariant: a quote is what stands in the document, or it is not made."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skills.dialog import Document, Page, Passage
from skills.qa.calibration import Features
from skills.qa.passage_reader import Candidate
from skills.quoting import holds, make_evidence, page_label

FEATURES = Features(1.0, 0.0, 0.5, 0.5, 0.5)
# what documents are made of, the awkward parts above all
PIECES = st.sampled_from(
    [
        *("word ", "Ends. ", "e.g. ", "3.14 ", "é", "e\u0301", "\u00ad", "\r\n", "\n\n", "\f"),
        *("ﬁ", "𝒳", "\u200b", "“q” ", "п", " "),
    ]
)


def candidate(document: Document, passage: tuple[int, int], answer: tuple[int, int]) -> Candidate:
    text = document.text[passage[0] : passage[1]]
    found = Passage("s", document.id, document.name, None, "", passage[0], text, 0.5, 0.5)
    return Candidate(found, answer[0], answer[1], 1.0, 0.9, FEATURES)


@st.composite
def documents_with_answers(draw: st.DrawFn) -> tuple[Document, Candidate]:
    text = "".join(draw(st.lists(PIECES, min_size=1, max_size=120)))
    first = draw(st.integers(0, len(text) - 1))
    last = draw(st.integers(first + 1, min(len(text), first + 60)))
    before, after = draw(st.integers(0, first)), draw(st.integers(last, len(text)))
    cuts = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=4))})
    pages = tuple(Page(str(i + 1), a, b) for i, (a, b) in enumerate(pairwise(cuts)))
    document = Document("d", "d.txt", text, pages)
    return document, candidate(document, (before, after), (first, last))


@given(documents_with_answers(), st.integers(1, 300))
@settings(max_examples=400)
def test_a_quote_stands_in_its_document(made: tuple[Document, Candidate], max_chars: int) -> None:
    document, found = made
    evidence = make_evidence(document, found, max_chars)
    assert evidence is not None
    assert holds(document, evidence)
    assert document.text[evidence.start : evidence.end] == evidence.quote
    assert evidence.answer == found.text == document.text[found.start : found.end]
    page = next(p for p in document.pages if p.start <= found.start < p.end)
    assert evidence.page == page.label


@given(documents_with_answers(), st.integers(1, 9))
@settings(max_examples=200)
def test_a_document_that_changed_is_not_quoted(made: tuple[Document, Candidate], shift: int) -> None:
    document, found = made
    moved = dataclasses.replace(document, text="\u2603" * shift + document.text.replace(found.text, "\u2602"))
    assert make_evidence(moved, found) is None


def test_an_answer_past_the_end_is_not_quoted() -> None:
    document = Document("d", "d", "short")
    found = candidate(Document("d", "d", "a much longer text"), (0, 18), (7, 13))
    assert make_evidence(document, found) is None


@pytest.mark.parametrize(("position", "label"), [(0, "i"), (4, "i"), (5, "ii"), (9, None)])
def test_page_label(position: int, label: str | None) -> None:
    assert page_label((Page("i", 0, 5), Page("ii", 5, 9)), position) == label


def test_line_counts_from_one() -> None:
    document = Document("d", "d", "one\ntwo\nthree")
    evidence = make_evidence(document, candidate(document, (0, 13), (8, 13)))
    assert evidence is not None
    assert evidence.line == 3


@pytest.mark.parametrize(
    ("text", "answer", "quote"),
    [
        ("Pets\fOne small dog is allowed.", "Pets", "Pets"),
        ("Pets\nOne small dog is allowed. Cats are not.", "small dog", "One small dog is allowed."),
        ("2. Rent\nThe rent is 1,150 euros a month.", "1,150 euros", "The rent is 1,150 euros a month."),
        ("## Notice\nEither side gives 30 days.", "30 days", "Either side gives 30 days."),
        ("3. Deposit\n900 euros are due.", "900 euros", "900 euros are due."),
        ("Rent\n====\nIt is 900 euros.", "900 euros", "It is 900 euros."),
        ("PART II\nSection 4 Fees\nThe fee is 5 euros.", "5 euros", "The fee is 5 euros."),
        ("It goes to /usr/share.\n9.1", "/usr/share", "It goes to /usr/share."),
        # the answer is in the heading, or the line only looks like one
        ("2. Rent\nThe rent is due.", "Rent", "2. Rent\nThe rent is due."),
        (
            "He came from Section\n4 Fees were paid there.",
            "Fees",
            "He came from Section\n4 Fees were paid there.",
        ),
        ("1. Milk for the\nchildren of Leeds.", "Leeds", "1. Milk for the\nchildren of Leeds."),
        (
            "Cats may stay. No dogs in\nBuilding B are permitted unless the manager has agreed.",
            "Building B",
            "No dogs in\nBuilding B are permitted unless the manager has agreed.",
        ),
        ("III. Deleting\nAccounts are kept for a year.", "a year", "Accounts are kept for a year."),
    ],
)
def test_a_quote_begins_after_its_heading(text: str, answer: str, quote: str) -> None:
    document = Document("d", "lease.txt", text)
    start = text.index(answer)
    evidence = make_evidence(document, candidate(document, (0, len(text)), (start, start + len(answer))))
    assert evidence is not None
    assert evidence.quote == quote
    assert holds(document, evidence)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("We own:\n- a boat\n- a mast", "a boat"),
        ("We own:\n1. a boat\n2. a mast", "1. a boat"),
        ("At night - a boat came.", "At night - a boat came."),
        ("• a boat", "a boat"),
    ],
)
def test_a_quote_begins_after_its_bullet(text: str, quote: str) -> None:
    document = Document("d", "d.txt", text)
    start = text.index("a boat")
    evidence = make_evidence(document, candidate(document, (0, len(text)), (start, start + 6)))
    assert evidence is not None
    assert evidence.quote == quote
    assert document.text[evidence.start : evidence.end] == quote


BOATS = "We own four boats:\n\n- Tern, the launch\n- Petrel\n\nAsk for them."


@pytest.mark.parametrize(
    ("text", "max_chars", "quote"),
    [
        (BOATS, 400, "We own four boats:\n\n- Tern, the launch\n- Petrel"),
        (BOATS, 45, "We own four boats:\n\n- Tern, the launch"),  # whole items only
        (BOATS, 38, "We own four boats:\n\n- Tern, the launch"),
        (BOATS, 31, "We own four boats:"),
        ("We own four boats:\n1. Tern\n2. Petrel", 400, "We own four boats:\n1. Tern\n2. Petrel"),
        ("We own four boats: Tern and others.\n- no", 400, "We own four boats: Tern and others."),
        ("We own four boats:\n\nThey are red.", 400, "We own four boats:"),
    ],
)
def test_a_sentence_that_announces_a_list_is_quoted_with_it(text: str, max_chars: int, quote: str) -> None:
    document = Document("d", "d.txt", text)
    start = text.index("four")
    found = candidate(document, (0, len(text)), (start, start + 4))
    evidence = make_evidence(document, found, max_chars)
    assert evidence is not None
    assert evidence.quote == quote
    assert holds(document, evidence)
