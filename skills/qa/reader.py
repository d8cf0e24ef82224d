"""The reader: DeepPavlov's face of extractive question answering, ``squad_reader``.

Text to windows (``windows``), windows to logits (``span_model``), logits to spans (``spans``);
this module only puts them together and speaks DeepPavlov. In training mode the logits come
from ``training`` instead, through the very same steps.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deeppavlov.core.common.registry import register

from skills.checkpoints import checkpoint_folder
from skills.compiled import DEFAULT_CACHE, Precision, compile_checkpoint
from skills.errors import ConfigurationError, InputError, parameter_names, refuse_unknown
from skills.microbatch import MicroBatcher
from skills.qa.sizes import adapter_folder, checkpoint_of
from skills.qa.span_model import OnnxSpanModel, SpanModel, window_logits
from skills.qa.spans import SpanPrediction, WindowLogits, best_spans
from skills.qa.surroundings import surroundings
from skills.qa.windows import Window, WindowTokenizer
from skills.trained import TrainedComponent

if TYPE_CHECKING:
    from skills.qa.teacher import Teacher
    from skills.qa.training import ReaderLearner

log = logging.getLogger(__name__)


@register("squad_reader")
class SquadReader(TrainedComponent):
    """Finds the answer to a question in its context.

    ``squad_reader(contexts, questions)`` gives four lists, one entry a pair:

    - answers: the best span's words, ``context[start : start + len(answer)]`` to the letter;
      "" where the context is blank or, with ``null_threshold``, where there is none.
    - starts: its first character in the context, -1 without an answer.
    - scores: start plus end logit of the span.
    - no_answer_scores: start plus end logit of the first token, the smallest over the
      context's windows.

    Args:
        checkpoint: name or folder of the encoder (``skills.checkpoints``); "" is the one that the
            adapter was trained on.
        adapter: ``fast``, ``accurate`` (``skills.qa.sizes``) or a folder with a trained adapter; ""
            takes the checkpoint's own span head.
        precision: ``auto``, ``int8`` or ``fp32``; ``auto`` is int8 where that is faster, else fp32.
        max_seq_length: tokens of a window, special tokens included.
        doc_stride: tokens that neighbouring windows share.
        max_question_length: tokens of the question that are read.
        n_best_size: spans kept for each context.
        max_answer_length: tokens of an answer.
        coverage_weight: how much it counts among the spans kept that the sentence around one covers the
            question (``skills.qa.surroundings``); 0 ranks by the logits alone, as SQuAD's baseline.
        null_threshold: an answer is dropped where the logarithm of the odds against there being one is
            more than this (``skills.qa.spans``; SQuAD 2.0's ``null_score_diff_threshold`` compares the best
            span alone); None always answers, as SQuAD 1.1 asks.
        max_batch_tokens: padded tokens in one forward pass.
        n_threads: threads of one forward pass.
        cache_path: where compiled models are kept.
        work_path: where a training run keeps its checkpoints.
        save_path: where it writes the trained adapter, with a card.
        load_path: set by DeepPavlov to ``save_path`` where a pipeline is built after training;
            then read instead of ``adapter``.
        init_path: what an earlier training stage left, to begin with: its ``model.safetensors`` or the
            folder of an adapter; or "".
        teacher: training only; a larger reader that is learnt from too, named as ``adapter`` is, or "".
        recipe: training only; see ``skills.qa.training.ReaderRecipe``.
        mode: DeepPavlov's, ``infer`` or ``train``.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
        CheckpointError: if weights are missing or damaged.
    """

    name = "squad_reader"
    title = "A reader"
    about = (
        "Extractive question answering: start and end of the answer in its context, the first token where "
        "there is none. The base's licence applies."
    )
    config = "configs/squad_reader.json"

    def __init__(
        self,
        checkpoint: str = "",
        adapter: str = "",
        precision: Precision = "auto",
        max_seq_length: int = 384,
        doc_stride: int = 128,
        max_question_length: int = 64,
        n_best_size: int = 20,
        max_answer_length: int = 30,
        coverage_weight: float | str = 1.0,
        null_threshold: float | str | None = None,
        max_batch_tokens: int = 512,
        n_threads: int = 2,
        cache_path: str = DEFAULT_CACHE,
        work_path: str = "runs/reader",
        save_path: str = "runs/reader/adapter",
        load_path: str | None = None,
        init_path: str = "",
        teacher: str = "",
        recipe: dict[str, Any] | None = None,
        mode: str = "infer",
        **kwargs: Any,
    ) -> None:
        refuse_unknown("squad_reader", kwargs, parameter_names(type(self).__init__))
        _at_least_one(
            n_best_size=n_best_size, max_answer_length=max_answer_length, max_batch_tokens=max_batch_tokens
        )
        adapter = load_path or adapter
        checkpoint = checkpoint_of(checkpoint, adapter)
        folder = checkpoint_folder(checkpoint, verify=False)
        adapted = adapter_folder(adapter)
        self.checkpoint_name = checkpoint
        self.save_path = Path(save_path).expanduser()
        self.tokenizer = WindowTokenizer(
            folder / "tokenizer.json", max_seq_length, doc_stride, max_question_length
        )
        self.n_best_size = n_best_size
        self.max_answer_length = max_answer_length
        self.coverage_weight = float(coverage_weight)
        # a variable set in the environment arrives as a string
        self.null_threshold = None if null_threshold in (None, "") else float(null_threshold)
        self.adapter_path = str(adapted or folder)
        self.max_batch_tokens = max_batch_tokens
        self.model: SpanModel
        self.learner: ReaderLearner | None = None
        if mode == "train":
            from skills.qa.training import ReaderLearner, ReaderRecipe

            self.learner = ReaderLearner(
                folder,
                checkpoint,
                self.tokenizer,
                ReaderRecipe.from_config("squad_reader", recipe or {}),
                Path(work_path).expanduser(),
                Path(init_path).expanduser() if init_path else None,
                _teacher(teacher, precision, cache_path, n_threads) if teacher else None,
            )
            self.model = self.learner
        else:
            self.model = _compiled(checkpoint, adapted, precision, cache_path, n_threads)
        # Conversations that ask at the same moment share their forward passes, up to about what one
        # pass holds: more would only make the first of them wait for the last.
        self._read_windows: MicroBatcher[Window, WindowLogits] = MicroBatcher(self._logits_of, max_items=8)

    def __call__(
        self, contexts: Sequence[str], questions: Sequence[str]
    ) -> tuple[list[str], list[int], list[float], list[float]]:
        """Answer every (context, question) pair; see the class."""
        answers, starts, scores, no_answer_scores = [], [], [], []
        for context, prediction in zip(contexts, self.predict(contexts, questions), strict=True):
            answered = prediction.spans and (
                self.null_threshold is None or -prediction.odds <= self.null_threshold
            )
            best = prediction.spans[0] if answered else None
            answers.append(context[best.start : best.end] if best else "")
            starts.append(best.start if best else -1)
            scores.append(prediction.spans[0].score if prediction.spans else 0.0)
            no_answer_scores.append(prediction.null_score)
        return answers, starts, scores, no_answer_scores

    def predict(self, contexts: Sequence[str], questions: Sequence[str]) -> list[SpanPrediction]:
        """The best spans of every (context, question) pair, best first, offsets in the whole context.

        Raises:
            InputError: if the lists differ in length or hold anything but texts.
        """
        if len(contexts) != len(questions):
            raise InputError(
                f"expected as many contexts as questions, got {len(contexts)} and {len(questions)}"
            )
        for name, texts in (("contexts", contexts), ("questions", questions)):
            for text in texts:
                if not isinstance(text, str):
                    raise InputError(f"{name}: expected texts, got {type(text).__name__}")
        windows = self.tokenizer.windows(questions, contexts)
        logits = self._read_windows(windows)
        of_pair: list[list[WindowLogits]] = [[] for _ in questions]
        for window, found in zip(windows, logits, strict=True):
            of_pair[window.question].append(found)
        return [
            self._best(question, context, found)
            for question, context, found in zip(questions, contexts, of_pair, strict=True)
        ]

    def _best(self, question: str, context: str, found: Sequence[WindowLogits]) -> SpanPrediction:
        best = best_spans(found, self.n_best_size, self.max_answer_length)
        if not self.coverage_weight:
            return best
        return replace(
            best, spans=surroundings(question, context).best_first(best.spans, self.coverage_weight)
        )

    def _logits_of(self, windows: Sequence[Window]) -> list[WindowLogits]:
        return window_logits(self.model, windows, self.max_batch_tokens)

    # -- training: DeepPavlov's and skills.training's side ---------------------------------

    def train_on_batch(
        self,
        contexts: Sequence[str],
        questions: Sequence[str],
        answers: Sequence[Sequence[str]],
        starts: Sequence[Sequence[int]],
    ) -> dict[str, float]:
        """One optimisation step on a batch of DeepPavlov's ``squad_iterator``."""
        return {"loss": self._learner().learn(contexts, questions, answers, starts)}


def _compiled(
    checkpoint: str, adapter: Path | None, precision: Precision, cache_path: str, n_threads: int
) -> OnnxSpanModel:
    onnx_file = compile_checkpoint(
        checkpoint,
        "span",
        adapter=str(adapter) if adapter else None,
        precision=precision,
        cache_path=cache_path,
        announce=log.warning,
    )
    return OnnxSpanModel(onnx_file, n_threads)


def _teacher(adapter: str, precision: Precision, cache_path: str, n_threads: int) -> Teacher:
    from skills.qa.teacher import Teacher

    checkpoint = checkpoint_of("", adapter)
    tokenizer = WindowTokenizer(checkpoint_folder(checkpoint, verify=False) / "tokenizer.json")
    return Teacher(
        _compiled(checkpoint, adapter_folder(adapter), precision, cache_path, n_threads), tokenizer
    )


def _at_least_one(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ConfigurationError(f"squad_reader: {name} must be at least 1, not {value}")
