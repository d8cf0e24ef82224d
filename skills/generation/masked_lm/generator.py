"""Second step of writing with BERT, ``bert_generator``: prompts to new tokens."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.checkpoints import checkpoint_folder
from skills.compiled import DEFAULT_CACHE, Precision
from skills.errors import ConfigurationError, parameter_names, refuse_unknown
from skills.generation.decoding import decoding_from
from skills.generation.masked_lm.filling import ORDERS, Filling, Request, continuation
from skills.generation.masked_lm.masking import FloatArray
from skills.generation.masked_lm.model import load_masked_model
from skills.generation.masked_lm.prompts import Prompt
from skills.generation.masked_lm.scoring import MaskedModel
from skills.generation.masked_lm.vocabulary import Vocabulary
from skills.runtime import by_length, side_by_side


@register("bert_generator")
class BertGenerator(Component):
    """Writes a continuation of each prompt with a masked language model; see ``filling``.

    Args:
        checkpoint: name or folder of the model (``skills.checkpoints``).
        adapter: folder of a trained adapter; a bare name is one of the project's own; "" is the
            project's own for this checkpoint where there is one, else the checkpoint's head.
        precision: ``fp32``, or ``int8``, with which a text's company in its batch shifts its
            logits a little.
        max_new_tokens, min_new_tokens, order, lookahead, refinement_passes, n_candidates,
            word_pieces: see ``filling.Filling``.
        temperature, top_k, top_p, repetition_penalty, no_repeat_ngram_size: see
            ``decoding.Decoding``; ``top_k`` 1 always takes the likeliest.
        seed: the same seed writes the same continuation of a prompt, in whatever batch; None
            another one each time.
        max_batch_tokens: padded tokens in one forward pass.
        n_threads: threads of one forward pass.
        cache_path: where compiled models are kept.

    Raises:
        ConfigurationError: for a parameter that does not exist or does not fit.
        CheckpointError: if weights are missing or damaged, or the checkpoint has no head for
            masked language modelling.
    """

    def __init__(
        self,
        checkpoint: str = "all-MiniLM-L6-v2",
        adapter: str = "",
        precision: Precision = "fp32",
        max_new_tokens: int | str = 20,
        min_new_tokens: int | str = 3,
        order: str = "left_to_right",
        lookahead: int | str = 3,
        refinement_passes: int | str = 0,
        n_candidates: int | str = 1,
        word_pieces: bool | str = False,
        temperature: float | str = 1.0,
        top_k: int | str = 0,
        top_p: float | str = 1.0,
        repetition_penalty: float | str = 1.0,
        no_repeat_ngram_size: int | str = 0,
        seed: int | str | None = None,
        max_batch_tokens: int = 512,
        n_threads: int = 2,
        cache_path: str = DEFAULT_CACHE,
        **kwargs: Any,
    ) -> None:
        refuse_unknown("bert_generator", kwargs, parameter_names(type(self).__init__))
        self.decoding = decoding_from(
            {
                "do_sample": True,
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
                "repetition_penalty": repetition_penalty,
                "no_repeat_ngram_size": no_repeat_ngram_size,
                "seed": seed,
            }
        )
        if order not in ORDERS:
            raise ConfigurationError(
                f"bert_generator: order expects one of {', '.join(ORDERS)}; got {order!r}"
            )
        self.filling = Filling(
            max_new_tokens=_whole("max_new_tokens", max_new_tokens, 1),
            min_new_tokens=_whole("min_new_tokens", min_new_tokens, 1),
            order=order,
            lookahead=_whole("lookahead", lookahead, 0),
            refinement_passes=_whole("refinement_passes", refinement_passes, 0),
            n_candidates=_whole("n_candidates", n_candidates, 1),
            word_pieces=str(word_pieces).lower() in ("1", "true", "yes"),
        )
        self.vocabulary = Vocabulary(checkpoint_folder(checkpoint, verify=False) / "tokenizer.json")
        self.max_batch_tokens = max_batch_tokens
        self.model: MaskedModel = load_masked_model(checkpoint, adapter, precision, cache_path, n_threads)

    def __call__(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """New tokens of each prompt; safe to call from several threads."""
        seed = secrets.randbits(32) if self.decoding.seed is None else self.decoding.seed
        return write_all(
            self.model,
            self.vocabulary,
            [
                continuation(p.ids, self.vocabulary, self.filling, self.decoding, _random(seed, p))
                for p in prompts
            ],
            self.max_batch_tokens,
        )


def write_all(
    model: MaskedModel,
    vocabulary: Vocabulary,
    writers: Sequence[Generator[Request, FloatArray, list[int]]],
    max_batch_tokens: int,
) -> list[list[int]]:
    """Run several continuations side by side, each step of them in batches of similar length."""
    written: list[list[int]] = [[] for _ in writers]
    waiting: dict[int, Request] = {}

    def go_on(index: int, logits: FloatArray | None) -> None:
        try:
            waiting[index] = writers[index].send(logits)  # type: ignore[arg-type]
        except StopIteration as stop:
            written[index] = stop.value

    for index in range(len(writers)):
        go_on(index, None)
    while waiting:
        requests = list(waiting.items())
        waiting.clear()
        for group in by_length([len(r.input_ids) for _, r in requests], max_batch_tokens):
            members = [requests[i] for i in group]
            rows = np.concatenate([np.full(len(r.places), i) for i, (_, r) in enumerate(members)])
            columns = np.concatenate([r.places for _, r in members])
            batch = side_by_side([r.input_ids for _, r in members])
            logits = model(*batch, rows, columns)
            for row, (index, _) in enumerate(members):
                go_on(index, logits[rows == row])
    return written


def _random(seed: int, prompt: Prompt) -> np.random.Generator:
    """The choices of a prompt hang on the seed and the prompt, not on its place in a batch."""
    return np.random.default_rng([seed, zlib.crc32(np.array(prompt.ids, dtype=np.int64).tobytes())])


def _whole(name: str, value: int | str, lowest: int) -> int:
    """A whole number; a variable set in the environment arrives as a string."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = lowest - 1
    if number < lowest:
        raise ConfigurationError(
            f"bert_generator: {name} expects a whole number from {lowest}; got {value!r}"
        )
    return number
