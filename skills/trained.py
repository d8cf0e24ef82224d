"""What components that are trained have in common: DeepPavlov's and the trainer's side of a learner.

A component made with ``mode="train"`` holds a learner (``skills.learning``), any other holds none.
What one batch is, each component says itself in ``train_on_batch``. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from deeppavlov.core.models.nn_model import NNModel

from skills.errors import ConfigurationError


class TrainedComponent(NNModel):
    """A component that :class:`skills.training.ResumableTrainer` trains.

    Attributes:
        name: what configs and messages call it.
        title: of its weights' card; the checkpoint's name follows.
        about: what the weights are, for the card.
        config: the config that trains it.
        learner: the model in training, or None.
        checkpoint_name: of the base model.
        save_path: folder of the weights that go out, and of their card.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    config: ClassVar[str]

    learner: Any
    checkpoint_name: str
    save_path: Path

    def plan(self, total_steps: int) -> None:
        """Fix the length of the learning-rate schedule."""
        self._learner().plan(total_steps)

    def advance(self, share: float) -> None:
        """Say how much of the training is done, in [0, 1]."""
        self._learner().advance(share)

    def checkpoint(self, state: dict[str, Any]) -> None:
        """Write everything needed to go on."""
        self._learner().checkpoint(state)

    def resume(self) -> dict[str, Any] | None:
        """Go on from the last checkpoint; its state, or None."""
        state: dict[str, Any] | None = self._learner().resume()
        return state

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the weights that go out."""
        self._learner().save(self.save_path)

    def write_card(self, facts: Mapping[str, Any]) -> None:
        """Write the weights' card: what they are, how they were made, what they score.

        Args:
            facts: what the trainer knows: data, epochs, seconds, scores.
        """
        known = {**facts, **asdict(self._learner().recipe)}
        rows = "\n".join(f"| {name.replace('_', ' ')} | {value} |" for name, value in known.items())
        card = (
            f"# {self.title} on {self.checkpoint_name}\n\n{self.about}\n\n"
            f"Made by `python -m deeppavlov train {self.config}`; the scores again by "
            f"`python -m deeppavlov evaluate {self.config}`.\n\n| what | value |\n|---|---|\n{rows}\n"
        )
        (self.save_path / "README.md").write_text(card, "utf-8")

    def load(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: weights are loaded where the component is made, or it is not made."""

    def _learner(self) -> Any:
        """The learner.

        Raises:
            ConfigurationError: if the component was made to be used, not trained.
        """
        if self.learner is None:
            raise ConfigurationError(
                f"{self.name}: built for inference; train with python -m deeppavlov train {self.config}"
            )
        return self.learner
