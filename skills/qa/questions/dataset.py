"""Paragraphs with their questions, from SQuAD-format files: what the writer of questions learns from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from deeppavlov.core.data.data_learning_iterator import DataLearningIterator

from skills.batching import PooledBatches, seed_of, spread
from skills.errors import whole_number
from skills.qa.questions.paragraphs import Paragraph
from skills.qa.questions.wording import Question

#: A paragraph and some questions about it.
Asked = tuple[Paragraph, tuple[Question, ...]]
Example = tuple[Asked, str]
#: A paragraph, and each question with the texts of its answers ("" for none).
_Annotated = tuple[Paragraph, list[tuple[str, list[str]]]]


class QuestionsIterator(PooledBatches, DataLearningIterator):
    """Batches of paragraphs, each epoch with their questions in another order and other annotators' answers.

    Args:
        data: what ``skills.qa.dataset.SquadFolderReader`` gave.
        n_questions: most questions beside a paragraph; more of them make another example.
        n_valid: paragraphs to validate on at most.
        seed: of every random choice.
        pool: how many batches are sorted by length together.

    Raises:
        ConfigurationError: if a number is none or out of range.
    """

    def __init__(
        self,
        data: dict[str, Any],
        n_questions: int | str = 7,
        n_valid: int | str = 24,
        seed: int | str | None = None,
        pool: int = 16,
        **kwargs: Any,
    ) -> None:
        self.n_questions = whole_number("questions: n_questions", n_questions, 1, 100)
        self.seed = seed_of(seed)
        self.pool = pool
        self.paragraphs = list(_paragraphs(data["train"]))
        random = Random(self.seed)  # noqa: S311
        valid = spread(
            list(_paragraphs(data.get("valid") or {"data": []})),
            whole_number("questions: n_valid", n_valid, 0, 100_000),
        )
        drawn = {
            "train": self._examples(self.paragraphs, random),
            "valid": self._examples(valid, random),
            "test": [],
        }
        super().__init__(drawn, seed, **kwargs)

    def epoch_examples(self, random: Random) -> list[Example]:
        """Paragraphs with their questions as drawn anew."""
        return self._examples(self.paragraphs, random)

    def length_of(self, example: Example) -> int:
        """Characters of a paragraph and its questions."""
        paragraph, questions = example[0]
        return len(paragraph.text) + sum(len(q.text) + len(q.answer) for q in questions)

    def n_batches(self, batch_size: int) -> int:
        """How many batches an epoch of training has."""
        return -(-len(self.train) // batch_size)

    def _examples(self, paragraphs: Iterable[_Annotated], random: Random) -> list[Example]:
        made: list[Example] = []
        for paragraph, asked in paragraphs:
            chosen = [Question(text, random.choice(answers)) for text, answers in asked]
            random.shuffle(chosen)
            for first in range(0, len(chosen), self.n_questions):
                part = tuple(chosen[first : first + self.n_questions])
                # a paragraph again for a question or two costs more than it teaches
                if not first or 2 * len(part) > self.n_questions:
                    made.append(((paragraph, part), ""))
        return made


def _paragraphs(data: dict[str, Any]) -> Iterator[_Annotated]:
    """The paragraphs that are asked about."""
    for article in data["data"]:
        title = str(article.get("title", "")).replace("_", " ")
        for paragraph in article["paragraphs"]:
            asked = [
                (" ".join(qa["question"].split()), [a["text"] for a in qa["answers"]] or [""])
                for qa in paragraph["qas"]
            ]
            if asked:
                yield Paragraph(title, " ".join(paragraph["context"].split())), asked
