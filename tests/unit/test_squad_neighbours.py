"""Training examples as a search would bring them: beside related paragraphs."""

from __future__ import annotations

from typing import Any

import pytest

from skills.qa.dataset import SquadBatchIterator

LEASE = [
    "The rent of the flat is 900 euros a month.",
    "The deposit of the flat is three months' rent.",
    "Dogs are welcome, cats are not.",
    "The flat has a cellar and a balcony.",
]
OTHER = ["The lighthouse was built in 1806.", "The flat lands around the lighthouse are marsh."]


def article(contexts: list[str]) -> dict[str, Any]:
    paragraphs = []
    for number, context in enumerate(contexts):
        word = context.split()[-1].strip(".")
        answer = {"text": word, "answer_start": context.rindex(word)}
        question = f"What of {word}?" if number else context.replace("The", "What about the")
        paragraphs.append(
            {"context": context, "qas": [{"id": context, "question": question, "answers": [answer]}]}
        )
    return {"title": contexts[0], "paragraphs": paragraphs}


@pytest.fixture
def data() -> dict[str, Any]:
    return {"train": {"data": [article(LEASE), article(OTHER)]}, "valid": {"data": []}}


def examples(iterator: SquadBatchIterator) -> list[tuple[str, str, str, int]]:
    found = []
    for pairs, targets in iterator.gen_batches(3):
        for (context, question), (texts, starts) in zip(pairs, targets, strict=True):
            found.append((context, question, texts[0], starts[0]))
    return found


def test_a_question_is_set_beside_what_a_search_would_bring(data: dict[str, Any]) -> None:
    iterator = SquadBatchIterator(data, seed=1, neighbours="8")
    assert iterator.n_batches(3) == 18
    added = [e for e in examples(iterator) if e[3] == -1]
    assert len(added) == 48
    own = {question: context for (context, question), _ in iterator.train}
    for context, question, answer, _ in added:
        assert answer == ""
        article_of = LEASE if own[question] in LEASE else OTHER
        assert context in article_of
        assert context != own[question]
    # of four, the three that share words with the question
    beside_rent = {c for c, q, *_ in added if own[q] == LEASE[0]}
    assert LEASE[1] in beside_rent


def test_nothing_is_put_beside_unless_asked(data: dict[str, Any]) -> None:
    found = examples(SquadBatchIterator(data, seed=3))
    assert sorted(context for context, *_ in found) == sorted(LEASE + OTHER)
