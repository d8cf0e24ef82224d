"""From scores of held-out questions to a calibration: the fit, its error, the thresholds, the diagram.

Numbers in, numbers out; what is asked of which shelf, ``skills.qa.calibrate`` knows. Everything is
cross-validated by article: no question is judged by a fit that saw its article.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from skills.qa.calibration import expected_calibration_error

#: Of the thresholds that tell questions with an answer from those without about as well as the best one
#: does (balanced accuracy), the most cautious is taken; so far below the best is as well.
AS_WELL = 0.005
#: Most fits until one chooses the candidates that it was made on.
N_ROUNDS = 20
#: Draws whose thresholds' median is taken.
N_DRAWS = 500
#: At most so many questions about other documents are offered a sentence as what comes closest.
OFFERED_IN_VAIN = 0.1

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """Candidates, n of them, and what is known of each and of its question.

    Attributes:
        features: shape (n, number of features).
        right: 1.0 where the candidate is right, else 0.0, shape (n,).
        groups: article of the question, or "other …" and "talk …", shape (n,).
        answerable: whether the shelf answers it, shape (n,).
    """

    features: FloatArray
    right: FloatArray
    groups: NDArray[np.str_]
    answerable: NDArray[np.bool_]


def fit(features: FloatArray, right: FloatArray) -> LogisticRegression:
    """Logistic regression, barely regularised: a handful of weights on hundreds of questions or more."""
    return LogisticRegression(C=100.0, max_iter=5000).fit(features, right)


def fit_ranking(found: Asked, questions: IntArray) -> tuple[LogisticRegression, Asked]:
    """A fit on the best candidate of each question, where the fit itself says which one is the best.

    Begun with the candidate of the largest margin, and repeated until the fit chooses those that it was
    made on, or :data:`N_ROUNDS` times.

    Args:
        found: all candidates of all questions; the first feature is the margin.
        questions: number of the question that each is a candidate of, shape (n,).

    Returns:
        the fit, and the candidates that it was made on, in the questions' order.
    """
    best = _best_of(found.features[:, 0], questions)
    for _ in range(N_ROUNDS):
        model = fit(found.features[best], found.right[best])
        chosen = _best_of(model.decision_function(found.features), questions)
        if np.array_equal(chosen, best):
            break
        best = chosen
    else:
        model = fit(found.features[best], found.right[best])
    return model, Asked(found.features[best], found.right[best], found.groups[best], found.answerable[best])


def _best_of(scores: FloatArray, questions: IntArray) -> IntArray:
    """Rows of the highest score of each question."""
    order = np.lexsort((-scores, questions))
    _, firsts = np.unique(questions[order], return_index=True)
    best: IntArray = order[firsts]
    return best


def weights_of(model: LogisticRegression, names: Sequence[str]) -> tuple[dict[str, float], float]:
    """A fit's weights by name, and its bias."""
    weights = {name: round(float(w), 5) for name, w in zip(names, model.coef_[0], strict=True)}
    return weights, round(float(model.intercept_[0]), 5)


def cross_validated(what: str, asked: Asked) -> FloatArray:
    """Confidence of each by a fit that did not see its article; prints how well it is calibrated."""
    features, right = asked.features, asked.right
    confidences = np.zeros(len(right))
    for group in np.unique(asked.groups):
        inside = asked.groups == group
        confidences[inside] = fit(features[~inside], right[~inside]).predict_proba(features[inside])[:, 1]
    error = expected_calibration_error(confidences, right)
    print(f"confidence: {len(right)} questions, {right.mean():.3f} of {what} right,")
    print(f"  expected calibration error, cross-validated by article: {error:.4f}")
    return confidences


def answered_from(confidences: FloatArray, asked: Asked) -> float:
    """The confidence that best tells questions with an answer from those without, in steps of 0.01.

    Balanced accuracy: questions with an answer count half, those written to have none and those about
    other documents a quarter each. Small talk is told apart by other means. The optimum is flat, and of
    one set of questions chance decides where on it the highest point lies; so it is looked for in draws
    with replacement (Efron 1979), and their median taken.

    Args:
        confidences: cross-validated, of the best candidate of each question.
        asked: the questions.
    """
    other = np.char.startswith(asked.groups, "other ")
    talk = np.char.startswith(asked.groups, "talk ")
    without = [kind for kind in (~asked.answerable & ~other & ~talk, other) if kind.any()]

    steps = np.arange(1, 51) / 100
    answered_at = confidences[:, None] >= steps
    kinds = [np.flatnonzero(kind) for kind in (asked.answerable, *without)]
    random = np.random.default_rng(0)

    def best_of_a_draw() -> float:
        yes, *no = (answered_at[random.choice(kind, len(kind))].mean(axis=0) for kind in kinds)
        told = (yes + np.mean([1.0 - share for share in no], axis=0)) / 2
        return float(steps[np.flatnonzero(told >= told.max() - AS_WELL)[-1]])

    chosen = round(float(np.median([best_of_a_draw() for _ in range(N_DRAWS)])), 2)
    answered = (confidences[asked.answerable] >= chosen).mean()
    refused = ", ".join(f"{(confidences[kind] < chosen).mean():.3f}" for kind in without)
    print(f"answers: from {chosen}, {answered:.3f} of what has an answer is answered, and refused of what is")
    print(f"  written to have none and of what is about other documents: {refused}")
    return chosen


def offered_from(similarities: Sequence[tuple[str, float]]) -> float:
    """The least similarity, in steps of 0.05, that few sentences reach where all are about something else.

    Args:
        similarities: group of a question, and that of the sentence chosen for it.
    """
    others = np.array([value for group, value in similarities if group.startswith("other ")])
    steps = [round(0.05 * n, 2) for n in range(1, 20)]
    least = next((step for step in steps if (others >= step).mean() <= OFFERED_IN_VAIN), steps[-1])
    for kind in ("other ", "talk "):
        share = np.mean([value >= least for group, value in similarities if group.startswith(kind)])
        print(f"closest: from {least}, {share:.3f} of what is {kind.strip()} is offered a sentence")
    return least


def draw_reliability(confidences: FloatArray, right: FloatArray, file: Path) -> None:
    """Reliability diagram (Guo et al. 2017, arXiv 1706.04599): how often right, by confidence."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    edges = np.linspace(0, 1, 11)
    bins = np.clip(np.digitize(confidences, edges) - 1, 0, 9)
    filled = [b for b in range(10) if (bins == b).any()]
    figure, axes = pyplot.subplots(figsize=(4.5, 4.5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.bar(
        [edges[b] + 0.05 for b in filled], [right[bins == b].mean() for b in filled], 0.09, color="#4c72b0"
    )
    for b in filled:
        axes.annotate(str((bins == b).sum()), (edges[b] + 0.05, 0.01), ha="center", fontsize=7, color="white")
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
