"""How sure: from scores to the probability that an answer is right.

A logistic regression over a handful of scores (Platt 1999, with retrieval's scores beside the
reader's), fitted on held-out questions by ``python -m skills.qa.calibrate`` and stored beside
the weights it belongs to. Thresholds are stored with it, for they follow from it.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skills.errors import DamagedCheckpoint, MissingCheckpoint

#: From here an answer is more likely right than wrong.
SURE = 0.5


@dataclass(frozen=True)
class Features:
    """What is known of a candidate answer.

    Attributes:
        margin: span score less null score, in logits.
        lead: margin less that of the best other passage.
        similarity: cosine of question and passage.
        retrieval: fused retrieval score, in [0, 1].
        coverage: share of the question's informative words in the sentence around the answer, outside it.
        sentence: the same share with the answer's own words.
        skimmed: margin of the smaller reader that read the passage first; 0 where none did.
    """

    margin: float
    lead: float
    similarity: float
    retrieval: float
    coverage: float = 0.0
    sentence: float = 0.0
    skimmed: float = 0.0


@dataclass(frozen=True)
class Calibration:
    """Weights of the logistic regression, and the thresholds that follow.

    Attributes:
        weights: a weight for each of ``Features``.
        bias: added to the weighted sum.
        answer_threshold: confidence from which an answer is given; below :data:`SURE` as a doubtful one.
        offer_similarity: cosine of question and sentence from which the sentence is offered so.
        weights_all_read: the weights where every passage that there is was read, as in a short
            document: how far a passage stands out in a search says nothing there. Empty: ``weights``.
        bias_all_read: the bias that goes with them.
    """

    weights: dict[str, float] = field(default_factory=dict)
    bias: float = 0.0
    answer_threshold: float = 0.5
    offer_similarity: float = 0.45
    weights_all_read: dict[str, float] = field(default_factory=dict)
    bias_all_read: float = 0.0

    def confidence(self, features: Features, *, all_read: bool = False) -> float:
        """Probability, in [0, 1], that a candidate with these features is right.

        Args:
            features: of the candidate.
            all_read: whether every passage that there is was read.
        """
        weights, bias = self.weights, self.bias
        if all_read and self.weights_all_read:
            weights, bias = self.weights_all_read, self.bias_all_read
        total = bias + sum(weights.get(k, 0.0) * v for k, v in asdict(features).items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))

    @classmethod
    def load(cls, folder: str) -> Calibration:
        """Read ``calibration.json`` of a folder of weights.

        Raises:
            MissingCheckpoint: if there is none.
            DamagedCheckpoint: if it is not a calibration.
        """
        file = Path(folder) / "calibration.json"
        if not file.is_file():
            raise MissingCheckpoint(f"{file} is missing; make it with: python -m skills.qa.calibrate")
        try:
            return cls(**json.loads(file.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise DamagedCheckpoint(f"{file} is not a calibration: {error}") from error


def expected_calibration_error(
    confidences: NDArray[np.float64], right: NDArray[np.float64], n_bins: int = 10
) -> float:
    """Mean distance of confidence and share right over equal-width bins (Guo et al. 2017).

    Args:
        confidences: in [0, 1], shape (n,).
        right: 1.0 where the answer was right, else 0.0, shape (n,).
        n_bins: equal-width bins of [0, 1]; each counts by how many fall into it.
    """
    bins = np.clip((confidences * n_bins).astype(int), 0, n_bins - 1)
    gaps = [
        abs(confidences[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in range(n_bins)
        if (bins == b).any()
    ]
    return float(sum(gaps))
