"""One variable, ``SEED``, decides every random choice of a training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skills.batching import seed_of
from skills.errors import ConfigurationError
from skills.qa.dataset import SquadBatchIterator

CONFIGS = [
    path
    for path in sorted((Path(__file__).parents[2] / "configs").glob("*.json"))
    if "dataset_iterator" in json.loads(path.read_text("utf-8"))
]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_examples_and_learner_of_every_training_take_the_same_seed(path: Path) -> None:
    config = json.loads(path.read_text("utf-8"))
    assert config["dataset_iterator"]["seed"] == "{SEED}"
    recipes = [block["recipe"] for block in config["chainer"]["pipe"] if "recipe" in block]
    assert [recipe["seed"] for recipe in recipes] == ["{SEED}"]
    assert isinstance(config["metadata"]["variables"]["SEED"], int)


def test_there_are_trainings() -> None:
    assert {"squad_reader", "small_talk", "lm_from_scratch"} <= {path.stem for path in CONFIGS}


def order(seed: int | str | None) -> list[str]:
    asked = [{"id": str(i), "question": f"Question {i}?", "answers": []} for i in range(12)]
    article = {"title": "", "paragraphs": [{"context": "Some text.", "qas": asked}]}
    iterator = SquadBatchIterator({"train": {"data": [article]}, "valid": {"data": []}}, seed=seed)
    return [question for pairs, _ in iterator.gen_batches(2) for _, question in pairs]


def test_a_seed_from_the_environment_is_the_number_it_says() -> None:
    assert order("7") == order(7)
    assert order(8) != order(7)
    assert order(None) == order(0)


@pytest.mark.parametrize("value", ["", "lucky", "1.5", -1, 2**32, True])
def test_what_is_no_seed_is_told(value: int | str) -> None:
    with pytest.raises(ConfigurationError, match="seed expects a whole number from 0"):
        seed_of(value)
