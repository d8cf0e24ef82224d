"""Which span of a passage becomes its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from skills.dialog import Passage
from skills.errors import ConfigurationError
from skills.qa import passage_reader
from skills.qa.passage_reader import PassageReader
from skills.qa.sizes import ADAPTERS
from skills.qa.spans import Span, SpanPrediction

TEXT = "The Committee has at least\n4 members.\n  2. When there are fewer than 8, more are named."


STAFF = "Call any of them.\nName: Tom Rey | Phone: 4290\nName: Ann Reed | Phone: 4291\nName: Bo | Phone: 4292"


class OneReader:
    """Finds the given words, best first."""

    adapter_path = str(ADAPTERS / "minilm-squad")

    def __init__(self, text: str, *found: str) -> None:
        self._text = text
        self._found = found

    def predict(self, contexts: Sequence[str], questions: Sequence[str]) -> list[SpanPrediction]:
        spans = [(self._text.index(words), words) for words in self._found]
        made = tuple(Span(s, s + len(w), 9.0 - i) for i, (s, w) in enumerate(spans))
        return [SpanPrediction(made, 1.0, 8.0) for _ in contexts]


def read(*found: str, text: str = TEXT, question: str = "How many?") -> Any:
    passage = Passage("shelf", "d", "rules.txt", None, "", 100, text, 0.5, 0.5)
    reader: Any = OneReader(text, *found)
    return PassageReader(reader)([question], [[passage]])[0].best


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


class CountingReader:
    """Finds a passage's last word, as surely as its length says; remembers what it read."""

    def __init__(self, adapter: str = "", n_threads: int = 1) -> None:
        self.adapter_path = str(ADAPTERS / "minilm-squad")
        self.read: list[list[str]] = []

    def predict(self, contexts: Sequence[str], questions: Sequence[str]) -> list[SpanPrediction]:
        self.read.append(list(contexts))
        ends = [(len(c.rstrip()), c.rstrip().rfind(" ") + 1) for c in contexts]
        return [
            SpanPrediction((Span(start, end, float(end) / 10),), 0.0, 0.0)
            if start
            else SpanPrediction((), 0.0, 0.0)
            for end, start in ends
        ]


def passage(n: int, text: str) -> Passage:
    return Passage("shelf", f"d{n}", f"{n}.txt", None, "", 0, text, 0.5, 0.5)


def test_a_small_reader_reads_all_and_the_large_one_what_it_thinks_most_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passage_reader, "SquadReader", CountingReader)
    large: Any = CountingReader()
    both = PassageReader(large, skim_with="fast", n_reread="2")
    texts = [f"{'so ' * n}word{n}" for n in (3, 9, 1, 7, 5, 8)]
    readings = both(
        ["a?", "b?", "c?"],
        [[passage(n, text) for n, text in enumerate(texts)], [], [passage(7, "one only")]],
    )
    assert both._skimmer is not None
    assert both._skimmer.read == [[*texts[:5], "one only"]]  # type: ignore[attr-defined]
    assert large.read == [[texts[1], texts[3], "one only"]]
    assert [c.text for c in readings[0].candidates] == ["word9", "word7"]
    # those that the large one did not read are still told of, after its own
    assert [c.answer for c in readings[0].considered] == ["word9", "word7", "word5", "word3", "word1"]
    assert readings[1].best is None
    assert readings[2].considered[0].answer == "only"


def test_what_the_small_reader_hardly_believes_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage_reader, "SquadReader", CountingReader)
    texts = [f"{'so ' * n}word{n}" for n in (30, 4, 29)]
    passages = [passage(n, text) for n, text in enumerate(texts)]
    read_again: dict[float, list[str]] = {}
    for share in (0.0, 0.5, 1.0):
        large: Any = CountingReader()
        both = PassageReader(large, skim_with="fast", n_reread=3, reread_from=share)
        reading = both(["a?"], [passages])[0]
        (read_again[share],) = large.read
        assert [c.answer for c in reading.considered] == ["word30", "word29", "word4"]
    assert read_again == {0.0: [texts[0], texts[2], texts[1]], 0.5: [texts[0], texts[2]], 1.0: texts[:1]}


def test_the_share_from_which_is_read_again_is_one() -> None:
    large: Any = CountingReader()
    assert PassageReader(large, reread_from="0.5").reread_from == 0.5
    for wrong in (1.5, "much", float("nan")):
        with pytest.raises(ConfigurationError, match="reread_from expects a number from 0 to 1; got"):
            PassageReader(large, reread_from=wrong)


def test_without_skimming_everything_is_read_by_the_one_reader() -> None:
    large: Any = CountingReader()
    reading = PassageReader(large)(["a?"], [[passage(n, f"so word{n}") for n in range(7)]])[0]
    assert large.read == [[f"so word{n}" for n in range(5)]]
    assert len(reading.candidates) == len(reading.considered) == 5


def test_what_is_known_of_an_answer() -> None:
    text = "Dogs are welcome. Cats and parrots pay 5 euros."
    features = read("5 euros", text=text, question="Which dogs or parrots pay 5 cents?").features
    assert (features.margin, features.lead, features.similarity) == (8.0, 0.0, 0.5)
    # of dogs, parrots, pay, 5, cents
    assert (features.coverage, features.sentence) == pytest.approx((0.4, 0.6))


@pytest.mark.parametrize(
    ("question", "found", "answer"),
    [
        ("What is Ann Reed's number?", ["4290", "4290\nName: Ann Reed", "4292", "4291"], "4291"),
        ("What is Ann Reed's number?", ["4290", "4292"], "4290"),  # nothing in her row
        ("What is the number?", ["4290", "4291"], "4290"),
        ("whats anns number", ["4290", "4291"], "4291"),
        ("Whom may Ann call?", ["any of them", "4291"], "any of them"),  # no row
    ],
)
def test_an_answer_stands_in_the_row_that_is_asked_about(
    question: str, found: list[str], answer: str
) -> None:
    assert read(*found, text=STAFF, question=question).text == answer


def test_an_answer_stays_in_its_sentence_where_it_can() -> None:
    text = "It is limited to the fees paid. Nothing limits it for injury."
    found = ["the fees paid. Nothing limits it", "the fees paid"]
    assert read(*found, text=text, question="Limited to what?").text == "the fees paid"
    assert read(found[0], text=text, question="Limited to what?").text == found[0]
