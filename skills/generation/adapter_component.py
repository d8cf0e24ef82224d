"""A low-rank adapter of a causal language model as DeepPavlov trains and measures it.

What an example is and which of its tokens are learnt, a component says itself (``encoder``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from skills.errors import InputError, parameter_names, refuse_unknown, whole_number
from skills.generation.adapters import AUTO, adapter_folder
from skills.generation.encoded import Encoded
from skills.generation.engines.causal_model import load_causal_model
from skills.trained import TrainedComponent

if TYPE_CHECKING:
    from skills.generation.adapter_learning import AdapterLearner


class TaughtAdapter(TrainedComponent):
    """Teaches a language model a way to go on, and says how likely it finds such texts.

    Called with a list of examples it gives two lists, one entry an example: the perplexity of the
    tokens that are to be learnt, each given all before it, and how many they are.

    Args:
        model: the base, as the engine ``transformers`` understands it.
        adapter: as the engines': ``auto``, "" for none, a name or a folder. Not read in training,
            which begins anew.
        max_seq_length: tokens of an example that are read.
        max_batch_tokens: padded tokens in one forward pass.
        n_threads: threads that compute (torch's, of the whole process).
        work_path: where a training run keeps its checkpoints.
        save_path: where it writes the adapter, with a card.
        load_path: set by DeepPavlov to ``save_path`` where a pipeline is built after training;
            then read instead of ``adapter``.
        recipe: training only; see ``skills.generation.adapter_learning.AdapterRecipe``.
        mode: DeepPavlov's, ``infer`` or ``train``. For inference the model is loaded at the first
            example.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
        CheckpointError: if weights are missing or damaged.
    """

    #: What is wrong with an example without targets, for a message.
    nothing_learnt: ClassVar[str] = "an example has nothing to be learnt"

    def __init__(
        self,
        model: str = "SmolLM2-135M-Instruct",
        adapter: str = AUTO,
        max_seq_length: int | str = 256,
        max_batch_tokens: int = 512,
        n_threads: int | str = 2,
        work_path: str = "runs/adapter",
        save_path: str = "runs/adapter/adapter",
        load_path: str | None = None,
        recipe: dict[str, Any] | None = None,
        mode: str = "infer",
        **kwargs: Any,
    ) -> None:
        refuse_unknown(self.name, kwargs, parameter_names(type(self).__init__))
        self.checkpoint_name = model
        self.adapter = None if mode == "train" else adapter_folder(load_path or adapter, model)
        self.save_path = Path(save_path).expanduser()
        self.max_seq_length = whole_number(f"{self.name}: max_seq_length", max_seq_length, 16, 100_000)
        self.n_threads = whole_number(f"{self.name}: n_threads", n_threads, 1, 512)
        self.learner: AdapterLearner | None = None
        self._model: Any = None
        self._encode: Callable[[Any], Encoded]
        if mode == "train":
            from skills.generation.adapter_learning import AdapterLearner, AdapterRecipe

            known = AdapterRecipe.from_config(self.name, recipe or {})
            base = self._load(None)
            self.learner = AdapterLearner(
                base, model, known, Path(work_path).expanduser(), int(max_batch_tokens)
            )

    def encoder(self, tokenizer: Any) -> Callable[[Any], Encoded]:
        """What makes tokens of an example.

        Args:
            tokenizer: of transformers, fast.
        """
        raise NotImplementedError

    def __call__(self, examples: Sequence[Any]) -> tuple[list[float], list[int]]:
        """How likely the model finds examples; see the class.

        Raises:
            InputError: if an example has nothing to be learnt.
        """
        from skills.generation.adapter_learning import target_losses

        if self.learner is None and self._model is None:
            self._model = self._load(self.adapter)
        perplexities, counts = [], []
        for example in examples:
            encoded = self._encode(example)
            if not len(encoded.targets):
                raise InputError(f"{self.name}: {self.nothing_learnt} within max_seq_length")
            if self.learner is not None:
                losses = self.learner.losses(encoded)
            else:
                losses = target_losses(self._model, [encoded]).detach().numpy()
            perplexities.append(float(np.exp(losses.mean())))
            counts.append(len(losses))
        return perplexities, counts

    def _load(self, adapter: Path | None) -> Any:
        """Load model and tokenizer, an adapter merged in."""
        import torch

        torch.set_num_threads(self.n_threads)
        tokenizer, model = load_causal_model(self.checkpoint_name, "float32", adapter)
        self._encode = self.encoder(tokenizer)
        return model.requires_grad_(False)

    # -- training: DeepPavlov's and skills.training's side ---------------------------------

    def train_on_batch(self, examples: Sequence[Any], labels: Sequence[str]) -> dict[str, float]:
        """One optimisation step; the examples are their own labels."""
        loss, n_tokens = self._learner().learn([self._encode(example) for example in examples])
        return {"loss": loss, "tokens": n_tokens}
