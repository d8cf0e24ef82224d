"""The utterance classifier: its words in a row, and that damaged weights are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from skills.errors import DamagedCheckpoint, MissingCheckpoint
from skills.utterances import UtteranceClassifier, gram_hash, grams


class Blank:
    """An encoder that sees nothing in any text."""

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.zeros((len(texts), 384), np.float32)


def classifier(folder: Path, **changes: np.ndarray) -> UtteranceClassifier:
    hashes = sorted(map(gram_hash, ("time is it", "check")))
    weights = {gram_hash("time is it"): 20.0, gram_hash("check"): -30.0}
    tensors = {
        "weight": np.zeros(384, np.float16),
        "bias": np.zeros(1, np.float16),
        "gram_hashes": np.array(hashes, np.uint32),
        "gram_weights": np.array([weights[h] for h in hashes], np.float16),
    }
    save_file({**tensors, **changes}, folder / "model.safetensors")
    return UtteranceClassifier(Blank(), str(folder))  # type: ignore[arg-type]


def test_words_stand_alone_and_in_a_row() -> None:
    assert grams("What’s it?") == {
        "what's", "it", "?", "< what's", "what's it", "it ?", "? >", "< what's it", "what's it ?", "it ? >",
    }  # fmt: skip
    assert grams("") == {"< >"}
    assert grams("whats it?") == grams("What’s it?")
    assert "can't" in grams("cant I?")


def test_what_words_in_a_row_say_counts(tmp_path: Path) -> None:
    here, there, neither, greeting = classifier(tmp_path)(
        ["What time is it?", "What time is check-in?", "Who signs?", "Hi!"]
    )
    assert here > 0.99
    assert there < 0.01
    assert (neither, greeting) == (0.5, 1.0)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingCheckpoint, match="utterance_training"):
        UtteranceClassifier(Blank(), str(tmp_path))  # type: ignore[arg-type]
    with pytest.raises(DamagedCheckpoint, match="gram_hashes"):
        classifier(tmp_path, gram_weights=np.zeros(3, np.float16))
    with pytest.raises(DamagedCheckpoint, match="384"):
        classifier(tmp_path, weight=np.zeros(7, np.float16))
