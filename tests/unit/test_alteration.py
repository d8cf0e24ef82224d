"""Questions altered so that their paragraph no longer answers them."""

import random

import pytest

from skills.qa.alteration import alter
from skills.qa.dataset import SquadBatchIterator

CONTEXT = (
    "The Rhine rises in Switzerland and flows to the North Sea. In 1815 the Congress of Vienna "
    "opened it to ships, in 1868 the Mannheim Act followed. Its largest port is Duisburg."
)


def _ways(question: str) -> set[str | None]:
    return {alter(question, CONTEXT, random.Random(seed)) for seed in range(200)}


def test_a_name_is_swapped_for_another_of_the_paragraph() -> None:
    made = _ways("Where does the river called Rhine end?")
    assert "Where does the river called Switzerland end?" in made
    assert "Where does the river called Duisburg end?" in made


def test_a_number_is_swapped_for_another_of_the_paragraph() -> None:
    assert "What was agreed in 1815?" in _ways("What was agreed in 1868?")


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("What is the largest port?", "What is the smallest port?"),
        ("Which port opened first?", "Which port closed first?"),
        ("Which port opened first?", "Which port opened last?"),
    ],
)
def test_a_word_is_swapped_for_its_opposite(question: str, other: str) -> None:
    assert other in _ways(question)


def test_few_questions_are_negated_and_none_twice() -> None:
    made = [alter("Where does it rise?", CONTEXT, random.Random(seed)) for seed in range(400)]
    assert set(made) <= {"Where doesn't it rise?", "Where does it fall?", None}
    assert 10 < made.count("Where doesn't it rise?") < 100
    assert all(way is None for way in _ways("Where does it not come up?"))


def test_the_words_that_begin_sentences_are_no_names() -> None:
    made = _ways("Which sea does the Rhine reach?")
    assert not any(way is not None and ("Its" in way or "the In " in way) for way in made)


def test_an_altered_question_keeps_its_paragraph_and_has_no_answer() -> None:
    question = {"question": "What was agreed in 1868?", "id": "1"}
    answer = {"text": "the Mannheim Act", "answer_start": CONTEXT.index("the Mannheim Act")}
    article = {
        "title": "Rhine",
        "paragraphs": [{"context": CONTEXT, "qas": [{**question, "answers": [answer]}]}],
    }
    data = {"train": {"data": [article] * 10}, "valid": {"data": []}}
    iterator = SquadBatchIterator(data, seed=3, altered=0.5)
    examples = iterator.epoch_examples(random.Random(3))
    made = [e for e in examples if e[1] == ([""], [-1])]
    assert 0 < len(made) <= 5
    assert len(examples) == 10 + len(made)
    for (context, asked), _ in made:
        assert context == CONTEXT
        assert asked != question["question"]
