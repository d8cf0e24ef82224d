"""How large the model is, and the transformers' class that it is made of.

The shape is plain data; transformers is imported where a model is made and not before.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from skills.errors import ConfigurationError

Kind = Literal["masked", "causal"]
#: RoBERTa counts positions from the padding token's id on, so two of them are never used.
_ROBERTA_OFFSET = 2


@dataclass(frozen=True)
class Architecture:
    """The shape of a language model.

    Attributes:
        kind: ``causal``, which writes on (GPT-2), or ``masked``, which fills gaps (RoBERTa).
        n_layers: transformer layers.
        hidden: width of the hidden states; the feed-forward layers are four times as wide.
        n_heads: attention heads, a divisor of ``hidden``.
        context: most tokens that are read at once.
        vocabulary: most tokens of the tokenizer.
    """

    kind: Kind = "causal"
    n_layers: int = 4
    hidden: int = 96
    n_heads: int = 4
    context: int = 256
    vocabulary: int = 4096

    @classmethod
    def from_config(cls, **values: Any) -> Architecture:
        """An architecture from a config; a variable set in the environment arrives as a string.

        Raises:
            ConfigurationError: for a value that does not fit.
        """
        kind = values.pop("kind")
        if kind not in get_args(Kind):
            raise ConfigurationError(
                f"language_model: kind expects {' or '.join(get_args(Kind))}; got {kind!r} (DP_KIND sets it)"
            )
        numbers: dict[str, int] = {}
        for name, value in values.items():
            try:
                numbers[name] = int(value)
            except ValueError as error:
                raise ConfigurationError(
                    f"language_model: {name} expects a whole number; got {value!r}"
                ) from error
            least = 16 if name == "context" else 1
            if numbers[name] < least:
                raise ConfigurationError(f"language_model: {name} must be at least {least}, not {value}")
        shape = cls(kind, **numbers)
        if shape.hidden % shape.n_heads:
            raise ConfigurationError(
                f"language_model: hidden {shape.hidden} must be a multiple of n_heads {shape.n_heads}"
            )
        return shape

    def as_dict(self) -> dict[str, Any]:
        """For a card or a checkpoint."""
        return asdict(self)


def make_model(shape: Architecture, n_tokens: int, special: dict[str, int]) -> Any:
    """A model with random weights, by torch's seed.

    No dropout: on a CPU it costs half as much again, and fused attention knows none. Input and output
    embeddings are one matrix (Press & Wolf 2017, arXiv 1608.05859).

    Args:
        shape: its shape.
        n_tokens: tokens that the tokenizer really has.
        special: ids of the special tokens, ``eos_token_id`` and so on.

    Returns:
        ``GPT2LMHeadModel`` or ``RobertaForMaskedLM``.
    """
    ids = {name: special[name] for name in ("bos_token_id", "eos_token_id")}
    if shape.kind == "causal":
        from transformers import GPT2Config, GPT2LMHeadModel

        config = GPT2Config(
            vocab_size=n_tokens,
            n_embd=shape.hidden,
            n_layer=shape.n_layers,
            n_head=shape.n_heads,
            n_positions=shape.context,
            activation_function="gelu_pytorch_tanh",  # the same function as GPT-2's, in one kernel
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            attn_implementation="sdpa",
            **ids,
        )
        return GPT2LMHeadModel(config)
    from transformers import RobertaConfig, RobertaForMaskedLM

    config = RobertaConfig(
        vocab_size=n_tokens,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.n_layers,
        num_attention_heads=shape.n_heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=shape.context + _ROBERTA_OFFSET,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-5,
        attn_implementation="sdpa",
        pad_token_id=special["pad_token_id"],
        **ids,
    )
    return RobertaForMaskedLM(config)
