"""Small talk as DeepPavlov trains and measures it: ``small_talk``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from deeppavlov.core.common.registry import register

from skills.errors import InputError, parameter_names, refuse_unknown, whole_number
from skills.generation.adapters import AUTO, adapter_folder
from skills.generation.engines.causal_model import load_causal_model
from skills.generation.small_talk.conversations import Conversation
from skills.generation.small_talk.encoding import ConversationEncoder, Encoded
from skills.trained import TrainedComponent

if TYPE_CHECKING:
    from skills.generation.small_talk.training import SmallTalkLearner


@register("small_talk")
class SmallTalk(TrainedComponent):
    """Teaches a chat model small talk and says how likely it finds conversations.

    ``small_talk(conversations)`` gives two lists, one entry a conversation: the perplexity of the
    tokens of those replies that are to be learnt, each given all before it, and how many they are.

    Args:
        model: the base, as the engine ``transformers`` understands it.
        adapter: as the engines': ``auto``, "" for none, a name or a folder. Not read in training,
            which begins anew.
        max_seq_length: tokens of a conversation that are read, the system message included.
        max_batch_tokens: padded tokens in one forward pass.
        n_threads: threads that compute (torch's, of the whole process).
        work_path: where a training run keeps its checkpoints.
        save_path: where it writes the adapter, with a card.
        load_path: set by DeepPavlov to ``save_path`` where a pipeline is built after training;
            then read instead of ``adapter``.
        recipe: training only; see ``training.SmallTalkRecipe``.
        mode: DeepPavlov's, ``infer`` or ``train``. For inference the model is loaded at the first
            conversation.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
        CheckpointError: if weights are missing or damaged.
    """

    name = "small_talk"
    title = "Small talk"
    about = (
        "A low-rank adapter that makes a chat model a brief, curious companion who knows that it is a "
        "program. Learnt from conversations between people (chitchat-dataset, MIT), sifted, and from Quoth's "
        "own exchanges (`persona.jsonl`); the loss is on replies only, and replies that claim a body, a past "
        "or a place are left out. The base's licence applies."
    )
    config = "configs/small_talk.json"

    def __init__(
        self,
        model: str = "SmolLM2-135M-Instruct",
        adapter: str = AUTO,
        max_seq_length: int | str = 256,
        max_batch_tokens: int = 512,
        n_threads: int | str = 2,
        work_path: str = "runs/small_talk",
        save_path: str = "runs/small_talk/adapter",
        load_path: str | None = None,
        recipe: dict[str, Any] | None = None,
        mode: str = "infer",
        **kwargs: Any,
    ) -> None:
        refuse_unknown("small_talk", kwargs, parameter_names(type(self).__init__))
        self.checkpoint_name = model
        self.adapter = None if mode == "train" else adapter_folder(load_path or adapter, model)
        self.save_path = Path(save_path).expanduser()
        self.max_seq_length = whole_number("small_talk: max_seq_length", max_seq_length, 16, 100_000)
        self.n_threads = whole_number("small_talk: n_threads", n_threads, 1, 512)
        self.learner: SmallTalkLearner | None = None
        self._model: Any = None
        self._encoder: ConversationEncoder | None = None
        if mode == "train":
            from skills.generation.small_talk.training import SmallTalkLearner, SmallTalkRecipe

            known = SmallTalkRecipe.from_config("small_talk", recipe or {})
            base = self._load(None)
            self.learner = SmallTalkLearner(
                base, model, known, Path(work_path).expanduser(), int(max_batch_tokens)
            )

    def __call__(self, conversations: Sequence[Conversation]) -> tuple[list[float], list[int]]:
        """How likely the model finds conversations; see the class.

        Raises:
            InputError: if a conversation has nothing to be learnt.
        """
        from skills.generation.small_talk.training import target_losses

        if self.learner is None and self._model is None:
            self._model = self._load(self.adapter)
        perplexities, counts = [], []
        for conversation in conversations:
            encoded = self._encode(conversation)
            if not len(encoded.targets):
                raise InputError("small_talk: a conversation has no reply to be learnt within max_seq_length")
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
        self._encoder = ConversationEncoder(tokenizer, self.max_seq_length)
        return model.requires_grad_(False)

    def _encode(self, conversation: Conversation) -> Encoded:
        assert self._encoder is not None
        return self._encoder(conversation)

    # -- training: DeepPavlov's and skills.training's side ---------------------------------

    def train_on_batch(
        self, conversations: Sequence[Conversation], labels: Sequence[str]
    ) -> dict[str, float]:
        """One optimisation step; the conversations are their own labels."""
        loss, n_tokens = self._learner().learn([self._encode(c) for c in conversations])
        return {"loss": loss, "tokens": n_tokens}
