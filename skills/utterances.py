"""Small talk or a question of fact: a linear classifier over the sentence embedding.

The embedding is the retrieval encoder's; the classifier is 385 numbers, trained by
``python -m skills.utterance_training`` on questions and on small talk. Greetings, thanks and "sure" are
told by their words: an embedding of one or two of them says little.
"""

from __future__ import annotations

import math
import re
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

WEIGHTS = Path(__file__).resolve().parent / "qa" / "weights" / "utterances"

_ASKS = re.compile(
    r"""\?\s*$ | ^\W*(?:and|but|so|then|also|please)?\W*
    (?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|am|do|does|did|can|could|may|might|
    must|shall|should|will|would|has|have|had|tell|show|list|explain|describe|find)\b""",
    re.IGNORECASE | re.VERBOSE,
)


_ADDRESSES = re.compile(
    r"\b(?:you|your|yours|yourself|u|ur|ya|ты|тебя|тебе|тобой|твой|твоя|вы|вас|вам|ваш)\b", re.I
)


def addresses(utterance: str) -> bool:
    """Whether an utterance speaks of the one it is put to."""
    return _ADDRESSES.search(utterance) is not None


def asks(utterance: str) -> bool:
    """Whether an utterance asks for something, by its form; "Hello, is anyone there?" does not."""
    return _ASKS.search(utterance) is not None and not is_phatic(utterance)


@register("utterance_classifier")
class UtteranceClassifier(Component):
    """``utterance_classifier(utterances) -> small_talk``: a probability in [0, 1] each.

    Args:
        encoder: the pipe's sentence encoder.
        weights: folder with ``model.safetensors`` (``weight`` (384,), ``bias`` (1,)).

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
        if set(tensors) != {"weight", "bias"} or tensors["weight"].ndim != 1:
            raise DamagedCheckpoint(f"{file}: expected weight (n,) and bias (1,)")
        self.weight = tensors["weight"].astype(np.float32)
        self.bias = float(tensors["bias"][0])

    def __call__(self, utterances: Sequence[str]) -> list[float]:
        """Probability of small talk of each utterance; 1 of one that only keeps in touch."""
        if not utterances:
            return []
        totals = self.encoder.encode(list(utterances)) @ self.weight + self.bias
        told = (1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, float(t))))) for t in totals)
        return [1.0 if is_phatic(u) else p for u, p in zip(utterances, told, strict=True)]
