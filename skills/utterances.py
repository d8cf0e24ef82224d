"""Small talk or a question of fact: a linear classifier over the sentence embedding.

The embedding is the retrieval encoder's; the classifier is 385 numbers, trained by
``python -m skills.qa.calibrate`` on questions and on small talk. Greetings, thanks and "sure" are told by
their words: an embedding of one or two of them says little.
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


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that keep two speakers in touch and say nothing else, in the languages of the service.
_PHATIC = _words_of(
    """hello hi hey hiya howdy greetings morning evening afternoon welcome bye goodbye cheers
    thanks thank thx please sorry pardon yes yeah yep yup no nope nah ok okay sure fine alright right
    good great nice cool wow awesome perfect lovely excellent amazing wonderful agreed exactly indeed true
    absolutely definitely maybe perhaps really lol haha hahaha hmm hm oh ah aha huh well
    привет здравствуй здравствуйте пока спасибо пожалуйста да нет ладно хорошо ок окей понятно ясно
    отлично здорово супер ага угу конечно утро день вечер"""
)
#: What may stand beside them: "hello, is anyone there?", "thanks so much", "oh I see".
_BESIDE = _words_of(
    """a again all and any anybody anyone are back day do doing everyone everybody for friend going good
    how i i'm is it it's just later lot me much my not of once quoth see so soon that that's the then there
    this to today tomorrow too u very you your всем всё до большое доброе добрый вам тебе
    очень не за что встречи"""
)
_MOST_PHATIC_WORDS = 7


def is_phatic(utterance: str) -> bool:
    """Whether an utterance only keeps in touch (phatic communion, Malinowski 1923): "Hi there!", "Sure".

    Its first word must be such a one, or its second ("oh, thanks", "good morning"), and none may say
    anything else: "hello, when is the rent due?" is a question.
    """
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", utterance.lower().replace("’", "'"))
    if not 0 < len(words) <= _MOST_PHATIC_WORDS or re.search(r"\d", utterance):
        return False
    return not _PHATIC.isdisjoint(words[:2]) and set(words) <= _PHATIC | _BESIDE


def addresses(utterance: str) -> bool:
    """Whether an utterance speaks of the one it is put to."""
    return _ADDRESSES.search(utterance) is not None


def asks(utterance: str) -> bool:
    """Whether an utterance asks for something, by its form."""
    return _ASKS.search(utterance) is not None


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
            raise MissingCheckpoint(f"{file} is missing; make it with: python -m skills.qa.calibrate")
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
