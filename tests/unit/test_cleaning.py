"""What of a model's words is shown: no template marker, no played role, no half sentence."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skills.generation.cleaning import TEMPLATE_MARKERS, ReplyStream, StopFilter, clean_reply


def pieces_of(text, cuts):
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(
    st.text("ab<|>", max_size=30),
    st.sampled_from(TEMPLATE_MARKERS),
    st.text("ab<|>", max_size=10),
    st.lists(st.integers(0, 100), max_size=20),
)
@example("", "\nUser:", "<", [])
def test_the_stream_shows_the_text_before_the_first_marker_however_it_is_cut(before, marker, after, cuts):
    text = before + marker + after
    shown = []
    stream = ReplyStream(lambda piece: bool(shown.append(piece)))
    ended = [stream(piece) for piece in pieces_of(text, cuts)]
    whole = stream.finish()
    assert whole == "".join(shown)
    assert not any(m in whole for m in TEMPLATE_MARKERS)
    text = text.lstrip()
    found = [text.find(m) for m in TEMPLATE_MARKERS if m in text]
    found += [0] if text.startswith(("User:", "Human:")) else []
    # with nothing before it, the line break of "\nAssistant:" goes, and it is a role that opens a reply
    assert whole == (text[: min(found)] if found else text.removeprefix("Assistant:").lstrip())
    assert any(ended) == bool(found)


@given(st.text("ab<|im_endU:\n", max_size=40), st.lists(st.integers(0, 100), max_size=20))
def test_a_text_without_a_marker_is_shown_whole(text, cuts):
    if any(marker in text for marker in TEMPLATE_MARKERS):
        return
    stream = ReplyStream(None)
    for piece in pieces_of(text, cuts):
        assert stream(piece) is False
    assert stream.finish() == text.lstrip()


def test_pieces_are_shown_as_they_come():
    shown = []
    stream = ReplyStream(lambda piece: bool(shown.append(piece)))
    for piece in ("Hello", " the", "re <", "x"):
        stream(piece)
    assert shown == ["Hello", " the", "re ", "<x"]


def test_the_listener_stops_it():
    stream = ReplyStream(lambda piece: "two" in piece)
    assert not stream("one ")
    assert stream("two ")
    assert stream.stopped
    assert stream.finish() == "one two "


@pytest.mark.parametrize("piece", ["", " \n", "Quo", "<|im"])
def test_it_is_stopped_before_anything_can_be_shown(piece):
    stream = ReplyStream(lambda piece: True)
    assert stream(piece)
    assert stream.stopped
    assert stream.finish() == ""


def test_after_a_stop_nothing_held_back_is_shown():
    shown = []

    def listener(piece):
        shown.append(piece)
        return True

    stream = ReplyStream(listener)
    stream("word <")
    stream.finish()
    assert shown == ["word "]


@pytest.mark.parametrize(
    "pieces", [("Quoth: Hi", "!"), ("Quo", "th", ":", " Hi!"), (" \n", "Assistant: ", "Hi!")]
)
def test_a_reply_does_not_begin_with_its_speaker(pieces):
    shown = []
    stream = ReplyStream(lambda piece: bool(shown.append(piece)))
    for piece in pieces:
        stream(piece)
    assert stream.finish() == "Hi!"
    assert "".join(shown) == "Hi!"


@pytest.mark.parametrize(
    "pieces",
    [("\n", "User", ": and you?"), ("User: and you?",), ("Hu", "man", ":"), ("Quoth:", " ", " User", ": Hi")],
)
def test_a_reply_that_begins_with_the_person_is_none(pieces):
    shown = []
    stream = ReplyStream(lambda piece: bool(shown.append(piece)))
    assert [stream(piece) for piece in pieces][-1]
    assert stream.finish() == "".join(shown) == clean_reply("".join(pieces)) == ""


def test_no_blank_follows_a_speaker_that_is_left_out():
    stream = ReplyStream(None)
    for piece in ("Quoth:", " ", " Users", " read."):
        stream(piece)
    assert stream.finish() == "Users read."


def test_a_reply_that_only_looks_like_a_speaker_is_shown():
    stream = ReplyStream(None)
    stream("Quoth")
    assert stream.finish() == "Quoth"


@pytest.mark.parametrize(
    ("text", "cut", "expected"),
    [
        ("It is late. I must g", True, "It is late."),
        ("It is late. I must g", False, "It is late. I must g"),
        ("No end in sight", True, "No end in sight"),
        ('He said "Go!" and th', True, 'He said "Go!"'),
        ("Pi is 3.14 and so", True, "Pi is 3.14 and so"),
        ("Three things:\n1. Tea\n2. Co", True, "Three things:\n1. Tea\n2. Co"),
        ("It was 1984. Then", True, "It was 1984."),
        ("Как дела? Хоро", True, "Как дела?"),
        ("  Hi!<|im_end|>\nmore", False, "Hi!"),
        ("Hi!\nUser: and you?", False, "Hi!"),
        ("<|im_end|>", False, ""),
    ],
)
def test_a_reply_that_the_limit_cut_ends_with_its_last_sentence(text, cut, expected):
    assert clean_reply(text, cut) == expected


@given(st.text("ab.!? \n\"'1", max_size=60))
def test_cleaning_never_empties_a_reply_and_settles_at_once(text):
    cleaned = clean_reply(text, cut=True)
    assert bool(cleaned) == bool(text.strip())
    assert clean_reply(cleaned, cut=True) == cleaned
    assert text.strip().startswith(cleaned)


@given(st.text("abc", max_size=20), st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_a_filter_passes_on_what_stands_before_the_first_stop(text, stops):
    a_filter = StopFilter(stops)
    shown = "".join(a_filter.feed(letter) for letter in text)
    shown += "" if a_filter.hit else a_filter.rest()
    # letter by letter, the stop that ends first counts
    ends = [(text.find(stop) + len(stop), -len(stop)) for stop in stops if stop in text]
    expected = text if not ends else text[: min(ends)[0] + min(ends)[1]]
    assert shown == expected
