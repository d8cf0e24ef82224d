"""Fits how sure the reader is, and what small talk looks like.

    python -m skills.qa.calibrate SQUAD_FOLDER UTTERANCES ADAPTER_FOLDER [--skim-with SIZE] [--sample N]

SQUAD_FOLDER is that of the training: its ``valid*`` files are put on one shelf, whole articles
as documents, and their questions are asked without saying where the answer stands, as a person
would ask them. UTTERANCES is a text file of small talk, one a line. Written are
``calibration.json`` and ``reliability.png`` beside the adapter and the utterance classifier's
weights; printed is what the cards quote. With ``--skim-with`` a smaller reader chooses the passages,
as in the chain, and the utterance classifier stays as it is; ``--sample`` asks so many utterances
only, where a reader is slow. Everything is cross-validated by article, so no
question is judged by a fit that saw its article.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from deeppavlov.metrics.squad_metrics import squad_v2_f1
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression

from skills.dialog import Document, Knowledge
from skills.qa.calibration import Calibration, expected_calibration_error
from skills.qa.closest import closest
from skills.qa.passage_reader import PassageReader
from skills.qa.reader import SquadReader
from skills.retrieval.changes import AddDocument
from skills.retrieval.encoder import SentenceEncoder
from skills.retrieval.retriever import Retriever
from skills.retrieval.shelf_writer import ShelfWriter
from skills.utterances import WEIGHTS as UTTERANCE_WEIGHTS

FEATURES = ("margin", "lead", "similarity", "retrieval", "coverage", "skimmed")
#: What still tells something where every passage that there is was read.
FEATURES_ALL_READ = ("margin", "coverage", "skimmed")
#: An answer counts as right from this F1 with an annotator's: it names the same thing.
RIGHT_F1 = 50.0
#: Of the thresholds that tell questions with an answer from those without about as well as the best one
#: does (balanced accuracy), the most cautious is taken; so far below the best is as well.
AS_WELL = 0.005
#: At most so many questions about other documents are offered a sentence as what comes closest.
OFFERED_IN_VAIN = 0.1
#: How people ask a document for a thing, beside SQuAD's who, what and when.
FORMS = (
    "{}",
    "{}?",
    "{} please",
    "is there a {}?",
    "are there any {}?",
    "is {} included?",
    "is {} allowed?",
    "is {} mentioned?",
    "can i use {}?",
    "can i keep {}?",
    "may i bring {}?",
    "do i need {}?",
    "do i have to pay {}?",
    "does it cover {}?",
    "does it say anything about {}?",
    "what about {}",
    "tell me about {}",
    "must there be {}?",
    "am i allowed to have {}?",
    "will {} be paid?",
    "has {} been agreed?",
    "can they change {}?",
    "explain {}",
)
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """One candidate of each of n questions, and what is known of it.

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


