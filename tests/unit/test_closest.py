"""The sentence that is shown where the reader believes in no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from skills.dialog import Passage
from skills.qa.calibration import Features
from skills.qa.closest import MAX_CHARS, closest_sentence
from skills.qa.passage_reader import Candidate, Reading

CLAUSE = "9. Ending it\nEither party may end this with ninety days' notice. All notices must be in writing."


class SubjectEncoder:
    """The cosine of two texts is the share of the first text's long words that the second has."""

    def encode(self, texts: Sequence[str]) -> Any:
        def words(text: str) -> set[str]:
            return {w.strip(".,?'").lower() for w in text.split() if len(w) > 4}

        asked = words(texts[0])
        shares = [len(asked & words(text)) / max(1, len(asked)) for text in texts]
        return np.array([[share, np.sqrt(1 - share**2)] for share in shares])


def read(text: str, answer: str, margin: float, start: int = 50) -> Candidate:
    passage = Passage("shelf", "d", "contract.txt", None, "", start, text, 0.5, 0.5)
    first = start + text.index(answer)
    return Candidate(passage, first, first + len(answer), margin, 0.05, Features(margin, 0, 0.5, 0.5, 0.5))


def closest(question: str, *candidates: Candidate, at_least: float = 0.45) -> Candidate | None:
    encoder: Any = SubjectEncoder()
    return closest_sentence(question, Reading(candidates), encoder, at_least)


def test_a_sentence_about_the_subject_is_found_where_the_reader_looked_elsewhere() -> None:
    found = closest("Which party may end with notice?", read(CLAUSE, "writing", -15.0))
    assert found is not None
    assert found.text == "Either party may end this with ninety days' notice."
    assert found.start == 50 + CLAUSE.index("Either")


def test_the_reader_s_own_words_are_kept_where_they_stand_in_that_sentence() -> None:
    found = closest("Which party may end with notice?", read(CLAUSE, "ninety days' notice", -15.0))
    assert found is not None
    assert found.text == "ninety days' notice"


def test_what_the_reader_thinks_counts_between_sentences_as_close() -> None:
    one = read("The supplier keeps backup copies every single night.", "night", -12.0)
    other = read("The customer makes backup copies before each change.", "change", -2.0)
    found = closest("When are backup copies made?", one, other)
    assert found is not None
    assert found.text == "change"


@pytest.mark.parametrize("question", ["What is the capital of France?", "Which colour has the logo?"])
def test_nothing_comes_close_to_another_subject(question: str) -> None:
    assert closest(question, read(CLAUSE, "ninety", -15.0)) is None
    assert closest(question) is None


def test_a_heading_is_not_what_comes_closest() -> None:
    assert (
        closest("Ending", read("Ending it all\n\nSomething else stands here below it.", "below", -9.0))
        is None
    )


def test_a_long_row_is_cut_to_whole_words_inside_its_passage() -> None:
    row = "deposit " + "and furthermore " * 60
    found = closest("deposit", read(row, "deposit and", 1.0, start=7))
    assert found is not None
    assert found.text == "deposit and"  # the reader's words stay
    cut = closest("furthermore", read(row + ". It ends here now.", "It ends", -5.0, start=7))
    assert cut is not None
    assert len(cut.text) <= MAX_CHARS
    assert cut.text.startswith("deposit and furthermore")
    assert cut.text.endswith(("and", "furthermore"))
    assert cut.end - cut.start == len(cut.text)
