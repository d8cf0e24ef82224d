"""The reader: DeepPavlov's face of extractive question answering, ``squad_reader``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from deeppavlov.core.models.nn_model import NNModel
from numpy.typing import NDArray

from skills.errors import ConfigurationError, parameter_names, refuse_unknown
from skills.qa.spans import SpanPrediction, WindowLogits, best_spans
from skills.qa.windows import IntArray, Window, WindowTokenizer, by_length, collate

FloatArray = NDArray[np.float32]
SpanModel = Callable[[IntArray, IntArray, IntArray], tuple[FloatArray, FloatArray]]


class SquadReader(NNModel):
    def __init__(
        self,
        checkpoint: str,
        max_seq_length: int = 384,
        doc_stride: int = 128,
        max_question_length: int = 64,
        n_best_size: int = 5,
        max_answer_length: int = 30,
        null_threshold: float | None = None,
        max_batch_tokens: int = 4096,
        work_path: str | None = None,
        init_path: str | None = None,
        recipe: dict[str, Any] | None = None,
        mode: str = "infer",
        **kwargs: Any,
    ) -> None:
        refuse_unknown("squad_reader", kwargs, parameter_names(type(self).__init__))
        folder = Path(checkpoint)
        self.tokenizer = WindowTokenizer(
            folder / "tokenizer.json", max_seq_length, doc_stride, max_question_length
        )
        self.n_best_size = n_best_size
        self.max_answer_length = max_answer_length
        self.null_threshold = null_threshold
        self.max_batch_tokens = max_batch_tokens
        self.model: SpanModel
        from skills.qa.training import ReaderLearner, Recipe

        self.learner = ReaderLearner(
            folder, self.tokenizer, Recipe(**{k: float(v) if k == 'learning_rate' else v for k, v in (recipe or {}).items()}), Path(work_path), Path(init_path) if init_path else None
        )
        self.model = self.learner

    def predict(self, contexts: Sequence[str], questions: Sequence[str]) -> list[SpanPrediction]:
        windows = self.tokenizer.windows(questions, contexts)
        logits: list[WindowLogits | None] = [None] * len(windows)
        for group in by_length(windows, self.max_batch_tokens):
            batch = [windows[i] for i in group]
            start, end = self.model(*collate(batch, self.tokenizer.template.pad_id))
            for row, i in enumerate(group):
                logits[i] = _context_logits(windows[i], start[row], end[row])
        per_pair: list[list[WindowLogits]] = [[] for _ in questions]
        for window, found in zip(windows, logits, strict=True):
            per_pair[window.question].append(found)
        return [best_spans(p, self.n_best_size, self.max_answer_length) for p in per_pair]

    def __call__(self, contexts, questions):
        predictions = self.predict(contexts, questions)
        answers, starts, scores, nulls = [], [], [], []
        for context, p in zip(contexts, predictions, strict=True):
            if not p.spans or (self.null_threshold is not None and -p.margin > self.null_threshold):
                answers.append("")
                starts.append(-1)
            else:
                answers.append(context[p.spans[0].start : p.spans[0].end])
                starts.append(p.spans[0].start)
            scores.append(p.spans[0].score if p.spans else 0.0)
            nulls.append(p.null_score)
        return answers, starts, scores, nulls

    def plan(self, total_steps: int) -> None:
        self.learner.plan(total_steps)

    def train_on_batch(self, contexts, questions, answers, starts):
        return {"loss": self.learner.learn(contexts, questions, answers, starts)}

    def checkpoint(self, state):
        self.learner.checkpoint(state)

    def resume(self):
        return self.learner.resume()

    def save(self, *args, **kwargs):
        self.learner.save()

    def load(self, *args, **kwargs):
        pass


def _context_logits(window: Window, start: FloatArray, end: FloatArray) -> WindowLogits:
    first = window.context_start
    last = first + len(window.offsets)
    return WindowLogits(start[first:last], end[first:last], float(start[0] + end[0]), window.offsets)
