"""Training that can be stopped: DeepPavlov's trainer with checkpoints, resume and progress.

Every trainable component of the project is trained by :class:`ResumableTrainer`. It asks of
the main component ``plan(total_steps)``, ``train_on_batch`` (DeepPavlov's), ``save`` (the weights
that go out), ``write_card(facts)``, ``checkpoint(state)`` and ``resume() -> state`` (everything
needed to go on after a stop). Where the component has them, it also calls ``advance(share)`` before
each batch, with how much of the training is done, and ``record(history)`` after each validation.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from logging import getLogger
from typing import Any

from deeppavlov.core.trainers.nn_trainer import NNTrainer
from deeppavlov.core.trainers.utils import NumpyArrayEncoder

from skills.training_progress import Progress

#: DeepPavlov's own channel for what a training run tells a person.
log = getLogger("train_report")


@dataclass
class TrainingState:
    """How far a training came; stored with every checkpoint.

    Attributes:
        epoch: epochs done.
        batch: batches done of the one after.
        batches_seen: batches done in all.
        best_score: best of the first metric so far.
        seconds: time spent, stops not counted.
        cpu_seconds: processor time of the process in that time, all its threads together.
        tokens: tokens learnt from, where the component counts them.
        unimproved: validations since the best one, those at a stop left out.
        history: what each validation found.
    """

    epoch: int = 0
    batch: int = 0
    batches_seen: int = 0
    best_score: float | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    tokens: int = 0
    unimproved: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


class ResumableTrainer(NNTrainer):
    """DeepPavlov's batch trainer, made to survive a stop.

    Differs from :class:`NNTrainer`: tells the component how far the training is (for the learning-rate
    schedule), shows loss and time left, writes a checkpoint every ``checkpoint_every_s`` seconds and
    when it is interrupted, and goes on from it, within the epoch.

    Args:
        chainer_config: the ``chainer`` block of the config.
        checkpoint_every_s: seconds between two checkpoints.
        time_limit_s: the training ends after so many seconds, if its epochs did not end it before; 0 is
            no limit.
        validate_every_s: seconds between two validations within an epoch; 0 validates after each epoch
            only.
        validation_patience: the training ends after so many validations in a row without a better
            score, those at a stop left out; 0 or less never does.
        **kwargs: those of :class:`NNTrainer` (epochs, batch_size, metrics, …).
    """

    def __init__(
        self,
        chainer_config: dict[str, Any],
        *,
        checkpoint_every_s: float | str = 120.0,
        time_limit_s: float | str = 0.0,
        validate_every_s: float | str = 0.0,
        validation_patience: int | str = 0,
        **kwargs: Any,
    ):
        # a variable taken from the environment arrives as a string
        counts = {k: int(kwargs[k]) for k in ("epochs", "batch_size", "max_batches") if k in kwargs}
        super().__init__(chainer_config, validation_patience=int(validation_patience), **(kwargs | counts))
        self.checkpoint_every_s = float(checkpoint_every_s)
        self.time_limit_s = float(time_limit_s)
        self.validate_every_s = float(validate_every_s)
        self.n_epochs: int = max(self.max_epochs, 1)
        self.per_epoch: int = 0
        self.state = TrainingState()
        self._interrupted = False
        self._measured_at = (0.0, 0.0)

    def train(self, iterator: Any) -> None:
        """Train, and evaluate afterwards what was trained and not what the config shipped with."""
        super().train(iterator)
        self._saved = True

    def train_on_batches(self, iterator: Any) -> None:
        """Train until the epochs, the time or the patience are at an end, saving the best."""
        component = self._chainer.get_main_component()
        self.per_epoch = iterator.n_batches(self.batch_size)
        component.plan(total_steps=self.per_epoch * self.n_epochs)
        state = self.state = TrainingState(**(component.resume() or {}))
        self.start_time = time.time() - state.seconds
        self._measured_at = time.monotonic(), time.process_time()
        if state.batches_seen:
            log.info(f"Resuming at batch {state.batch} of epoch {state.epoch + 1}")
        with self._interruptible():
            while not (reason := self._over()):
                self._train_epoch(iterator, component)
        self.epoch = state.epoch
        self.validation_number = 1  # what is best was saved
        done = {"batches": state.batches_seen, "seconds": round(state.seconds), "ended by": reason}
        log.info(json.dumps({"train": done}))

    def _train_epoch(self, iterator: Any, component: Any) -> None:
        """Train the rest of an epoch, or as much of it as may be, and validate."""
        state = self.state
        iterator.epoch = self.epoch = state.epoch
        skip = state.batch
        last_checkpoint = last_validation = state.seconds
        title = f"epoch {state.epoch + 1}/{self.n_epochs}"
        with Progress(title, self.per_epoch, skip) as progress:
            for index, (x, y) in enumerate(iterator.gen_batches(self.batch_size, data_type="train")):
                if index < skip:
                    continue
                component.advance(self._share())
                result = self._chainer.train_on_batch(x, y)
                result = result if isinstance(result, dict) else {"loss": result}
                n_tokens = int(result.get("tokens", 0))
                state.batch = index + 1
                state.batches_seen += 1
                state.tokens += n_tokens
                self.train_batches_seen = state.batches_seen
                self.examples += len(x)
                self._measure()
                progress.step(float(result["loss"]), n_tokens, self._seconds_left())
                if self._over():
                    break
                if 0 < self.validate_every_s <= state.seconds - last_validation:
                    self._validate_and_keep(iterator, component, progress.loss)
                    last_validation = state.seconds
                if state.seconds - last_checkpoint > self.checkpoint_every_s:
                    component.checkpoint(asdict(state))
                    last_checkpoint = state.seconds
            else:
                state.epoch, state.batch = state.epoch + 1, 0
        # a stop after an epoch's last batch has validated what the epoch ends with
        if not state.history or state.history[-1]["batches_seen"] != state.batches_seen:
            self._validate_and_keep(iterator, component, progress.loss, counts=state.batch == 0)
        component.checkpoint(asdict(state))

    def _validate_and_keep(
        self, iterator: Any, component: Any, loss: float | None, counts: bool = True
    ) -> None:
        """Validate, and save the weights where the first metric improved.

        Args:
            iterator: has the data.
            component: what is trained.
            loss: of the batches before, None where they were trained before a stop.
            counts: whether the patience wears; not at a stop, for as many as there may be.
        """
        state = self.state
        facts: dict[str, Any] = {
            "training examples": len(iterator.data["train"]),
            "epochs": round(self._epochs_done(), 2),
            "batch size": self.batch_size,
            "seconds": round(state.seconds),
        }
        if not iterator.data["valid"]:
            component.save()
            component.write_card(facts)
            return
        report = self.test(
            iterator.gen_batches(self.batch_size, data_type="valid", shuffle=False),
            start_time=self.start_time,
        )
        self._measure()
        report["epochs_done"] = facts["epochs"]
        report["loss"] = loss
        log.info(json.dumps({"valid": report}, cls=NumpyArrayEncoder))
        metrics = {name: float(value) for name, value in report["metrics"].items()}
        score = next(iter(metrics.values()))
        figures = {k: getattr(state, k) for k in ("batches_seen", "tokens", "seconds", "cpu_seconds")}
        state.history.append({"epoch": self._epochs_done(), **figures, "loss": loss, **metrics})
        if state.best_score is None or self.improved(score, state.best_score):
            state.best_score, state.unimproved = score, 0
            component.save()
            component.write_card({**facts, **report["metrics"]})
        elif counts:
            state.unimproved += 1
        if hasattr(component, "record"):
            component.record(state.history)

    def _over(self) -> str:
        """Why the training is at its end, or ""."""
        state = self.state
        if self._interrupted:
            return "interrupt; the same command goes on"
        if state.epoch >= self.n_epochs:
            return f"{self.n_epochs} epochs"
        if 0 < self.max_batches <= state.batches_seen:
            return f"{self.max_batches} batches"
        if 0 < self.time_limit_s <= state.seconds:
            return f"time limit of {self.time_limit_s:g} s"
        if 0 < self.validation_patience <= state.unimproved:
            return f"{state.unimproved} validations without a better score"
        return ""

    def _share(self) -> float:
        """How much of the training is done, in [0, 1]: of its batches or its time, whichever is further."""
        of_batches = self.state.batches_seen / max(1, self.per_epoch * self.n_epochs)
        of_time = self.state.seconds / self.time_limit_s if self.time_limit_s > 0 else 0.0
        return min(1.0, max(of_batches, of_time))

    def _seconds_left(self) -> float:
        share = self._share()
        return self.state.seconds * (1 - share) / share if share else 0.0

    def _epochs_done(self) -> float:
        return self.state.epoch + self.state.batch / max(1, self.per_epoch)

    def _measure(self) -> None:
        """Add the time since the last measurement to the state."""
        now = time.monotonic(), time.process_time()
        self.state.seconds += now[0] - self._measured_at[0]
        self.state.cpu_seconds += now[1] - self._measured_at[1]
        self._measured_at = now

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C ends the training after the batch in hand, the second at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        usual = signal.getsignal(signal.SIGINT)

        def stop(number: int, frame: Any) -> None:
            self._interrupted = True
            signal.signal(signal.SIGINT, usual)
            log.info("Stopping after this batch")

        signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, usual)
