"""The masked language model as DeepPavlov trains and measures it: ``masked_lm``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deeppavlov.core.common.registry import register

from skills.checkpoints import checkpoint_folder
from skills.compiled import DEFAULT_CACHE, Precision
from skills.errors import InputError, parameter_names, refuse_unknown
from skills.generation.masked_lm.model import load_masked_model
from skills.generation.masked_lm.scoring import MaskedModel, named_tokens, pseudo_log_probabilities
from skills.generation.masked_lm.vocabulary import Vocabulary
from skills.trained import TrainedComponent

if TYPE_CHECKING:
    from skills.generation.masked_lm.training import MaskedLearner


@register("masked_lm")
class MaskedLm(TrainedComponent):
    """Trains a masked language model on plain text and says how well it knows a text.

    ``masked_lm(texts)`` gives two lists, one entry a text:

    - hits: 1 or 0 for each of 15% of its tokens, hidden at once: whether the model names it.
    - log_probabilities: of each token given all others (see ``scoring``).

    Args:
        checkpoint: name or folder of the model (``skills.checkpoints``).
        adapter: folder of a trained adapter; a bare name is one of the project's own; "" is the
            project's own for this checkpoint where there is one, else the checkpoint's head.
        precision: ``int8`` or ``fp32``.
        max_seq_length: tokens of a text that are read, special tokens included.
        n_scored: how many tokens of a text ``log_probabilities`` covers; 0 is all.
        n_scored_in_training: the same while training validates.
        max_batch_tokens: padded tokens in one forward pass.
        n_threads: threads of one forward pass.
        cache_path: where compiled models are kept.
        work_path: where a training run keeps its checkpoints.
        save_path: where it writes the trained adapter, with a card.
        load_path: set by DeepPavlov to ``save_path`` where a pipeline is built after training;
            then read instead of ``adapter``.
        prior_path: folder of the training texts; their tokens' frequencies are where the bias of
            a new head begins. Training only.
        recipe: training only; see ``training.MaskedRecipe``.
        mode: DeepPavlov's, ``infer`` or ``train``.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
        CheckpointError: if weights are missing or damaged.
    """

    name = "masked_lm"
    title = "A masked language model"
    about = (
        "A head that names hidden tokens, and four-bit differences from the base's layers; embeddings "
        "untouched; the base's licence applies."
    )
    config = "configs/masked_lm.json"

    def __init__(
        self,
        checkpoint: str = "all-MiniLM-L6-v2",
        adapter: str = "",
        precision: Precision = "int8",
        max_seq_length: int | str = 128,
        n_scored: int | str = 0,
        n_scored_in_training: int | str = 6,
        max_batch_tokens: int = 512,
        n_threads: int = 2,
        cache_path: str = DEFAULT_CACHE,
        work_path: str = "runs/masked_lm",
        save_path: str = "runs/masked_lm/adapter",
        load_path: str | None = None,
        prior_path: str = "",
        recipe: dict[str, Any] | None = None,
        mode: str = "infer",
        **kwargs: Any,
    ) -> None:
        refuse_unknown("masked_lm", kwargs, parameter_names(type(self).__init__))
        self.checkpoint_name = checkpoint
        self.save_path = Path(save_path).expanduser()
        self.max_batch_tokens = max_batch_tokens
        folder = checkpoint_folder(checkpoint, verify=False)
        self.vocabulary = Vocabulary(folder / "tokenizer.json")
        self.max_tokens = int(max_seq_length) - len(self.vocabulary.before) - len(self.vocabulary.after)
        self.model: MaskedModel
        self.learner: MaskedLearner | None = None
        self.n_scored = int(n_scored_in_training if mode == "train" else n_scored)
        if mode == "train":
            from skills.generation.masked_lm.training import MaskedLearner, MaskedRecipe

            self.learner = MaskedLearner(
                folder,
                checkpoint,
                self.vocabulary,
                MaskedRecipe.from_config("masked_lm", recipe or {}),
                Path(work_path).expanduser(),
                int(max_seq_length),
                Path(prior_path).expanduser() if prior_path else None,
                max_batch_tokens,
            )
            self.model = self.learner
        else:
            self.model = load_masked_model(checkpoint, load_path or adapter, precision, cache_path, n_threads)

    def __call__(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[float]]]:
        """How well the model knows each text; see the class.

        Raises:
            InputError: if something else than a text comes.
        """
        hits, log_probabilities = [], []
        for text in texts:
            if not isinstance(text, str):
                raise InputError(f"texts: expected texts, got {type(text).__name__}")
            ids = self.vocabulary.encode(text)[: self.max_tokens]
            hits.append(named_tokens(self.model, self.vocabulary, ids))
            log_probabilities.append(
                pseudo_log_probabilities(
                    self.model, self.vocabulary, ids, self.n_scored, self.max_batch_tokens
                )
            )
        return hits, log_probabilities

    # -- training: DeepPavlov's and skills.training's side ---------------------------------

    def train_on_batch(self, texts: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
        """One optimisation step; the texts are their own labels."""
        return {"loss": self._learner().learn(texts)}
