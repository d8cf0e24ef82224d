"""Which span of a passage becomes its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from skills.dialog import Passage
from skills.qa.passage_reader import PassageReader
from skills.qa.sizes import ADAPTERS
from skills.qa.spans import Span, SpanPrediction

TEXT = "The Committee has at least\n4 members.\n  2. When there are fewer than 8, more are named."


class OneReader:
    """Finds the given words, best first."""

    adapter_path = str(ADAPTERS / "minilm-squad")

    def __init__(self, *found: str) -> None:
        self._found = found

    def predict(self, contexts: Sequence[str], questions: Sequence[str]) -> list[SpanPrediction]:
        spans = [(TEXT.index(words), words) for words in self._found]
        made = tuple(Span(s, s + len(w), 9.0 - i) for i, (s, w) in enumerate(spans))
        return [SpanPrediction(made, 1.0) for _ in contexts]


def read(*found: str) -> Any:
    passage = Passage("shelf", "d", "rules.txt", None, "", 100, TEXT, 0.5, 0.5, 0.5)
    reader: Any = OneReader(*found)
    return PassageReader(reader)(["How many?"], [[passage]])[0].best


@pytest.mark.parametrize(
    ("found", "answer", "margin"),
    [
        (["at least\n4 members"], "at least\n4 members", 8.0),  # a line that goes on is no boundary
        (["4 members.\n  2. When", "4 members"], "4 members", 7.0),  # the next best stays in its block
        (["4 members.\n  2. When"], "4 members.", 8.0),  # all run over: the beginning
    ],
)
def test_an_answer_does_not_run_over_a_list_item(found: list[str], answer: str, margin: float) -> None:
    best = read(*found)
    assert best.text == answer
    assert best.start == 100 + TEXT.index(answer)
    assert best.margin == margin
