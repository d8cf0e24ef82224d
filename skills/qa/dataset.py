"""SQuAD-format files as DeepPavlov data: the reader of a folder and the iterator over it.

DeepPavlov's own ``squad_dataset_reader`` fetches the public training set when there is
internet; this one reads whatever files of that format a folder holds. The iterator is
DeepPavlov's, with batches of similar length, a random annotator's answer, and questions
set beside passages that do not answer them.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from deeppavlov.core.data.dataset_reader import DatasetReader
from deeppavlov.dataset_iterators.squad_iterator import SquadIterator

from skills.batching import PooledBatches, seed_of
from skills.errors import ConfigurationError
from skills.qa.alteration import alter

Example = tuple[tuple[str, str], tuple[list[str], list[int]]]


class SquadFolderReader(DatasetReader):
    """Reads every SQuAD-format file of a folder, as ``squad_folder_reader``."""

    def read(self, data_path: str, valid: str = "valid", **_: Any) -> dict[str, dict[str, Any]]:
        """Read ``*.json`` of a folder.

        Files whose name begins with ``valid`` or ``dev-`` are for validation, the others for
        training; a question that stands in two files (by id) is taken once, the file with
        ``is_impossible`` marks first.

        Args:
            data_path: the folder.
            valid: which files of the folder are for validation, by the beginning of the name;
                ``valid-v2`` picks one of several.

        Returns:
            ``{"train": …, "valid": …}``, each in the format of a SQuAD file.

        Raises:
            ConfigurationError: if the folder holds no such file or one is not of that format.
        """
        folder = Path(data_path).expanduser()
        files = sorted(folder.glob("*.json"), reverse=True)
        if not files:
            raise ConfigurationError(f"{folder}: expected *.json files in SQuAD's format, found none")
        held_out = [f for f in files if f.name.startswith(("valid", "dev-"))]
        train = [f for f in files if f not in held_out]
        chosen = [f for f in held_out if f.name.startswith((valid, "dev-"))]
        return {"train": merged(train), "valid": merged(chosen or held_out)}


class SquadBatchIterator(PooledBatches, SquadIterator):
    """DeepPavlov's SQuAD iterator, with batches that cost and teach more evenly.

    Args:
        data: what the reader gave.
        seed: of every random choice.
        shuffle: whether the training order is shuffled.
        mismatched: share of training examples added that set a question beside a paragraph
            of another article; none of them has an answer.
        utterances_path: a text file of small talk, one utterance a line, or None.
        small_talk: share of training examples added that set such an utterance beside a
            paragraph.
        neighbours: share of training examples added that set a question beside a paragraph of its
            own article that shares words with it, as a search brings them. They are marked as without an
            answer, which a teacher may know better.
        altered: share of training examples added whose question has a name, number or word changed
            (``skills.qa.alteration``), marked as without an answer likewise.
        pool: how many batches are sorted by length together.
    """

    def __init__(
        self,
        data: dict[str, Any],
        seed: int | str | None = None,
        shuffle: bool = True,
        mismatched: float = 0.0,
        utterances_path: str | None = None,
        small_talk: float = 0.0,
        neighbours: float | str = 0.0,
        altered: float | str = 0.0,
        pool: int = 50,
        **kwargs: Any,
    ) -> None:
        articles = [[p["context"] for p in a["paragraphs"]] for a in data["train"].get("data", [])]
        self.article_of = {context: article for article in articles for context in article}
        self.seed = seed_of(seed)
        super().__init__(data, self.seed, shuffle)
        # a variable set in the environment arrives as a string
        self.neighbours = float(neighbours)
        self.altered = float(altered)
        self.mismatched = mismatched
        self.small_talk = small_talk
        self.pool = pool
        self.utterances: list[str] = []
        if utterances_path:
            lines = Path(utterances_path).expanduser().read_text("utf-8").splitlines()
            self.utterances = [line.strip() for line in lines if line.strip()]

    def length_of(self, example: Example) -> int:
        """Characters of context and question."""
        (context, question), _ = example
        return len(context) + len(question)

    def n_batches(self, batch_size: int) -> int:
        """How many batches an epoch of training has."""
        n = len(self.train)
        n += int(n * self.mismatched) + int(n * self.neighbours) + int(n * self.altered)
        n += int(len(self.train) * self.small_talk) if self.utterances else 0
        return -(-n // batch_size)

    def epoch_examples(self, random: Random) -> list[Example]:
        """An annotator's answer for each question, and questions set beside other passages."""
        examples: list[Example] = []
        for (context, question), (texts, starts) in self.train:
            pick = random.randrange(len(texts))
            examples.append(((context, question), ([texts[pick]], [starts[pick]])))
        contexts = sorted({context for (context, _), _ in self.train})
        n = len(self.train)
        for _ in range(int(n * self.mismatched)):
            _, question = self.train[random.randrange(n)][0]
            own = {c for (c, q), _ in self.train if q == question} if n < 2000 else set()
            context = contexts[random.randrange(len(contexts))]
            if context not in own:
                examples.append(((context, question), ([""], [-1])))
        for _ in range(int(n * self.neighbours)):
            context, question = self.train[random.randrange(n)][0]
            near = self._near(question, context, 3)
            if near:
                examples.append(((random.choice(near), question), ([""], [-1])))
        answered = [pair for pair, (_, starts) in self.train if starts[0] >= 0] if self.altered else []
        for _ in range(int(n * self.altered) if answered else 0):
            context, question = random.choice(answered)
            other = alter(question, context, random)
            if other is not None:
                examples.append(((context, other), ([""], [-1])))
        if self.utterances:
            for _ in range(int(n * self.small_talk)):
                context = contexts[random.randrange(len(contexts))]
                utterance = self.utterances[random.randrange(len(self.utterances))]
                examples.append(((context, utterance), ([""], [-1])))
        return examples

    def _near(self, question: str, context: str, n: int) -> list[str]:
        """The ``n`` other paragraphs of the context's article that share most words with the question."""
        return most_alike(question, [c for c in self.article_of.get(context, []) if c != context], n)


