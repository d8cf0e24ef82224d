"""Thresholds that calibration derives from held-out questions."""

from __future__ import annotations

import numpy as np

from skills.qa.fitting import Asked, answered_from, fit_ranking, offered_from


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


def test_the_fit_chooses_the_candidates_that_it_is_made_on() -> None:
    # of two candidates the one with the larger margin is right seldom, the one whose sentence fits often
    random = np.random.default_rng(1)
    n = 400
    margins = np.stack([random.normal(2.0, 1.0, n), random.normal(1.0, 1.0, n)], axis=1)
    fits = np.stack([random.uniform(0.0, 0.5, n), random.uniform(0.3, 1.0, n)], axis=1)
    right = random.uniform(size=(n, 2)) < fits**2
    found = Asked(
        np.stack([margins.ravel(), fits.ravel()], axis=1),
        right.ravel().astype(float),
        np.repeat([f"Rome {i % 5}" for i in range(n)], 2),
        np.full(2 * n, True),
    )
    questions = np.repeat(np.arange(n), 2)
    model, best = fit_ranking(found, questions)
    assert best.right.shape == (n,)
    assert best.right.mean() > found.right.reshape(n, 2)[np.arange(n), margins.argmax(axis=1)].mean() + 0.1
    scores = model.decision_function(found.features).reshape(n, 2)
    assert np.allclose(best.features, found.features.reshape(n, 2, 2)[np.arange(n), scores.argmax(axis=1)])
    # in which order candidates come has no say
    mixed = random.permutation(2 * n)
    other = Asked(*(part[mixed] for part in (found.features, found.right, found.groups, found.answerable)))
    again, _ = fit_ranking(other, questions[mixed])
    assert np.allclose(again.coef_, model.coef_)


def test_few_sentences_are_offered_in_vain() -> None:
    others = [("other 1", 0.1 + 0.001 * n) for n in range(100)]
    assert offered_from([*others, ("talk 1", 0.9), ("Rome", 0.9)]) == 0.2
