"""A language model from scratch: DeepPavlov's face of it, ``language_model``.

In training it learns blocks of tokens; afterwards it says how likely texts are. To write with it, load
its folder in an engine of the reply generator or in the masked-language-model generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from deeppavlov.core.common.registry import register
from deeppavlov.core.models.nn_model import NNModel
from tokenizers import Tokenizer

from skills.errors import ConfigurationError, InputError, MissingCheckpoint, parameter_names, refuse_unknown
from skills.generation.language_model.architecture import Architecture, Kind
from skills.generation.language_model.card import CURVE, card, draw_curve
from skills.generation.language_model.likelihood import DEFAULT_MASK_SHARE, Task, block_losses
from skills.generation.language_model.masking import IntArray
from skills.generation.language_model.samples import write_samples
from skills.generation.language_model.tokenizer import special_ids

if TYPE_CHECKING:
    from skills.generation.language_model.training import LanguageModelLearner

#: Length of the card's samples, in tokens.
_SAMPLE_TOKENS: dict[Kind, int] = {"causal": 80, "masked": 16}
_MEASURES: dict[Kind, str] = {"causal": "perplexity", "masked": "masked perplexity"}


@register("language_model")
class LanguageModel(NNModel):
    """Learns a language from text; says how likely texts are in it.

    ``language_model(texts)`` gives two lists, one entry a text: its perplexity (a masked model's is that
    of the tokens that are hidden from it) and how many tokens were predicted. A text longer than the
    context is read up to there.

    Args:
        kind: ``causal`` or ``masked``; see :class:`~.architecture.Architecture`, also for the next five.
        n_layers: transformer layers.
        hidden: width of the hidden states.
        n_heads: attention heads.
        context: most tokens that are read at once.
        vocabulary: most tokens of the tokenizer.
        work_path: where a training run keeps its checkpoints.
        save_path: the folder that goes out: model, tokenizer, card and curve. The tokenizer is there
            before the model (``packing``).
        load_path: set by DeepPavlov to ``save_path`` where a pipeline is built after training.
        n_threads: threads that compute (torch's, of the whole process).
        recipe: training only; see ``training.Recipe``.
        mode: DeepPavlov's, ``infer`` or ``train``. For inference the model is loaded at the first text.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
    """

    def __init__(
        self,
        kind: Kind = "causal",
        n_layers: int | str = 4,
        hidden: int | str = 96,
        n_heads: int | str = 4,
        context: int | str = 256,
        vocabulary: int | str = 4096,
        work_path: str = "runs/language_model",
        save_path: str = "runs/language_model/model",
        load_path: str | None = None,
        n_threads: int | str = 2,
        recipe: dict[str, Any] | None = None,
        mode: str = "infer",
        **kwargs: Any,
    ) -> None:
        refuse_unknown("language_model", kwargs, parameter_names(type(self).__init__))
        self.shape = Architecture.from_config(
            kind=kind,
            n_layers=n_layers,
            hidden=hidden,
            n_heads=n_heads,
            context=context,
            vocabulary=vocabulary,
        )
        self.folder = Path(load_path or save_path).expanduser()
        self.n_threads = int(n_threads)
        self.mask_share = float((recipe or {}).get("mask_share", DEFAULT_MASK_SHARE))
        self.learner: LanguageModelLearner | None = None
        self._model: Any = None
        if mode == "train":
            from skills.generation.language_model.training import LanguageModelLearner, Recipe

            self._limit_threads()
            self.tokenizer = self._read_tokenizer()
            self.learner = LanguageModelLearner(
                self.shape, Recipe.from_config(recipe or {}), self.tokenizer, Path(work_path).expanduser()
            )
            self.task = self.learner.task
            self._model = self.learner.model

    def __call__(self, texts: Sequence[str] | Sequence[IntArray]) -> tuple[list[float], list[int]]:
        """Perplexity and number of predictions of each text, or of each block of token ids.

        Raises:
            MissingCheckpoint: if nothing was trained yet.
            InputError: if a text is empty.
        """
        if self._model is None:
            self._load()
        self._model.eval()
        sums: list[float] = []
        counts: list[int] = []
        if len(texts) and not isinstance(texts[0], str):
            of_block, n_of_block = block_losses(self._model, self.task, np.stack(texts))
            sums, counts = of_block.tolist(), n_of_block.tolist()
        else:
            for text in texts:
                of_text, n_of_text = block_losses(self._model, self.task, self._block(text))
                sums.append(float(of_text[0]))
                counts.append(int(n_of_text[0]))
        return [float(np.exp(s / n)) for s, n in zip(sums, counts, strict=True)], counts

    def _block(self, text: Any) -> IntArray:
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"language_model: expected a text, got {text!r}")
        if self.shape.kind == "causal":
            # a text begins where another ended
            ids = [
                self.task.special["eos_token_id"],
                *self.tokenizer.encode(text, add_special_tokens=False).ids,
            ]
            ids = ids[: self.shape.context]
        else:
            ids = self.tokenizer.encode(text).ids
            ids = [*ids[: self.shape.context - 1], ids[-1]] if len(ids) > self.shape.context else ids
        return np.array([ids], np.int64)

    def _load(self) -> None:
        """Load what was trained; takes seconds."""
        if not (self.folder / "model.safetensors").is_file():
            raise MissingCheckpoint(
                f"language_model: {self.folder} has no model.safetensors; train one first: "
                "python -m deeppavlov train configs/lm_from_scratch.json"
            )
        import transformers

        self._limit_threads()
        self.tokenizer = self._read_tokenizer()
        self.task = Task(self.shape.kind, special_ids(self.tokenizer, self.shape.kind), self.mask_share)
        kind = (
            transformers.AutoModelForCausalLM
            if self.shape.kind == "causal"
            else transformers.AutoModelForMaskedLM
        )
        self._model = kind.from_pretrained(str(self.folder), local_files_only=True, use_safetensors=True)

    def _limit_threads(self) -> None:
        import torch

        torch.set_num_threads(self.n_threads)

    def _read_tokenizer(self) -> Tokenizer:
        file = self.folder / "tokenizer.json"
        if not file.is_file():
            raise MissingCheckpoint(
                f"language_model: {file} is missing; packed_text_iterator writes it: let its tokenizer_path "
                "be this component's save_path"
            )
        return Tokenizer.from_file(str(file))

    # -- training: DeepPavlov's and skills.training's side ---------------------------------

    def plan(self, total_steps: int) -> None:
        """Nothing to do: the learning rate follows :meth:`advance`."""

    def advance(self, share: float) -> None:
        """Told before each batch how much of the training is done, in [0, 1]."""
        self._learner().share = share

    def train_on_batch(self, blocks: Sequence[IntArray], targets: Sequence[IntArray]) -> dict[str, float]:
        """One optimisation step on blocks of equal length."""
        loss, n_tokens = self._learner().learn(np.stack(blocks))
        return {"loss": loss, "tokens": n_tokens}

    def checkpoint(self, state: dict[str, Any]) -> None:
        """Write everything needed to go on."""
        self._learner().checkpoint(state)

    def resume(self) -> dict[str, Any] | None:
        """Go on from the last checkpoint; its state, or None."""
        return self._learner().resume()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the weights that go out, beside the tokenizer."""
        self._learner().save(self.folder)

    def write_card(self, facts: Mapping[str, Any]) -> None:
        """Write the card, with samples of the model as it is now.

        Args:
            facts: what the trainer knows: data, epochs, seconds, scores.
        """
        learner = self._learner()
        n_tokens = min(_SAMPLE_TOKENS[self.shape.kind], self.shape.context - 2)
        samples = write_samples(learner.model, self.tokenizer, self.task, n_tokens)
        measured = {_MEASURES[self.shape.kind] if k == "perplexity" else k: v for k, v in facts.items()}
        about = {**measured, "parameters": f"{learner.n_parameters:,}", **self.shape.as_dict()}
        text = card(
            self.shape.kind, self.folder, {**about, **asdict(learner.recipe)}, samples, self.task.mask_share
        )
        (self.folder / "README.md").write_text(text, "utf-8")

    def record(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Draw the curve of the learning, from what each validation found."""
        draw_curve(history, f"held-out {_MEASURES[self.shape.kind]}", self.folder / CURVE)

    def load(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: weights are loaded at the first text."""

    def _learner(self) -> LanguageModelLearner:
        if self.learner is None:
            raise ConfigurationError(
                "language_model: built for inference; train with python -m deeppavlov train"
            )
        return self.learner
