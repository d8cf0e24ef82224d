"""Which weights a reader takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skills.errors import DamagedCheckpoint
from skills.qa.sizes import ADAPTERS, SIZES, adapter_folder, checkpoint_of


@pytest.mark.parametrize("size", SIZES)
def test_a_size_names_weights_that_are_there_with_their_card_and_calibration(size: str) -> None:
    folder = adapter_folder(size)
    assert folder is not None
    assert folder.parent == ADAPTERS
    assert {"README.md", "calibration.json", "adapter_model.safetensors"} <= {
        f.name for f in folder.iterdir()
    }
    card = (folder / "README.md").read_text("utf-8")
    assert checkpoint_of("", size) in card


def test_a_checkpoint_is_that_of_the_adapter_unless_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "some-base"}))
    assert checkpoint_of("", str(tmp_path)) == "some-base"
    assert checkpoint_of("another", str(tmp_path)) == "another"
    assert adapter_folder("") is None


def test_without_either_it_is_an_error_that_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DamagedCheckpoint, match="neither a checkpoint nor an adapter"):
        checkpoint_of("", "")
    with pytest.raises(DamagedCheckpoint, match="names its base model"):
        checkpoint_of("", str(tmp_path))
