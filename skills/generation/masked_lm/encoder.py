"""First step of writing with BERT, ``bert_encoder``: texts to prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.checkpoints import checkpoint_folder
from skills.errors import ConfigurationError, InputError, parameter_names, refuse_unknown
from skills.generation.masked_lm.prompts import Prompt, longest_input, make_prompt
from skills.generation.masked_lm.vocabulary import Vocabulary


@register("bert_encoder")
class BertEncoder(Component):
    """Turns texts, and how their continuations begin, into prompts.

    Args:
        checkpoint: name or folder of the masked language model (``skills.checkpoints``).
        max_new_tokens: tokens that are kept free for the continuation.
        max_seq_length: tokens of an input, special tokens and continuation included; what is
            more is cut from the left.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
        CheckpointError: if the tokenizer is missing or damaged.
    """

    def __init__(
        self,
        checkpoint: str = "all-MiniLM-L6-v2",
        max_new_tokens: int | str = 20,
        max_seq_length: int | str = 128,
        **kwargs: Any,
    ) -> None:
        refuse_unknown("bert_encoder", kwargs, parameter_names(type(self).__init__))
        folder = checkpoint_folder(checkpoint, verify=False)
        self.vocabulary = Vocabulary(folder / "tokenizer.json")
        n_special = len(self.vocabulary.before) + len(self.vocabulary.after)
        longest = longest_input(folder, int(max_seq_length))
        self.room = longest - n_special - int(max_new_tokens)
        if self.room < 1:
            raise ConfigurationError(
                f"bert_encoder: {max_new_tokens} new tokens leave no room for a text in an input of {longest}"
            )

    def __call__(self, texts: Sequence[str], suggestions: Sequence[str | None] | None = None) -> list[Prompt]:
        """Prompts of (text, suggestion) pairs; a suggestion of None or "" leaves the beginning free.

        Raises:
            InputError: if the lists differ in length or hold anything else.
        """
        given = [None] * len(texts) if suggestions is None else list(suggestions)
        if len(given) != len(texts):
            raise InputError(
                f"expected as many suggestions as texts, got {len(given)} and {len(texts)}; "
                "where there is none say null"
            )
        prompts = []
        for index, (text, suggestion) in enumerate(zip(texts, given, strict=True)):
            if not isinstance(text, str):
                raise InputError(f"texts[{index}]: expected a text, got {type(text).__name__}")
            if not isinstance(suggestion, (str, type(None))):
                raise InputError(
                    f"suggestions[{index}]: expected a text or null, got {type(suggestion).__name__}"
                )
            prompts.append(make_prompt(self.vocabulary, text, suggestion or "", self.room))
        return prompts