def main(arguments: list[str]) -> int:
    """Fit, write, print."""
    parser = argparse.ArgumentParser(prog="python -m skills.qa.calibrate")
    parser.add_argument("squad", type=Path)
    parser.add_argument("utterances", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--skim-with", default="", metavar="SIZE")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="ask so many; 0 is all")
    asked = parser.parse_args(arguments)
    utterances = [u for u in asked.utterances.read_text("utf-8").splitlines() if u.strip()]
    encoder = SentenceEncoder()
    if not asked.skim_with:
        fit_utterances(encoder, asked.squad, utterances)
    rows = held_out_questions(asked.squad, utterances)
    if asked.sample:
        rows = random.Random(2).sample(rows, min(asked.sample, len(rows)))  # noqa: S311
    fit_confidence(encoder, asked.squad, rows, asked.adapter, asked.skim_with)
    return 0


def fit_utterances(encoder: SentenceEncoder, squad: Path, utterances: Sequence[str]) -> None:
    """Train the utterance classifier: questions of the training files against small talk."""
    draw = random.Random(0)  # noqa: S311
    rows = questions_of(squad, "train")
    questions = sorted({q for _, q, _, _ in rows})
    # SQuAD asks no yes-or-no questions and nobody there types two words; people do both
    things = sorted({a for _, _, answers, _ in rows for a in answers if len(a.split()) <= 3})
    asked = [draw.choice(FORMS).format(thing.lower()) for thing in things]
    n = min(len(questions) + len(asked), len(utterances), 8000)
    half = min(len(asked), n // 2)
    texts = draw.sample(questions, n - half) + draw.sample(asked, half) + draw.sample(list(utterances), n)
    labels = np.array([0] * n + [1] * n)
    vectors = encoder.encode(texts)
    held_out = np.arange(len(texts)) % 5 == 0
    model = LogisticRegression(C=10.0, max_iter=2000)
    model.fit(vectors[~held_out], labels[~held_out])
    accuracy = model.score(vectors[held_out], labels[held_out])
    print(f"utterances: {2 * n} texts, accuracy on a held-out fifth {accuracy:.4f}")
    model.fit(vectors, labels)
    UTTERANCE_WEIGHTS.mkdir(parents=True, exist_ok=True)
    tensors = {"weight": model.coef_[0].astype(np.float16), "bias": model.intercept_.astype(np.float16)}
    save_file(tensors, UTTERANCE_WEIGHTS / "model.safetensors")


def fit_confidence(
    encoder: SentenceEncoder,
    squad: Path,
    rows: Sequence[tuple[str, list[str], str]],
    adapter: Path,
    skim_with: str,
) -> None:
    """Fit the logistic regression of confidence and write it beside the adapter."""
    if not (adapter / "calibration.json").is_file():
        _write(adapter, Calibration())  # the reader wants one; its numbers are not used here
    reader = PassageReader(SquadReader(adapter=str(adapter)), skim_with=skim_with)
    with tempfile.TemporaryDirectory() as folder:
        shelf = str(Path(folder) / "valid.db")
        build_shelf(encoder, squad, shelf)
        best, first, similarities = ask(encoder, reader, rows, shelf)
    confidences = cross_validated("the best candidates", best)
    draw_reliability(confidences, best.right, adapter / "reliability.png")
    weights, bias = weights_of(fit(best.features, best.right), FEATURES)
    threshold = answered_from(confidences, best)
    # a passage by itself, as where there are few: chosen by the search, judged without it
    columns = [FEATURES.index(name) for name in FEATURES_ALL_READ]
    alone = replace(first, features=first.features[:, columns])
    cross_validated("the first passages by themselves", alone)
    weights_all_read, bias_all_read = weights_of(fit(alone.features, alone.right), FEATURES_ALL_READ)
    similarity = offered_from(similarities)
    calibration = Calibration(weights, bias, threshold, similarity, weights_all_read, bias_all_read)
    _write(adapter, calibration)
    print(json.dumps(asdict(calibration)))


def answered_from(confidences: FloatArray, asked: Asked) -> float:
    """The confidence that best tells questions with an answer from those without, in steps of 0.01.

    Balanced accuracy: questions with an answer count half, those written to have none and those about
    other documents a quarter each. Small talk is told apart by other means.

    Args:
        confidences: cross-validated, of the best candidate of each question.
        asked: the questions.
    """
    other = np.char.startswith(asked.groups, "other ")
    talk = np.char.startswith(asked.groups, "talk ")
    without = [kind for kind in (~asked.answerable & ~other & ~talk, other) if kind.any()]

    def told(step: float) -> float:
        refused = [(confidences[kind] < step).mean() for kind in without]
        return float((confidences[asked.answerable] >= step).mean() + np.mean(refused)) / 2

    steps = [round(0.01 * n, 2) for n in range(1, 51)]
    best = max(map(told, steps))
    chosen = max(step for step in steps if told(step) >= best - AS_WELL)
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


def weights_of(model: LogisticRegression, names: Sequence[str]) -> tuple[dict[str, float], float]:
    """A fit's weights by name, and its bias."""
    weights = {name: round(float(w), 5) for name, w in zip(names, model.coef_[0], strict=True)}
    return weights, round(float(model.intercept_[0]), 5)


def fit(features: FloatArray, right: FloatArray) -> LogisticRegression:
    """Logistic regression, barely regularised: five weights on a thousand questions."""
    return LogisticRegression(C=100.0, max_iter=5000).fit(features, right)


def ask(
    encoder: SentenceEncoder, reader: PassageReader, rows: Sequence[tuple[str, list[str], str]], shelf: str
) -> tuple[Asked, Asked, list[tuple[str, float]]]:
    """Ask everything of one shelf.

    Returns:
        the best candidate of each question, and that of the first passage; and each question's group
        with the similarity of the sentence that comes closest to it.
    """
    retriever = Retriever(encoder)
    similarities: list[tuple[str, float]] = []
    found: tuple[list[Any], list[Any]] = ([], [])
    for question, answers, group in rows:
        passages = retriever([question], [Knowledge((shelf,))])
        reading = reader([question], passages)[0]
        candidates = reading.candidates
        similarities.append((group, closest(question, reading, encoder)[1]))
        first = [c for c in candidates if c.passage is passages[0][0]] or list(candidates[:1])
        for kind, candidate in zip(found, (*candidates[:1], *first), strict=False):
            right = bool(answers) and squad_v2_f1([answers], [candidate.text]) >= RIGHT_F1
            features = [getattr(candidate.features, name) for name in FEATURES]
            kind.append((features, float(right), group, bool(answers)))
    return _columns(found[0]), _columns(found[1]), similarities


def _columns(rows: Sequence[tuple[list[float], float, str, bool]]) -> Asked:
    features, right, groups, answerable = zip(*rows, strict=True)
    return Asked(np.array(features), np.array(right), np.array(groups), np.array(answerable))


def held_out_questions(squad: Path, utterances: Sequence[str]) -> list[tuple[str, list[str], str]]:
    """(question, answers, article): answerable, unanswerable, about other documents, small talk."""
    draw = random.Random(1)  # noqa: S311
    rows = [(q, answers, title) for title, q, answers, _ in questions_of(squad, "valid")]
    others: list[tuple[str, list[str], str]] = [
        (q, [], f"other {i % 7}") for i, (_, q, _, _) in enumerate(questions_of(squad, "train"))
    ]
    talk: list[tuple[str, list[str], str]] = [(u, [], f"talk {i % 7}") for i, u in enumerate(utterances)]
    return rows + draw.sample(others, min(300, len(others))) + draw.sample(talk, min(200, len(talk)))


def questions_of(squad: Path, kind: str) -> list[tuple[str, str, list[str], str]]:
    """(article, question, answers, context) of the folder's ``train*`` or ``valid*`` files."""
    from skills.qa.dataset import SquadFolderReader

    data = SquadFolderReader().read(str(squad), valid="valid")[kind]
    return [
        (article["title"], qa["question"], [a["text"] for a in qa["answers"]], paragraph["context"])
        for article in data["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def build_shelf(encoder: SentenceEncoder, squad: Path, shelf: str) -> None:
    """Put the articles of the validation files on one shelf, a document each."""
    articles: dict[str, dict[str, None]] = {}
    for title, _, _, context in questions_of(squad, "valid"):
        articles.setdefault(title, {})[context] = None
    writer = ShelfWriter(encoder)
    for title, contexts in articles.items():
        body = "\n\n".join(contexts)
        document = Document(sha256(body.encode()).hexdigest(), title, body)
        writer([shelf], [AddDocument(document)], [None])


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


def _write(adapter: Path, calibration: Calibration) -> None:
    (adapter / "calibration.json").write_text(json.dumps(asdict(calibration), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
