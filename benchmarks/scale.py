"""How a shelf's cost grows: 1,000, 10,000 and 100,000 passages.

    python -m benchmarks.scale [N ...]

The texts are made up: words as frequent as Zipf's law has it, of which the most frequent 120 are
stop words; 15 to a sentence, 500 passages to a document. A question's words together stand in
about every seventh passage, as those of SQuAD's questions do in its paragraphs. Only a few
hundred passages are embedded; the rest of the vectors are those, disturbed at random, which
changes nothing about the cost of storing and searching them. What embedding everything would
take is measured and given in a column of its own: made-up words have twice the word pieces of
English ones, so English takes about half of it. Every question is embedded.
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import machine, table
from skills.dialog import Document, Knowledge, Progress
from skills.retrieval.encoder import SentenceEncoder
from skills.retrieval.index import list_documents
from skills.retrieval.retriever import Retriever
from skills.retrieval.updating import add_document
from skills.retrieval.words import STOP_WORDS

SIZES = (1_000, 10_000, 100_000)
N_EMBEDDED = 200
N_QUESTIONS = 200
PASSAGES_A_DOCUMENT = 500
STOP = sorted(w for w in STOP_WORDS if w.isascii())[:120]
SYLLABLES = "ba re ti mo ku sen lor pa ni gru fe dal ost vi ca hem zu jo ry wex".split()  # noqa: SIM905


class Writer:
    """Makes up texts and questions about them."""

    def __init__(self, seed: int, n_words: int = 120_000, exponent: float = 1.0) -> None:
        self._random = np.random.default_rng(seed)
        weights = 1.0 / np.arange(1, n_words + 1) ** exponent
        self._cumulative = np.cumsum(weights / weights.sum())
        names = ["".join(SYLLABLES[int(d)] for d in np.base_repr(i, 20).translate(_DIGITS).split())
                 for i in range(20, n_words + 20)]  # fmt: skip
        self._words = np.array([*STOP, *names][:n_words], dtype=object)

    def words(self, n: int) -> list[str]:
        """Words as frequent as they are in texts."""
        ranks = np.searchsorted(self._cumulative, self._random.random(n))
        return list(self._words[np.minimum(ranks, len(self._words) - 1)])

    def text(self, n_sentences: int) -> str:
        """Sentences of 15 words in paragraphs of eight."""
        words = self.words(15 * n_sentences)
        sentences = [" ".join(words[i : i + 15]).capitalize() + "." for i in range(0, len(words), 15)]
        return "\n\n".join(" ".join(sentences[i : i + 8]) for i in range(0, len(sentences), 8))

    def question(self) -> str:
        """Seven words as frequent as they come, and two of the most frequent that are searched for."""
        frequent = self._random.choice(self._words[len(STOP) : len(STOP) + 100], 2)
        return f"What is {' '.join([*self.words(7), *frequent])}?"


_DIGITS = {ord(c): f"{int(c, 20)} " for c in "0123456789ABCDEFGHIJ"}


class DisturbedEncoder:
    """Vectors of a few hundred embedded passages, disturbed, for any number of texts."""

    def __init__(self, encoder: SentenceEncoder, texts: Sequence[str]) -> None:
        self.name, self.n_dimensions = encoder.name, encoder.n_dimensions
        began = time.perf_counter()
        self._vectors = encoder.encode(texts)
        self.seconds_each = (time.perf_counter() - began) / len(texts)
        self._random = np.random.default_rng(7)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Any:
        """One vector a text, shape (n_texts, n_dimensions)."""
        chosen = self._vectors[self._random.integers(0, len(self._vectors), len(texts))]
        noise = self._random.standard_normal(chosen.shape).astype(np.float32) / np.sqrt(self.n_dimensions)
        vectors = chosen + 0.8 * noise
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def build(shelf: Path, n: int) -> dict[str, float]:
    """A shelf of at least ``n`` passages."""
    writer = Writer(seed=n)
    encoder = SentenceEncoder()
    encode = DisturbedEncoder(encoder, [writer.text(8) for _ in range(N_EMBEDDED)])
    n_passages, seconds, number = 0, 0.0, 0
    while n_passages < n:
        text = writer.text(8 * min(PASSAGES_A_DOCUMENT, n - n_passages))
        document = Document(hashlib.sha256(text.encode()).hexdigest(), f"{number}.txt", text)
        began = time.perf_counter()
        entries = add_document(shelf, document, encode)
        seconds += time.perf_counter() - began
        n_passages, number = sum(entry.n_passages for entry in entries), number + 1
    return {"passages": n_passages, "build_s": seconds, "embed_s": n_passages * encode.seconds_each}


def ask(shelf: Path) -> dict[str, float]:
    """Searches of a warm shelf, in ms, the embedding of the question included."""
    writer = Writer(seed=sum(entry.n_passages for entry in list_documents(shelf)))
    retriever = Retriever(SentenceEncoder(), k=10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    known = [Knowledge((str(shelf),))]
    questions = [writer.question() for _ in range(N_QUESTIONS)]
    times = []
    for n, question in enumerate(questions[:10] + questions):
        began = time.perf_counter()
        found = retriever([question], known)[0]
        if n >= 10:  # the first ones read the file from the disk
            times.append(1000 * (time.perf_counter() - began))
        assert found
    times.sort()
    return {
        "median": statistics.median(times),
        "p95": times[int(0.95 * len(times))],
        "most": times[-1],
        "memory_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    }


def worker(step: str, shelf: str, n: str) -> int:
    """One step in this process; prints its figures as JSON."""
    random.seed(0)
    print(json.dumps(build(Path(shelf), int(n)) if step == "build" else ask(Path(shelf))))
    return 0


def main(arguments: Sequence[str]) -> int:
    """Measure every size and print."""
    if arguments[:1] == ["--worker"]:
        return worker(*arguments[1:])
    print(machine())
    rows = []
    for n in [int(a.replace(",", "")) for a in arguments] or SIZES:
        with tempfile.TemporaryDirectory() as folder:
            shelf = Path(folder) / "scale.db"
            figures: dict[str, float] = {}
            for step in ("build", "ask"):
                command = [sys.executable, "-m", "benchmarks.scale", "--worker", step, str(shelf), str(n)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                figures |= json.loads(done.stdout.splitlines()[-1])
            rows.append(
                [
                    f"{figures['passages']:,.0f}",
                    f"{figures['build_s']:.1f}",
                    f"{figures['embed_s']:.0f}",
                    f"{shelf.stat().st_size / 1e6:.1f}",
                    f"{figures['memory_mb']:.0f}",
                    *(f"{figures[key]:.1f}" for key in ("median", "p95", "most")),
                ]
            )
    heads = ["passages", "build s", "embedding s*", "disk MB", "memory MB", "search ms", "p95", "most"]
    print(table(heads, rows))
    print(f"* reckoned from {N_EMBEDDED} passages; the vectors on the shelf are these, disturbed.")
    print("  memory: what searching adds to the process. search: with the embedding of the question.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
