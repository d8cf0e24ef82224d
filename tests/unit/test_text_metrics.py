"""Metrics of generated text, against values computed by hand."""

from __future__ import annotations

import math

import pytest

from benchmarks.text_metrics import distinct, ngrams, self_bleu, sequence_repetition, tokens_of


def test_tokens_are_words_and_signs_in_lower_case():
    assert tokens_of("The cat's mat, no. 3!") == ["the", "cat", "'", "s", "mat", ",", "no", ".", "3", "!"]


def test_ngrams_are_runs_in_order():
    assert ngrams(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]
    assert ngrams(["a"], 2) == []


@pytest.mark.parametrize(("texts", "n", "expected"), [
    (["a b a b"], 1, 2 / 4),
    (["a b a b"], 2, 2 / 3),  # ab ba ab
    (["a b", "b c"], 1, 3 / 4),
    (["a b", "b c"], 2, 1.0),
    (["a", ""], 2, 0.0),
    ([], 1, 0.0),
])  # fmt: skip
def test_distinct(texts, n, expected):
    assert distinct(texts, n) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "expected"), [
    ("a b c d", 0.0),
    ("a b c d a b c d", 1 - 4 / 5),  # abcd bcda cdab dabc abcd
    ("a a a a a a a", 1 - 1 / 4),
    ("a b c", 0.0),
])  # fmt: skip
def test_sequence_repetition(text, expected):
    assert sequence_repetition(text) == pytest.approx(expected)


def test_self_bleu_of_the_same_text_is_one():
    assert self_bleu(["a b c d e", "a b c d e", "a b c d e"]) == pytest.approx(1.0)


def test_self_bleu_by_hand():
    # each against the other: 4 of 5 words, 3 of 4 pairs; no brevity penalty
    assert self_bleu(["a b c d e", "a b c d f"], 2) == pytest.approx(math.sqrt(4 / 5 * 3 / 4))
    # the shorter is punished: exp(1 - 4/2); of the longer 2 of 4 words and 1 of 3 pairs stand in the other
    expected = (math.exp(1 - 4 / 2) * 1.0 + math.sqrt(2 / 4 * 1 / 3)) / 2
    assert self_bleu(["a b", "a b c d"], 2) == pytest.approx(expected)


def test_self_bleu_of_texts_that_share_nothing_is_near_nothing():
    assert self_bleu(["a b c d e", "f g h i j"]) < 0.05
    assert self_bleu(["a b c d e", ""]) < 0.05


def test_self_bleu_of_one_text_is_refused():
    with pytest.raises(ValueError, match="got 1"):
        self_bleu(["a"])
