"""Fusion and question words: bounds, and that both searches count."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from skills.retrieval.fusion import fused_score, idf, most_bm25, word_share
from skills.retrieval.words import MAX_WORDS, informative_words

SHARES = st.floats(0.0, 1.0)
COSINES = st.floats(-1.0, 1.0)


@given(COSINES, SHARES, SHARES)
def test_more_words_never_lower_the_score(similarity: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= fused_score(similarity, low) <= fused_score(similarity, high) <= 1.0


@given(COSINES, COSINES, SHARES)
def test_more_similarity_never_lowers_the_score(one: float, other: float, share: float) -> None:
    low, high = sorted((one, other))
    assert fused_score(low, share) <= fused_score(high, share)


def test_each_search_alone_can_decide() -> None:
    assert fused_score(0.8, 0.0) > fused_score(0.2, 0.0)
    assert fused_score(0.0, 0.8) > fused_score(0.0, 0.2)
    assert fused_score(1.0, 1.0) == 1.0


@given(st.integers(1, 10**6), st.data())
def test_a_rarer_word_weighs_at_least_as_much(n_passages: int, data: st.DataObject) -> None:
    holding = data.draw(st.integers(0, n_passages))
    rarer = data.draw(st.integers(0, holding))
    assert idf(n_passages, rarer) >= idf(n_passages, holding) > 0.0


@given(st.floats(-10, 1e6), st.lists(st.floats(1e-6, 20.0), max_size=10))
def test_the_share_is_a_share(bm25: float, idfs: list[float]) -> None:
    assert 0.0 <= word_share(bm25, most_bm25(idfs)) <= 1.0


def test_the_share_without_words_is_nothing() -> None:
    assert word_share(5.0, most_bm25([])) == 0.0
    assert math.isclose(word_share(most_bm25([2.0, 1.0]) / 2, most_bm25([2.0, 1.0])), 0.5)


def test_informative_words() -> None:
    assert informative_words("When did the Bridge of Halden open, and the bridge?") == [
        "Bridge",
        "Halden",
        "open",
    ]
    assert informative_words("To be or not to be") == ["To", "be", "or", "not"]
    assert informative_words("В каком году открыли мост?") == ["году", "открыли", "мост"]
    assert informative_words("?!") == []
    assert informative_words("May the US Navy sail in May or may it not?") == ["US", "Navy", "sail", "May"]
    assert len(informative_words(" ".join(f"w{n}" for n in range(100)))) == MAX_WORDS
