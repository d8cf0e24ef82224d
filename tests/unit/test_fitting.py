"""Thresholds that calibration derives from held-out questions."""

from __future__ import annotations

import numpy as np

from skills.qa.fitting import Asked, answered_from, offered_from


def asked(groups: list[str], answerable: list[bool]) -> Asked:
    n = len(groups)
    return Asked(np.zeros((n, 1)), np.zeros(n), np.array(groups), np.array(answerable))


def test_answers_are_given_from_where_they_part_from_questions_without_one() -> None:
    questions = asked((["Rome"] * 6 + ["other 1"] * 2 + ["talk 1"]) * 20, ([True] * 3 + [False] * 6) * 20)
    confidences = np.array([0.9, 0.5, 0.355, 0.34, 0.3, 0.2, 0.05, 0.1, 0.99] * 20)
    assert answered_from(confidences, questions) == 0.35


def test_written_to_have_none_and_about_other_documents_weigh_the_same() -> None:
    # one of the latter counts as much as ten of the former together
    questions = asked((["Rome"] * 12 + ["other 1"]) * 20, ([True] * 2 + [False] * 11) * 20)
    confidences = np.array([0.45, 0.25, *[0.2] * 5, *[0.26] * 5])
    assert answered_from(np.tile([*confidences, 0.3], 20), questions) == 0.45
    assert answered_from(np.tile([*confidences, 0.1], 20), questions) == 0.25


def test_a_threshold_is_the_middle_of_what_draws_of_the_questions_say() -> None:
    # two parts of the answerable ones are as good to take as to leave: chance decides in each draw
    random = np.random.default_rng(1)
    chosen = []
    for _ in range(8):
        yes = np.concatenate([random.uniform(0.4, 0.9, 150), random.uniform(0.1, 0.4, 50)])
        no = np.concatenate([random.uniform(0.0, 0.1, 150), random.uniform(0.1, 0.4, 50)])
        questions = asked(["Rome"] * 400, [True] * 200 + [False] * 200)
        chosen.append(answered_from(np.concatenate([yes, no]), questions))
    assert np.std(chosen) < 0.08
    assert 0.15 < np.mean(chosen) < 0.35


def test_few_sentences_are_offered_in_vain() -> None:
    others = [("other 1", 0.1 + 0.001 * n) for n in range(100)]
    assert offered_from([*others, ("talk 1", 0.9), ("Rome", 0.9)]) == 0.2
