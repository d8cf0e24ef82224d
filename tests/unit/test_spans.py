"""Logits to spans, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skills.qa.spans import Span, SpanPrediction, WindowLogits, best_spans


def window(start: list[float], end: list[float], null: float = 0.0, first: int = 0) -> WindowLogits:
    """A window whose tokens are two characters wide, with a gap of one between them."""
    offsets = np.array([[first + 3 * i, first + 3 * i + 2] for i in range(len(start))]).reshape(-1, 2)
    return WindowLogits(np.float32(start), np.float32(end), null, offsets)


def brute_force(windows: list[WindowLogits], max_answer_length: int) -> dict[tuple[int, int], float]:
    scores: dict[tuple[int, int], float] = {}
    for w in windows:
        for i in range(len(w.start_logits)):
            for j in range(i, min(len(w.start_logits), i + max_answer_length)):
                key = (int(w.offsets[i, 0]), int(w.offsets[j, 1]))
                score = float(np.float32(w.start_logits[i]) + np.float32(w.end_logits[j]))
                scores[key] = max(score, scores.get(key, -np.inf))
    return scores


# whole numbers are exact in float32, so equal sums are equal and not nearly so
logit = st.integers(-60, 60).map(float)


@st.composite
def windows_of_one_context(draw: st.DrawFn) -> list[WindowLogits]:
    made = []
    for k in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, 12))
        made.append(
            window(
                draw(st.lists(logit, min_size=n, max_size=n)),
                draw(st.lists(logit, min_size=n, max_size=n)),
                draw(logit),
                first=9 * k,  # windows overlap from the fourth token on
            )
        )
    return made


@given(windows_of_one_context(), st.integers(1, 14), st.integers(1, 8))
@settings(max_examples=300)
def test_same_as_brute_force(windows: list[WindowLogits], max_answer_length: int, n_best_size: int) -> None:
    expected = brute_force(windows, max_answer_length)
    prediction = best_spans(windows, n_best_size, max_answer_length)
    assert prediction.null_score == min(w.null_score for w in windows)
    assert [s.score for s in prediction.spans] == sorted(expected.values(), reverse=True)[
        : len(prediction.spans)
    ]
    assert len(prediction.spans) == min(n_best_size, len(expected))
    for span in prediction.spans:
        assert expected[span.start, span.end] == span.score


def test_equal_scores_are_in_the_order_of_the_text() -> None:
    prediction = best_spans([window([1, 1, 1], [1, 1, 1])], n_best_size=3, max_answer_length=1)
    assert [(s.start, s.end) for s in prediction.spans] == [(0, 2), (3, 5), (6, 8)]


def test_the_end_never_comes_before_the_start() -> None:
    prediction = best_spans([window([0, 0, 9], [9, 0, 0])], n_best_size=1)
    assert prediction.spans[0].start < prediction.spans[0].end


def test_a_token_without_characters_is_no_edge() -> None:
    offsets = np.array([[0, 2], [2, 2], [3, 5]])
    logits = WindowLogits(np.float32([0, 9, 0]), np.float32([0, 9, 0]), 0.0, offsets)
    spans = best_spans([logits], n_best_size=9).spans
    assert {(s.start, s.end) for s in spans} == {(0, 2), (3, 5), (0, 5)}


def test_nothing_to_read() -> None:
    prediction = best_spans([])
    assert prediction.spans == ()
    assert prediction.margin == prediction.odds == float("-inf")


def test_the_odds_are_those_of_all_places_together() -> None:
    logs = np.log([1.0, 1.0, 1.0]).tolist(), np.log([1.0, 2.0, 1.0]).tolist()
    one = window(*logs, null=float(np.log(0.5 * 2.0)))
    assert best_spans([one]).odds == pytest.approx(np.log(3 / 0.5 * 4 / 2))
    # of several windows the most hopeful one counts
    hopeless = window(*logs, null=50.0, first=9)
    assert best_spans([hopeless, one]).odds == best_spans([one]).odds


def test_two_places_of_an_answer_are_more_than_one() -> None:
    alone, twice = best_spans([window([4, -9], [4, -9])]), best_spans([window([4, 4], [4, 4])])
    assert twice.margin == alone.margin
    assert twice.odds > alone.odds + 1


@given(windows_of_one_context())
def test_the_odds_are_at_least_the_margin(windows: list[WindowLogits]) -> None:
    prediction = best_spans(windows[:1])
    assert prediction.odds >= prediction.margin - 1e-3


@pytest.mark.parametrize(("null", "margin"), [(4.0, 2.0), (9.0, -3.0)])
def test_margin_is_span_less_null(null: float, margin: float) -> None:
    assert SpanPrediction((Span(0, 2, 6.0),), null, odds=0.0).margin == margin
