"""Recall of the right paragraph, and EM and F1 of the whole chain, on a SQuAD-format file.

    python -m benchmarks.retrieval SQUAD_FILE [SQUAD_FILE ...] [--questions N] [--chain N]

Every paragraph of the files goes onto one shelf as a document of its own, under a name that
gives nothing away; the questions are asked without saying which paragraph they belong to. A
paragraph counts as found when any passage of it is among the first k documents. With
``--chain`` questions also go through configs/dialog.json: answers as they would be sent,
compared with the reader's when it is told the paragraph, and every quote with its source.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import machine, table
from skills.dialog import Document, Knowledge, Preferences, Reply
from skills.retrieval import database
from skills.retrieval.encoder import SentenceEncoder
from skills.retrieval.fusion import SIMILARITY_WEIGHT
from skills.retrieval.search import search
from skills.retrieval.updating import add_document

CUTS = (1, 5, 20)
WAYS = {"BM25": 0.0, "embeddings": 1.0, "both": SIMILARITY_WEIGHT}


_OWNER = "SELECT d.id FROM passages p JOIN documents d ON d.number = p.document WHERE p.id = ?"


@dataclass(frozen=True)
class Question:
    """A question with what is known of its answer."""

    text: str
    answers: tuple[str, ...]
    document: Document


def read_questions(files: Sequence[Path]) -> list[Question]:
    """The answerable questions of SQuAD-format files."""
    found = []
    for file in files:
        for article in json.loads(file.read_text("utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                text = paragraph["context"]
                digest = hashlib.sha256(text.encode()).hexdigest()
                document = Document(digest, f"{digest[:12]}.txt", text)
                for qa in paragraph["qas"]:
                    if answers := tuple(answer["text"] for answer in qa["answers"]):
                        found.append(Question(qa["question"], answers, document))
    return found


def build_shelf(shelf: Path, documents: Sequence[Document], encoder: SentenceEncoder) -> float:
    """Put documents on a shelf; the seconds it took."""
    began = time.perf_counter()
    for n, document in enumerate(documents, 1):
        add_document(shelf, document, encoder)
        if sys.stderr.isatty():
            print(f"\r  {n} of {len(documents)} paragraphs", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return time.perf_counter() - began


def embed(questions: Sequence[Question], encoder: SentenceEncoder) -> tuple[list[Any], float]:
    """The questions' vectors, made one by one as in a conversation, and the median of the ms."""
    vectors, times = [], []
    for question in questions:
        began = time.perf_counter()
        vectors.append(encoder.encode([question.text])[0])
        times.append(1000 * (time.perf_counter() - began))
    return vectors, statistics.median(times)


def recall(
    shelf: Path, questions: Sequence[Question], vectors: Sequence[Any], similarity_weight: float
) -> tuple[list[int], list[float]]:
    """Rank of the right document for each question (0 is the first, a large one is not found), and ms."""
    ranks, times = [], []
    for question, vector in zip(questions, vectors, strict=True):
        began = time.perf_counter()
        with database.reading(shelf) as connection:
            assert connection is not None
            hits = search(connection, question.text, vector, 3 * max(CUTS), similarity_weight)
            times.append(1000 * (time.perf_counter() - began))
            owners = [connection.execute(_OWNER, (hit.passage_id,)).get for hit in hits]
        distinct = list(dict.fromkeys(owners))
        right = question.document.id
        ranks.append(distinct.index(right) if right in distinct else 1_000_000)
    return ranks, times


