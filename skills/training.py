"""Training that can be stopped: DeepPavlov's trainer with checkpoints, resume and progress.

Every trainable component of the project is trained by :class:`ResumableTrainer`. It asks of
the main component ``plan(total_steps)``, ``train_on_batch`` (DeepPavlov's), ``save`` (the weights
that go out), ``write_card(facts)``, ``checkpoint(state)`` and ``resume() -> state`` (everything
needed to go on after a stop).
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from logging import getLogger
from typing import Any

from deeppavlov.core.trainers.nn_trainer import NNTrainer
from deeppavlov.core.trainers.utils import NumpyArrayEncoder
from tqdm import tqdm

#: DeepPavlov's own channel for what a training run tells a person.
log = getLogger("train_report")


@dataclass
class TrainingState:
    """How far a training came; stored with every checkpoint."""

    epoch: int = 0
    batch: int = 0
    batches_seen: int = 0
    best_score: float | None = None
    seconds: float = 0.0


class ResumableTrainer(NNTrainer):
    """DeepPavlov's batch trainer, made to survive a stop.

    Differs from :class:`NNTrainer`: tells the component beforehand how many steps there will
    be (for the learning-rate schedule), shows loss and time left, writes a checkpoint every
    ``checkpoint_every_s`` seconds and goes on from it, within the epoch.

    Args:
        chainer_config: the ``chainer`` block of the config.
        checkpoint_every_s: seconds between two checkpoints.
        **kwargs: those of :class:`NNTrainer` (epochs, batch_size, metrics, …).
    """

    def __init__(self, chainer_config: dict[str, Any], *, checkpoint_every_s: float = 120.0, **kwargs: Any):
        # a variable taken from the environment arrives as a string
        kwargs = {**kwargs, **{k: int(kwargs[k]) for k in ("epochs", "batch_size") if k in kwargs}}
        super().__init__(chainer_config, **kwargs)
        self.checkpoint_every_s = checkpoint_every_s

    def train(self, iterator: Any) -> None:
        """Train, and evaluate afterwards what was trained and not what the config shipped with."""
        super().train(iterator)
        self._saved = True

    def train_on_batches(self, iterator: Any) -> None:
        """Train for ``epochs`` epochs, validating and saving the best after each."""
        component = self._chainer.get_main_component()
        per_epoch = iterator.n_batches(self.batch_size)
        epochs = max(self.max_epochs, 1)
        component.plan(total_steps=per_epoch * epochs)
        state = TrainingState(**(component.resume() or {}))
        began = time.monotonic() - state.seconds
        self.start_time = time.time() - state.seconds
        self.train_batches_seen = state.batches_seen
        self.score_best = state.best_score
        if state.batches_seen:
            log.info(f"Resuming at batch {state.batch} of epoch {state.epoch + 1}")
        last_checkpoint = time.monotonic()
        for epoch in range(state.epoch, epochs):
            iterator.epoch = self.epoch = epoch
            skip = state.batch if epoch == state.epoch else 0
            bar = tqdm(
                total=per_epoch, initial=skip, desc=f"epoch {epoch + 1}/{epochs}", unit="batch", mininterval=2
            )
            smooth: float | None = None
            for index, (x, y) in enumerate(iterator.gen_batches(self.batch_size, data_type="train")):
                if index < skip:
                    continue
                result = self._chainer.train_on_batch(x, y)
                loss = float(result["loss"] if isinstance(result, dict) else result)
                smooth = loss if smooth is None else 0.98 * smooth + 0.02 * loss
                bar.update()
                bar.set_postfix(loss=f"{smooth:.3f}", refresh=False)
                self.train_batches_seen += 1
                self.examples += len(x)
                if time.monotonic() - last_checkpoint > self.checkpoint_every_s:
                    seconds = time.monotonic() - began
                    component.checkpoint(
                        asdict(
                            TrainingState(epoch, index + 1, self.train_batches_seen, self.score_best, seconds)
                        )
                    )
                    last_checkpoint = time.monotonic()
                if 0 < self.max_batches <= self.train_batches_seen:
                    break
            bar.close()
            self._keep_best(iterator, component, loss=smooth)
            component.checkpoint(
                asdict(
                    TrainingState(
                        epoch + 1, 0, self.train_batches_seen, self.score_best, time.monotonic() - began
                    )
                )
            )
            if 0 < self.max_batches <= self.train_batches_seen:
                break
        self.epoch = epochs
        self.validation_number = 1
        log.info(
            json.dumps(
                {"train": {"batches": self.train_batches_seen, "seconds": round(time.monotonic() - began)}}
            )
        )

    def _keep_best(self, iterator: Any, component: Any, loss: float | None) -> None:
        """Validate, and save the weights where the first metric improved."""
        facts = {
            "training examples": len(iterator.data["train"]),
            "epochs": self.epoch + 1,
            "batch size": self.batch_size,
            "seconds": round(time.time() - self.start_time),
        }
        if not iterator.data["valid"]:
            component.save()
            component.write_card(facts)
            return
        report = self.test(
            iterator.gen_batches(self.batch_size, data_type="valid", shuffle=False),
            start_time=self.start_time,
        )
        report["epochs_done"] = self.epoch + 1
        report["loss"] = loss
        log.info(json.dumps({"valid": report}, cls=NumpyArrayEncoder))
        score = next(iter(report["metrics"].values()))
        if self.score_best is None or self.improved(score, self.score_best):
            self.score_best = float(score)
            component.save()
            component.write_card({**facts, **report["metrics"]})