def most_alike(question: str, texts: Sequence[str], n: int) -> list[str]:
    """The ``n`` texts that share most words with a question, the most first."""
    asked = _words(question)
    return heapq.nlargest(n, texts, key=lambda text: len(asked & _words(text)))


def questions_of(squad: Path, kind: str) -> list[tuple[str, str, list[str], str]]:
    """(article, question, answers, context) of the folder's ``train*`` or ``valid*`` files."""
    data = SquadFolderReader().read(str(squad))[kind]
    return [
        (article["title"], qa["question"], _texts(qa), paragraph["context"])
        for article in data["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


@lru_cache(maxsize=100_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(w for w in re.findall(r"\w+", text.lower()) if len(w) > 3)


def _texts(qa: dict[str, Any]) -> list[Any]:
    return [answer["text"] for answer in qa["answers"]]


def merged(files: list[Path]) -> dict[str, Any]:
    """SQuAD-format files put together; a question is told by its id, the first file that has it wins.

    Raises:
        ConfigurationError: if a file is not of that format.
    """
    articles: list[Any] = []
    seen: set[str] = set()
    for file in files:
        try:
            content = json.loads(file.read_text("utf-8"))
            for article in content["data"]:
                paragraphs = []
                for paragraph in article["paragraphs"]:
                    questions = [qa for qa in paragraph["qas"] if qa["id"] not in seen]
                    seen.update(qa["id"] for qa in questions)
                    for qa in questions:
                        qa.setdefault("answers", [])
                        if not all(isinstance(text, str) for text in (qa["question"], *_texts(qa))):
                            raise TypeError("a question or an answer is no text")
                    paragraphs.append({"context": paragraph["context"], "qas": questions})
                articles.append({"title": article.get("title", ""), "paragraphs": paragraphs})
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{file}: expected a file in SQuAD's format (data, paragraphs, qas): {error!r}"
            ) from error
    return {"data": articles}
