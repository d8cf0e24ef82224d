"""CTRL (Keskar et al. 2019, arXiv 1909.05858), the model with control codes, as transformers has it.

What is particular to it stands here: its tokenizer, and two faults of the library's model.
"""

from __future__ import annotations

from typing import Any

#: Its ``model_type``.
CTRL = "ctrl"
#: At the end of a token that is not the last of its word: "sea@@ side".
HALF_WORD = "@@"


def codes_of(tokenizer: Any) -> frozenset[str]:
    """The control codes that the model was trained on: those that are words of its vocabulary."""
    vocabulary = tokenizer.get_vocab()
    return frozenset(code for code in tokenizer.control_codes if code in vocabulary)


def mend(model: Any) -> None:
    """Make a loaded model generate in any precision, and without a word on the console.

    Its positions are a plain attribute, which loading in half precision leaves in single, so that
    its first layer fails; and it prints two warnings for each token about inputs that it takes.
    """
    model.transformer.pos_encoding = model.transformer.pos_encoding.to(model.dtype)
    model.prepare_inputs_for_generation = _inputs


def _inputs(
    input_ids: Any,
    past_key_values: Any = None,
    use_cache: bool | None = None,
    attention_mask: Any = None,
    **_: Any,
) -> dict[str, Any]:
    n_past = past_key_values.get_seq_length() if past_key_values is not None else 0
    return {
        "input_ids": input_ids[:, n_past:],
        "past_key_values": past_key_values,
        "use_cache": use_cache,
        "attention_mask": attention_mask,
    }
