"""How long reading five passages takes: alone, and with eight conversations asking at once.

    python -m benchmarks.passages [READER ...]

READER is as QUOTH_READER takes it; ``fast`` and ``accurate`` by default. The passages are of our own
making, about 130 words each, the size that documents are cut to.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.reader import pairs_of
from benchmarks.report import machine, table
from bot.pipeline import variables
from bot.settings import Settings
from skills.dialog import Passage
from skills.errors import SkillError
from skills.qa.passage_reader import PassageReader
from skills.qa.reader import SquadReader

N_CONVERSATIONS, N_PASSAGES = 8, 5
HEADS = ["reader", "alone, ms", "eight at once, ms a question", "wait of one of them, ms"]


def asked() -> list[tuple[str, list[Passage]]]:
    """A question and its passages for each conversation, no passage the same."""
    contexts = [context for _, context in pairs_of(None, N_PASSAGES)]
    made = []
    for n, (question, _) in enumerate(pairs_of(None, N_CONVERSATIONS)):
        texts = [f"{context}Sheet {n}, {k}." for k, context in enumerate(contexts)]
        found = [Passage("s", f"{n}.{k}", f"{k}.txt", None, "", 0, t, 0.5, 0.5) for k, t in enumerate(texts)]
        made.append((question, found))
    return made


def measure(name: str) -> list[str]:
    """A row of the table; times are medians."""
    skim_with = variables(Settings(reader=name)).get("SKIM_WITH", "")
    reader = PassageReader(SquadReader(adapter=name), skim_with=skim_with)
    conversations = asked()

    def read(conversation: tuple[str, list[Passage]]) -> float:
        began = time.perf_counter()
        reader([conversation[0]], [conversation[1]])
        return 1000 * (time.perf_counter() - began)

    read(conversations[0])
    alone = [read(conversation) for conversation in conversations]
    began = time.perf_counter()
    with ThreadPoolExecutor(N_CONVERSATIONS) as pool:
        waits = list(pool.map(read, conversations))
    each = 1000 * (time.perf_counter() - began) / N_CONVERSATIONS
    return [name, *(f"{ms:.0f}" for ms in (statistics.median(alone), each, statistics.median(waits)))]


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    print(machine())
    try:
        rows = [measure(name) for name in arguments or ("fast", "accurate")]
    except SkillError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(HEADS, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
