"""Sentences: verbatim offsets on any text, and the cases that rules of thumb get wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.retrieval.sentences import in_one_block, sentence_around, sentences, split_long

# What real files are full of: line ends of three kinds, page breaks, ligatures, combining marks,
# soft hyphens, zero-width joiners, wide spaces, and punctuation that ends nothing.
PIECES = st.sampled_from(
    ["The term ", "is 5.5 ", "years. ", "Dr. A. Smith ", "said: “Yes.” ", "e.g. ", "No. 5 ", "!", "?", ".",
     "\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\f", "\t", "\u00a0", "\u2003", "\u2028", "\u0085", "\u00ad",
     "ﬁ", "e\u0301", "👩\u200d👧", "日本。", "Он жил в г. Москве. ", "- item\n", "| a | b |\n", "(x) ", "[1]",
     "\x00", "\ud800", "J.\u00a0S. "]
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=40).map("".join)


@given(TEXTS)
def test_every_non_blank_character_is_in_exactly_one_sentence(text: str) -> None:
    spans = sentences(text)
    covered = [i for start, end in spans for i in range(start, end)]
    assert covered == sorted(set(covered))
    assert all(text[i].isspace() for i in set(range(len(text))) - set(covered))
    assert all(start < end and text[start:end].strip() == text[start:end] for start, end in spans)


@given(TEXTS.filter(lambda t: t.strip() != ""), st.data())
def test_the_quote_holds_the_answer_and_keeps_the_bound(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    max_chars = data.draw(st.integers(1, 60))
    first, last = sentence_around(text, start, end, max_chars)
    assert 0 <= first <= start < end <= last <= len(text)
    assert last - first <= max(max_chars, end - start)


@given(TEXTS, st.integers(2, 30))
def test_split_long_loses_nothing_and_keeps_the_bound(text: str, max_chars: int) -> None:
    pieces = split_long(text, 0, len(text), max_chars)
    assert all(0 < end - start <= max_chars for start, end in pieces)
    assert "".join("".join(text[a:b].split()) for a, b in pieces) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He paid Dr. J. R. Smith $5.50 at 5 p.m. on Jan. 3. Then he left.", 2),
        ("See No. 5, Fig. 2 and e.g. this one. Next.", 2),
        ("See vol. 2 of the acts, pp. 3-4, approx. 5 kg. Next.", 2),
        ("Call Dev Hartley, tel. 030 123 45, at any hour. Next.", 2),
        ("Max. 20 guests may stay, incl. children. Next.", 2),
        ("He went to the U.S. in 1999. “Why?” he asked. (It was late.)", 3),
        ("It began.[1] It ended.[2][3]", 2),
        ("The value is 3.14. The other is 2.71.", 2),
        ("Он жил в г. Москве на ул. Ленина, д. 5. Потом уехал.", 2),
        ("東京は日本の首都です。人口は多い。", 2),
        ("A line that was\nwrapped by a printer. Next.", 2),
        ("Title\n\nFirst sentence", 2),
        ("- eggs\n- milk\n- bread", 3),
        ("1. eggs\n2. milk", 2),
        ("| a | b |\n| 1 | 2 |", 2),
        ("name\tage\nAnn\t5", 2),
        ("end of a page\fnext page", 2),
        ("", 0),
        (" \r\n\f ", 0),
    ],
)
def test_segmentation(text: str, expected: int) -> None:
    assert len(sentences(text)) == expected, [text[a:b] for a, b in sentences(text)]


def around(text: str, answer: str, max_chars: int = 400) -> str:
    start = text.index(answer)
    first, last = sentence_around(text, start, start + len(answer), max_chars)
    return text[first:last]


def test_the_sentence_around_an_answer() -> None:
    text = "It rained. Dr. Smith of the U.S. Navy paid $5.50 for No. 5. He left."
    assert around(text, "$5.50") == "Dr. Smith of the U.S. Navy paid $5.50 for No. 5."


def test_an_answer_over_two_sentences_gets_both() -> None:
    assert around("One here. Two here. Three here.", "here. Two") == "One here. Two here."


def test_a_list_item_is_its_own_quote() -> None:
    assert around("You need:\n- three eggs\n- two cups of milk\n\nStir.", "two cups") == "- two cups of milk"


def test_a_long_sentence_is_shortened_to_whole_words() -> None:
    text = "word " * 200 + "the ANSWER stands " + "word " * 200
    quote = around(text, "ANSWER", 100)
    assert len(quote) <= 100
    assert quote.startswith("word ")
    assert quote.endswith(" word")
    assert len(around(text, "ANSWER", 60)) > 40


def test_an_answer_longer_than_the_bound_is_not_cut() -> None:
    text = "Before. " + "x" * 500 + " after."
    assert around(text, "x" * 500, 100) == "x" * 500


def test_a_shortened_quote_does_not_tear_a_combining_mark_off() -> None:
    text = "e\u0301" * 300 + "A" + "e\u0301" * 300
    quote = around(text, "A", 101)
    assert len(quote) <= 101
    assert not quote.endswith("e")


def test_far_from_any_sentence_end_the_quote_is_still_bounded() -> None:
    text = "word " * 10_000 + "ANSWER " + "word " * 10_000
    assert len(around(text, "ANSWER")) <= 400


@pytest.mark.parametrize("span", [(0, 0), (-1, 2), (2, 99), (3, 2)])
def test_an_answer_outside_the_text_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="inside"):
        sentence_around("short", *span)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("at least 4 members.\n    2. When there are", "at least 4 members."),
        ("one line\nand the next", "one line\nand the next"),
        ("first paragraph\n\nsecond", "first paragraph"),
        ("\n\n2. whole", "\n\n2. whole"),
        ("page one\fpage two", "page one"),
    ],
)
def test_a_stretch_ends_where_a_block_begins(text: str, part: str) -> None:
    start, end = in_one_block(f"({text})", 1, 1 + len(text))
    assert f"({text})"[start:end] == part
