"""Confidence: a probability, and how its error is measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.errors import DamagedCheckpoint, MissingCheckpoint
from skills.qa.calibrate import main as calibrate
from skills.qa.calibration import Calibration, Features, expected_calibration_error

number = st.floats(-1e6, 1e6)


@given(number, number, number, number, number)
def test_confidence_is_a_probability(margin: float, lead: float, a: float, b: float, c: float) -> None:
    calibration = Calibration({"margin": 0.5, "lead": 0.1, "similarity": 1.0})
    assert 0.0 <= calibration.confidence(Features(margin, lead, a, b, c)) <= 1.0


def test_confidence_grows_with_the_margin() -> None:
    calibration = Calibration({"margin": 0.5}, bias=-1.0)
    confidences = [calibration.confidence(Features(m, 0, 0, 0, 0)) for m in (-4, 0, 2, 8)]
    assert confidences == sorted(confidences)
    assert calibration.confidence(Features(2, 0, 0, 0, 0)) == pytest.approx(0.5)


def test_expected_calibration_error() -> None:
    right = np.array([1.0, 1.0, 1.0, 0.0])
    assert expected_calibration_error(np.full(4, 0.75), right) == pytest.approx(0.0)
    assert expected_calibration_error(np.full(4, 0.95), right) == pytest.approx(0.2)
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1.0)


def test_load(tmp_path: Path) -> None:
    with pytest.raises(MissingCheckpoint, match=r"calibration\.json is missing"):
        Calibration.load(str(tmp_path))
    (tmp_path / "calibration.json").write_text(json.dumps({"weights": {"margin": 1.0}, "bias": 2.0}))
    assert Calibration.load(str(tmp_path)).bias == 2.0
    for broken in ("{", '{"wieghts": {}}'):
        (tmp_path / "calibration.json").write_text(broken)
        with pytest.raises(DamagedCheckpoint, match="is not a calibration"):
            Calibration.load(str(tmp_path))


def test_where_all_was_read_the_search_does_not_count() -> None:
    calibration = Calibration(
        {"margin": 0.1, "similarity": 3.0}, -2.0, weights_all_read={"margin": 0.2}, bias_all_read=-1.0
    )
    near, far = Features(5, 0, 0.9, 1, 1), Features(5, 0, 0.0, 1, 1)
    assert calibration.confidence(near) > calibration.confidence(far)
    assert calibration.confidence(near, all_read=True) == calibration.confidence(far, all_read=True) == 0.5
    assert Calibration({"margin": 0.1}).confidence(near, all_read=True) == Calibration(
        {"margin": 0.1}
    ).confidence(near)


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk = tmp_path / "talk.txt"
    assert calibrate([str(tmp_path), str(talk), str(tmp_path)]) == 1
    assert "talk.txt" in capsys.readouterr().err
    talk.write_text("Hello")
    assert calibrate([str(tmp_path), str(talk), str(tmp_path)]) == 1
    assert "expected *.json files in SQuAD's format" in capsys.readouterr().err
    assert not (tmp_path / "calibration.json").exists()
