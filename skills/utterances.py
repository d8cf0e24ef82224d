"""Small talk or a question of fact: a linear classifier over the sentence embedding and the words.

The embedding is the retrieval encoder's; it says what an utterance is about. "What time is it?" and "What
time is check-in?" are about the same thing: words, and two and three in a row, tell these apart, each with
a weight of its own (fastText, Joulin et al. 2016, arXiv 1607.01759, learns a vector for each).
Trained by ``python -m skills.utterance_training`` on questions and on small talk. Greetings, thanks and
"sure" are told by a list of words: an embedding of one or two of them says little.
"""

from __future__ import annotations

import math
import re
from binascii import crc32
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component
from safetensors.numpy import load_file

from skills.errors import DamagedCheckpoint, MissingCheckpoint, parameter_names, refuse_unknown
from skills.phatic import is_phatic
from skills.retrieval.encoder import SentenceEncoder
from skills.retrieval.words import APOSTROPHES

WEIGHTS = Path(__file__).resolve().parent / "qa" / "weights" / "utterances"
_SHAPES = {"weight": (384,), "bias": (1,)}

_ADDRESSES = re.compile(
    r"\b(?:you|your|yours|yourself|u|ur|ya|ты|тебя|тебе|тобой|твой|твоя|вы|вас|вам|ваш)\b", re.I
)


def addresses(utterance: str) -> bool:
    """Whether an utterance speaks of the one it is put to."""
    return _ADDRESSES.search(utterance) is not None


_WORD = re.compile(r"\w+(?:'\w+)?|\?")


def grams(utterance: str) -> frozenset[str]:
    """The words of an utterance, and two and three in a row, "<" before the first and ">" after the last."""
    said = (APOSTROPHES.get(word, word) for word in _WORD.findall(utterance.lower().replace("’", "'")))
    words = ["<", *said, ">"]
    in_a_row = (" ".join(words[at : at + n]) for n in (2, 3) for at in range(len(words) - n + 1))
    return frozenset([*words[1:-1], *in_a_row])


def gram_hash(gram: str) -> int:
    """What stands for one of :func:`grams` in the weights: CRC-32 of its UTF-8."""
    return crc32(gram.encode())


@register("utterance_classifier")
class UtteranceClassifier(Component):
    """``utterance_classifier(utterances) -> small_talk``: a probability in [0, 1] each.

    Args:
        encoder: the pipe's sentence encoder.
        weights: folder with ``model.safetensors``: ``weight`` (384,) of the embedding, ``bias`` (1,), and
            ``gram_weights`` (n,) of the :func:`grams` whose :func:`gram_hash` is in ``gram_hashes`` (n,);
            their sum is divided by the square root of how many an utterance has.

    Raises:
        CheckpointError: if the weights are missing or do not fit the encoder.
    """

    def __init__(self, encoder: SentenceEncoder, weights: str = "", **kwargs: Any) -> None:
        refuse_unknown("utterance_classifier", kwargs, parameter_names(type(self).__init__))
        self.encoder = encoder
        file = (Path(weights) if weights else WEIGHTS) / "model.safetensors"
        if not file.is_file():
            raise MissingCheckpoint(f"{file} is missing; make it with: python -m skills.utterance_training")
        tensors = load_file(file)
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        n_grams = shapes.get("gram_hashes", (0,))
        if shapes != {**_SHAPES, "gram_hashes": n_grams, "gram_weights": n_grams}:
            raise DamagedCheckpoint(
                f"{file}: expected weight (384,), bias (1,), gram_hashes (n,) and gram_weights (n,), "
                f"got {shapes}; make it with: python -m skills.utterance_training"
            )
        self.weight = tensors["weight"].astype(np.float32)
        self.bias = float(tensors["bias"][0])
        self.gram_weights: dict[int, float] = dict(
            zip(tensors["gram_hashes"].tolist(), tensors["gram_weights"].tolist(), strict=True)
        )

    def __call__(self, utterances: Sequence[str]) -> list[float]:
        """Probability of small talk of each utterance; 1 of one that only keeps in touch."""
        if not utterances:
            return []
        totals = self.encoder.encode(list(utterances)) @ self.weight + self.bias
        told = (_probability(float(t) + self._of_words(u)) for t, u in zip(totals, utterances, strict=True))
        return [1.0 if is_phatic(u) else p for u, p in zip(utterances, told, strict=True)]

    def _of_words(self, utterance: str) -> float:
        found = grams(utterance)
        weights = (self.gram_weights.get(gram_hash(gram), 0.0) for gram in found)
        return sum(weights) / math.sqrt(len(found))


def _probability(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
