"""Answers as Telegram messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answers import Answer
from bot.telegram.rendering import LIMIT, Rich, Span, join, more, plain, render, split, tail, utf16, why
from skills.dialog import Considered, Evidence

QUOTE = "Either party may terminate on 30 days' notice. 🎓"


def evidence(quote: str = QUOTE, name: str = "contract.pdf", page: str | None = "7") -> Evidence:
    return Evidence("id", name, page, 50, 50 + len(quote), quote, 80, 87, 212, 0.93)


def marked(message: Rich) -> list[tuple[str, str]]:
    """What each entity covers, read as Telegram reads it."""
    units = message.text.encode("utf-16-le")
    return [
        (str(e.type), units[e.offset * 2 : (e.offset + e.length) * 2].decode("utf-16-le"))
        for e in message.entities()
    ]


def test_a_quote_stands_in_a_blockquote_with_its_place() -> None:
    answer = Answer("🎓 30 days", "qa", 0.93, evidence=(evidence(),))
    (message,) = render(answer, "en")
    assert message.text.startswith("🎓 30 days\n\n")
    assert marked(message) == [("blockquote", f"“{QUOTE}”\n— contract.pdf, page 7 · 93% sure")]


def test_a_long_quote_is_folded() -> None:
    (message,) = render(Answer("x", "qa", 0.9, evidence=(evidence("word " * 100),)), "en")
    assert [kind for kind, _ in marked(message)] == ["expandable_blockquote"]


def test_two_quotes_at_once_and_the_rest_behind_a_button() -> None:
    quotes = tuple(evidence(name=f"{i}.txt") for i in range(3))
    answer = Answer("They differ.", "qa", 0.9, evidence=quotes)
    (message,) = render(answer, "en")
    assert len(marked(message)) == 2
    assert "2.txt" not in message.text
    assert "2.txt" in more(answer, "en")


def test_more_is_what_stands_around_the_quote() -> None:
    passage = Considered("contract.pdf", "7", 10, "9.2 Termination. " + "x" * 80 + QUOTE, 0.8, 2.0, "30 days")
    answer = Answer("30 days", "qa", 0.9, evidence=(evidence(),), considered=(passage,))
    assert "9.2 Termination." in more(answer, "en")
    assert more(Answer("hi", "chat"), "en") == ""


def test_why_tells_the_skill_and_the_question() -> None:
    answer = Answer("30 days", "qa", 0.93, evidence=(evidence(),), question="notice period of the contract")
    words = why(answer, "and the notice?", "en")
    assert "93% sure" in words
    assert "notice period of the contract" in words


def test_notes_and_edits_are_told() -> None:
    answer = Answer("fine", "chat", edited=True, notes=("A note.",))
    (message,) = render(answer, "ru", before="Прочитано.")
    lines = message.text.split("\n\n")
    assert lines[0] == "Прочитано."
    assert lines[1].startswith("Вы изменили")
    assert lines[2:] == ["fine", "A note."]
    assert [kind for kind, _ in marked(message)] == ["italic", "italic"]


@pytest.mark.parametrize("words", ["", " \n ", "\u200b\u200d", "\x00\x07"])
def test_nothing_to_see_is_said_to_be_so(words: str) -> None:
    assert plain(words, "en")[0].text == "(nothing to show)"


def test_halves_of_characters_are_left_out() -> None:
    assert plain("a\ud83db", "en")[0].text == "ab"


def test_splitting_prefers_paragraphs_then_sentences_then_words() -> None:
    assert [r.text for r in split(Rich("aaaa bbbb.\n\ncc. dd"), 14)] == ["aaaa bbbb.", "cc. dd"]
    assert [r.text for r in split(Rich("One two. Three four five"), 14)] == ["One two.", "Three four", "five"]
    assert [r.text for r in split(Rich("Wow!” he said then"), 12)] == ["Wow!” he", "said then"]
    assert [r.text for r in split(Rich("abcdefghij"), 4)] == ["abcd", "efgh", "ij"]


def test_a_number_with_a_point_is_no_end_of_a_sentence() -> None:
    assert [r.text for r in split(Rich("It costs 3.14159265 euros"), 14)] == [
        "It costs",
        "3.14159265",
        "euros",
    ]


@pytest.mark.parametrize("cluster", ["👩‍👩‍👧", "🇩🇪", "👍🏽", "e\u0301", "❤️"])
def test_what_is_seen_as_one_is_not_torn(cluster: str) -> None:
    for limit in (11, 12, 13, 14, 15):
        pieces = [r.text for r in split(Rich(cluster * 6), max(limit, utf16(cluster)))]
        assert "".join(pieces) == cluster * 6
        assert all(piece.replace(cluster, "") == "" for piece in pieces)


def test_a_mark_goes_on_in_the_next_piece() -> None:
    rich = Rich("Start. " + "q" * 6 + ". " + "r" * 6 + ".", (Span(7, 22, "blockquote"),))
    pieces = split(rich, 15)
    assert [r.text for r in pieces] == ["Start. qqqqqq.", "rrrrrr."]
    assert [marked(r) for r in pieces] == [[("blockquote", "qqqqqq.")], [("blockquote", "rrrrrr.")]]


def test_joining_moves_the_marks() -> None:
    rich = join([Rich("é🎓"), Rich(" "), Rich("bold", (Span(0, 4, "bold"),))])
    assert rich.text == "é🎓\n\nbold"
    assert marked(rich) == [("bold", "bold")]


def test_of_a_growing_text_its_end_is_shown() -> None:
    assert tail("short") == "short"
    words = tail("🎓" * 5000)
    assert utf16(words) <= LIMIT
    assert words.startswith("… 🎓")


texts = st.text(
    st.characters(blacklist_categories=["Cs"]) | st.sampled_from("🎓👩‍ .\n!?🇩🇪"), min_size=1, max_size=300
)


@settings(max_examples=300)
@given(texts, st.integers(12, 60), st.data())
def test_pieces_hold_all_words_within_the_limit(words: str, limit: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    pieces = split(Rich(words, (Span(start, end, "blockquote"),)), limit)
    assert all(utf16(piece.text) <= limit for piece in pieces)
    visible = "".join(piece.text for piece in pieces)
    # nothing but blanks, and pieces in which there is nothing to see, is left out
    kept = [c for c in words if c.isalnum()]
    assert [c for c in visible if c.isalnum()] == kept
    for piece in pieces:
        assert piece.text == piece.text.strip()
        units = piece.text.encode("utf-16-le")
        for entity in piece.entities():
            covered = units[entity.offset * 2 : (entity.offset + entity.length) * 2].decode("utf-16-le")
            assert covered
            assert covered in words[start:end] or covered.strip() in words[start:end]
