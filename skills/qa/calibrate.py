"""Fits how sure the reader is.

    python -m skills.qa.calibrate SQUAD_FOLDER UTTERANCES ADAPTER_FOLDER [--skim-with SIZE] [--sample N]

SQUAD_FOLDER is that of the training: its ``valid*`` files are put on one shelf, whole articles
as documents, and their questions are asked without saying where the answer stands, as a person
would ask them. UTTERANCES is a text file of small talk, one a line. Written are
``calibration.json`` and ``reliability.png`` beside the adapter; printed is what the cards quote.
With ``--skim-with`` a smaller reader chooses the passages, as in the chain; ``--sample`` asks so
many utterances only, where a reader is slow. Everything is cross-validated by article, so no
question is judged by a fit that saw its article.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from deeppavlov.metrics.squad_metrics import squad_v2_f1
from tqdm import tqdm

from skills.command import exit_status
from skills.dialog import Document, Knowledge
from skills.qa.calibration import Calibration
from skills.qa.closest import closest
from skills.qa.dataset import questions_of
from skills.qa.fitting import (
    Asked,
    IntArray,
    answered_from,
    cross_validated,
    draw_reliability,
    fit,
    fit_ranking,
    offered_from,
    weights_of,
)
from skills.qa.passage_reader import PassageReader
from skills.qa.reader import SquadReader
from skills.retrieval.changes import AddDocument
from skills.retrieval.encoder import SentenceEncoder
from skills.retrieval.retriever import Retriever
from skills.retrieval.shelf_writer import ShelfWriter

FEATURES = ("margin", "lead", "similarity", "retrieval", "coverage", "sentence", "skimmed")
#: What still tells something where every passage that there is was read.
FEATURES_ALL_READ = ("margin", "coverage", "sentence", "skimmed")
#: An answer counts as right from this F1 with an annotator's: it names the same thing.
RIGHT_F1 = 50.0


def main(arguments: list[str]) -> int:
    """Fit, write, print."""
    parser = argparse.ArgumentParser(prog="python -m skills.qa.calibrate")
    parser.add_argument("squad", type=Path)
    parser.add_argument("utterances", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--skim-with", default="", metavar="SIZE")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="ask so many; 0 is all")
    asked = parser.parse_args(arguments)

    def work() -> None:
        utterances = [u for u in asked.utterances.read_text("utf-8").splitlines() if u.strip()]
        rows = held_out_questions(asked.squad, utterances)
        if asked.sample:
            rows = random.Random(2).sample(rows, min(asked.sample, len(rows)))  # noqa: S311
        fit_confidence(SentenceEncoder(), asked.squad, rows, asked.adapter, asked.skim_with)

    return exit_status(work)


def fit_confidence(
    encoder: SentenceEncoder,
    squad: Path,
    rows: Sequence[tuple[str, list[str], str]],
    adapter: Path,
    skim_with: str,
) -> None:
    """Fit the logistic regression of confidence and write it beside the adapter."""
    with tempfile.TemporaryDirectory() as folder:
        # candidates by the reader's margin alone: what stood there before has no say
        _write(Path(folder), Calibration())
        reader = PassageReader(SquadReader(adapter=str(adapter)), calibration=folder, skim_with=skim_with)
        shelf = str(Path(folder) / "valid.db")
        build_shelf(encoder, squad, shelf)
        found, questions, first, similarities = ask(encoder, reader, rows, shelf)
    model, best = fit_ranking(found, questions)
    confidences = cross_validated("the best candidates", best)
    draw_reliability(confidences, best.right, adapter / "reliability.png")
    weights, bias = weights_of(model, FEATURES)
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


def ask(
    encoder: SentenceEncoder, reader: PassageReader, rows: Sequence[tuple[str, list[str], str]], shelf: str
) -> tuple[Asked, IntArray, Asked, list[tuple[str, float]]]:
    """Ask everything of one shelf.

    Returns:
        all candidates, and of which question each is one; the candidate of each question's first passage;
        and the group of each question that is about something else, with the similarity of the sentence
        that comes closest to it.
    """
    retriever = Retriever(encoder)
    similarities: list[tuple[str, float]] = []
    found: list[Any] = []
    firsts: list[Any] = []
    questions: list[int] = []
    for number, (question, answers, group) in enumerate(
        tqdm(rows, desc="asking", unit="question", mininterval=2.0)
    ):
        passages = retriever([question], [Knowledge((shelf,))])
        reading = reader([question], passages)[0]
        if group.startswith(("other ", "talk ")):
            similarities.append((group, closest(question, reading, encoder)[1]))
        candidates = []
        for candidate in reading.candidates:
            right = bool(answers) and squad_v2_f1([answers], [candidate.text]) >= RIGHT_F1
            features = [getattr(candidate.features, name) for name in FEATURES]
            candidates.append((features, float(right), group, bool(answers)))
        found += candidates
        questions += [number] * len(candidates)
        of_first = [n for n, c in enumerate(reading.candidates) if c.passage is passages[0][0]] or [0]
        firsts += candidates[of_first[0] : of_first[0] + 1]
    return _columns(found), np.array(questions), _columns(firsts), similarities


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


def _write(adapter: Path, calibration: Calibration) -> None:
    (adapter / "calibration.json").write_text(json.dumps(asdict(calibration), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