def chain_figures(shelf: Path, questions: Sequence[Question]) -> list[list[str]]:
    """Rows of a table: EM and F1 of the chain, and of its reader when told the paragraph."""
    from deeppavlov import build_model
    from deeppavlov.metrics.squad_metrics import squad_v1_exact_match, squad_v1_f1

    root = Path(__file__).resolve().parent.parent
    chain: Any = build_model(str(root / "configs" / "dialog.json"))
    reader = next(part for _, _, part in chain.pipe if hasattr(part, "reader")).reader
    known = Knowledge((str(shelf),))
    only = Preferences(only_documents=True)  # nothing is to be generated
    replies: list[Reply] = []
    times = []
    for question in questions:
        began = time.perf_counter()
        replies += chain([question.text], [None], [known], [None], [only])
        times.append(1000 * (time.perf_counter() - began))
    told = [reader([q.document.text], [q.text])[0][0] for q in questions]
    best = [reply.considered[0].answer if reply.considered else "" for reply in replies]
    sent = [reply.text if reply.skill == "qa" else "" for reply in replies]
    truth = [list(question.answers) for question in questions]
    measures: tuple[Callable[..., float], ...] = (squad_v1_exact_match, squad_v1_f1)
    rows = [
        [name, *(f"{measure(truth, answers):.1f}" for measure in measures)]
        for name, answers in (
            ("reader, told the paragraph", told),
            ("chain, best answer", best),
            ("chain, as sent", sent),
        )
    ]
    f1 = [float(row[2]) for row in rows]
    rows.append(["best answer / told", "", f"{f1[1] / f1[0]:.2f}"])
    rows.append(["as sent / told", "", f"{f1[2] / f1[0]:.2f}"])
    evidence = [e for reply in replies for e in (reply.evidence, *reply.also) if e is not None]
    texts = {question.document.id: question.document.text for question in questions}
    wrong = sum(texts.get(e.document_id, e.quote)[e.start : e.end] != e.quote for e in evidence
                if e.document_id in texts)  # fmt: skip
    rows.append([f"quotes that differ from their source, of {len(evidence)}", "", str(wrong)])
    rows.append(["answered, of all", "", f"{sum(map(bool, sent)) / len(sent):.2f}"])
    shown = [reply.evidence.quote.casefold() if reply.evidence else "" for reply in replies]
    holding = sum(
        any(answer.casefold() in quote for answer in question.answers)
        for question, quote in zip(questions, shown, strict=True)
    )
    rows.append(["a quote shown, as answer or closest", "", f"{sum(map(bool, shown)) / len(shown):.2f}"])
    rows.append(["the quote shown has the answer in it", "", f"{holding / len(shown):.2f}"])
    rows.append(["ms a question, median", "", f"{statistics.median(times):.0f}"])
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--questions", type=int, default=0, help="ask so many, drawn at random; 0 is all")
    parser.add_argument("--chain", type=int, default=0, help="put so many through the whole chain as well")
    parser.add_argument("--shelf", type=Path, help="keep the shelf here and take it if it is there")
    chosen = parser.parse_args(arguments)

    every = read_questions(chosen.files)
    documents = list({question.document.id: question.document for question in every}.values())
    drawn = random.Random(1337).sample(every, min(chosen.questions or len(every), len(every)))
    encoder = SentenceEncoder()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        shelf = chosen.shelf or Path(folder) / "squad.db"
        took = build_shelf(shelf, documents, encoder)
        print(f"{len(documents)} paragraphs on the shelf in {took:.0f} s; {len(drawn)} questions")
        vectors, embedding_ms = embed(drawn, encoder)
        rows = []
        for name, similarity_weight in WAYS.items():
            ranks, times = recall(shelf, drawn, vectors, similarity_weight)
            shares = [sum(rank < cut for rank in ranks) / len(ranks) for cut in CUTS]
            rows.append([name, *(f"{share:.3f}" for share in shares), f"{statistics.median(times):.1f}"])
        print(table(["search", *(f"recall@{cut}" for cut in CUTS), "search ms"], rows))
        print(f"embedding a question: {embedding_ms:.1f} ms, once for embeddings and both")
        if chosen.chain:
            asked = drawn[: chosen.chain]
            print(f"\nthe whole chain, {len(asked)} questions")
            print(table(["", "EM", "F1"], chain_figures(shelf, asked)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
