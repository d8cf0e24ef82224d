"""Last step of writing with BERT, ``bert_decoder``: new tokens to texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.checkpoints import checkpoint_folder
from skills.errors import InputError, parameter_names, refuse_unknown
from skills.generation.masked_lm.prompts import Prompt, continued
from skills.generation.masked_lm.vocabulary import Vocabulary


@register("bert_decoder")
class BertDecoder(Component):
    """Turns the tokens that ``bert_generator`` wrote into texts that begin with the suggestions.

    Args:
        checkpoint: name or folder of the masked language model (``skills.checkpoints``).

    Raises:
        ConfigurationError: for a parameter that does not exist.
        CheckpointError: if the tokenizer is missing or damaged.
    """

    def __init__(self, checkpoint: str = "all-MiniLM-L6-v2", **kwargs: Any) -> None:
        refuse_unknown("bert_decoder", kwargs, parameter_names(type(self).__init__))
        self.vocabulary = Vocabulary(checkpoint_folder(checkpoint, verify=False) / "tokenizer.json")

    def __call__(self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[int]]) -> list[str]:
        """Suggestion and continuation of each prompt, as one text.

        Raises:
            InputError: if the lists differ in length.
        """
        if len(prompts) != len(continuations):
            raise InputError(
                f"expected as many continuations as prompts, got {len(continuations)} and {len(prompts)}"
            )
        return [
            continued(self.vocabulary, prompt.suggestion, new_ids)
            for prompt, new_ids in zip(prompts, continuations, strict=True)
        ]
