"""Which skill replies: document questions, such without an answer, and small talk, beside one shelf.

    python -m benchmarks.routing SQUAD_V2_FILE UTTERANCES [--each N] [--reader fast|accurate]

SQUAD_V2_FILE is of SQuAD 2.0's format, UTTERANCES a text file of small talk, one a line. Fifty
paragraphs are put on a shelf. Asked are N questions that one of them answers, N that none does (half
of them written to be unanswerable beside that very paragraph, half about other articles) and N
utterances of small talk. Printed are the confusion matrix, the share routed right, and the
milliseconds of a choice.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import machine, table
from benchmarks.retrieval import build_shelf
from skills.dialog import Document, Knowledge
from skills.qa.calibration import SURE
from skills.selection import Choice

N_PASSAGES = 50
#: A doubtful answer is one that goes out with "I'm not sure the documents say".
ROUTES = ("qa", "qa, doubtful", "none", "chat")
#: Kind of utterance to what should reply.
RIGHT = {
    "answerable": {"qa", "qa, doubtful"},
    "unanswerable": {"none"},
    "about other texts": {"none"},
    "small talk": {"chat"},
}


def draw(
    squad: Any, utterances: Sequence[str], each: int, seed: int = 1337
) -> tuple[list[str], list[tuple[str, str]]]:
    """Paragraphs for the shelf, and what is said: (kind, utterance).

    Args:
        squad: content of a SQuAD 2.0 file.
        utterances: small talk.
        each: utterances of each kind; the two kinds without an answer share theirs.
        seed: of the choice.

    Raises:
        ValueError: if there are not enough of a kind; the message says of which.
    """
    chance = random.Random(seed)
    by_article: list[list[Any]] = [article["paragraphs"] for article in squad["data"]]
    paragraphs = [(n, p) for n, article in enumerate(by_article) for p in article]
    shelf = chance.sample(paragraphs, min(N_PASSAGES, len(paragraphs)))
    there = {n for n, _ in shelf}
    if len(there) == len(by_article):  # one article stays away, for questions about other texts
        away = max(there)
        shelf = chance.sample([(n, p) for n, p in paragraphs if n != away], N_PASSAGES)
        there.discard(away)
    kinds: dict[str, list[str]] = {
        "answerable": [q["question"] for _, p in shelf for q in p["qas"] if q["answers"]],
        "unanswerable": [q["question"] for _, p in shelf for q in p["qas"] if not q["answers"]],
        "about other texts": [
            q["question"] for n, p in paragraphs if n not in there for q in p["qas"] if q["answers"]
        ],
        "small talk": list(utterances),
    }
    numbers = {
        "answerable": each, "unanswerable": each // 2, "about other texts": each - each // 2,
        "small talk": each,
    }  # fmt: skip
    said: list[tuple[str, str]] = []
    for kind, number in numbers.items():
        if len(kinds[kind]) < number:
            raise ValueError(f"expected {number} utterances that are {kind}, found {len(kinds[kind])}")
        said += [(kind, text) for text in chance.sample(kinds[kind], number)]
    return [p["context"] for _, p in shelf], said


def matrix(routed: Sequence[tuple[str, str]]) -> tuple[list[list[str]], float]:
    """Rows of the confusion matrix, and the share routed right.

    Args:
        routed: (kind, what would reply, of ``ROUTES``).
    """
    counts = Counter(routed)
    rows = []
    for kind, right in RIGHT.items():
        row = [counts[kind, route] for route in ROUTES]
        share = sum(counts[kind, route] for route in right) / sum(row) if sum(row) else 0.0
        rows.append([kind, *map(str, row), f"{share:.2f}"])
    return rows, sum(route in RIGHT[kind] for kind, route in routed) / len(routed)


def choosing_chain(reader: str) -> Any:
    """The chain up to the choice of the skill: nothing is generated.

    Args:
        reader: as QUOTH_READER takes it.
    """
    from bot.pipeline import build, config_file, parsed, variables
    from bot.settings import Settings

    filled = parsed(config_file("dialog.json"), variables(Settings(reader=reader)))
    pipe = filled["chainer"]["pipe"]
    upto = next(n for n, part in enumerate(pipe) if part["class_name"].endswith(":SkillChooser"))
    filled["chainer"]["pipe"], filled["chainer"]["out"] = pipe[: upto + 1], ["choices"]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "choosing.json"
        config.write_text(json.dumps(filled), "utf-8")
        return build(config, {})


def routed_to(choice: Choice) -> str:
    """Which of ``ROUTES`` a choice is."""
    return "qa, doubtful" if choice.skill == "qa" and choice.confidence < SURE else choice.skill


def routes(
    reader: str, shelf: Path, said: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, str]], list[float]]:
    """What was chosen for each utterance, of ``ROUTES``, and the milliseconds it took."""
    chain = choosing_chain(reader)
    known = Knowledge((str(shelf),))
    chosen, times = [], []
    for kind, text in said:
        began = time.perf_counter()
        (choice,) = chain([text], [None], [known], [None], [None])
        times.append(1000 * (time.perf_counter() - began))
        chosen.append((kind, routed_to(choice)))
    return chosen, times


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing")
    parser.add_argument("squad", type=Path)
    parser.add_argument("utterances", type=Path)
    parser.add_argument("--each", type=int, default=100, help="utterances of each of the three kinds")
    parser.add_argument("--reader", default="fast", help="as QUOTH_READER takes it")
    asked = parser.parse_args(arguments)
    lines = [line for line in asked.utterances.read_text("utf-8").splitlines() if line.strip()]
    try:
        texts, said = draw(json.loads(asked.squad.read_text("utf-8")), lines, asked.each)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    from skills.retrieval.encoder import SentenceEncoder

    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        shelf = Path(folder) / "shelf.db"
        documents = [Document(f"{n:064x}", f"{n}.txt", text) for n, text in enumerate(texts)]
        build_shelf(shelf, documents, SentenceEncoder())
        chosen, times = routes(asked.reader, shelf, said)
    rows, right = matrix(chosen)
    print(f"{len(said)} utterances beside {len(texts)} paragraphs, reader {asked.reader}")
    print(table(["said", *ROUTES, "right"], rows))
    print(f"routed right: {right:.3f}; milliseconds to the choice, median: {statistics.median(times):.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
