"""The sentence around an answer: whether it holds it, how much of the question it covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.qa.spans import Span
from skills.qa.surroundings import Surroundings

LEASE = "The lease begins on 1 March 2025. Either side may end it with three months' notice in writing."


@pytest.mark.parametrize(
    ("question", "answer", "share"),
    [
        ("When can either side end the lease?", "1 March 2025", 1 / 3),
        ("When can either side end the lease?", "three months' notice", 2 / 3),
        ("When do sides end leases?", "three months' notice", 2 / 3),  # by their first letters
        ("Is the notice three months?", "three months' notice", 0.0),  # the answer itself does not count
        ("Who is it?", "1 March 2025", 0.0),
        ("When can either side end the lease?", "2025. Either", 0.0),  # in no sentence
    ],
)
def test_share_of_the_questions_words_around_an_answer(question: str, answer: str, share: float) -> None:
    start = LEASE.index(answer)
    assert Surroundings(question, LEASE).coverage(start, start + len(answer)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("answer", "share"),
    [("1 March 2025", 1 / 3), ("three months' notice", 2 / 3), ("may end it", 2 / 3), ("2025. Either", 0.0)],
)
def test_share_of_the_questions_words_in_the_sentence_of_an_answer(answer: str, share: float) -> None:
    start = LEASE.index(answer)
    around = Surroundings("When can either side end the lease?", LEASE)
    assert around.sentence_coverage(start, start + len(answer)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("words", "inside"),
    [
        ("1 March 2025.", True),
        ("2025. Either", False),
        ("Either side may end it", True),
        ("in writing.", True),
    ],
)
def test_an_answer_ends_in_its_sentence_or_not(words: str, inside: bool) -> None:
    start = LEASE.index(words)
    assert Surroundings("When?", LEASE).in_one_sentence(start, start + len(words)) is inside


def test_words_that_are_inflected_at_their_end_are_the_same() -> None:
    text = "Договор заключён на год. Аренда квартиры стоит 900 евро."
    start = text.index("900")
    assert Surroundings("Сколько стоит аренды квартира?", text).coverage(start, start + 8) == 1.0


@given(st.text(max_size=60), st.text(max_size=200), st.data())
def test_any_text_has_a_share(question: str, text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    around = Surroundings(question, text)
    assert 0.0 <= around.coverage(start, end) <= around.sentence_coverage(start, end) <= 1.0


def test_of_spans_that_score_alike_the_covered_one_is_best() -> None:
    date, notice = (
        Span(LEASE.index(words), LEASE.index(words) + len(words), score)
        for words, score in (("1 March 2025", 6.0), ("three months' notice", 5.0))
    )
    around = Surroundings("When can either side end the lease?", LEASE)
    assert around.best_first((date, notice)) == (notice, date)
    assert around.best_first((date, notice), 0.5) == (date, notice)
    assert around.best_first((date, date)) == (date, date)
