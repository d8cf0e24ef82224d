"""Which weights a reader takes: its sizes by name, and the checkpoint an adapter belongs to."""

from __future__ import annotations

import json
from pathlib import Path

from skills.compiled import ADAPTER_CONFIG as CONFIG
from skills.errors import DamagedCheckpoint

#: Adapters that come with the project.
ADAPTERS = Path(__file__).resolve().parent / "weights"
#: What a setting may say for them: ``fast`` answers at once on any CPU, ``accurate`` is right more
#: often and wants ten times the arithmetic.
SIZES = {"fast": "minilm-squad", "accurate": "mpnet-squad"}


def adapter_folder(adapter: str) -> Path | None:
    """An adapter's folder: of a size, of one of the project's own by its name, or any other; "" is none."""
    if not adapter:
        return None
    own = ADAPTERS / SIZES.get(adapter, adapter)
    return own if own.is_dir() else Path(adapter).expanduser()


def checkpoint_of(checkpoint: str, adapter: str) -> str:
    """The checkpoint that a reader builds on.

    Args:
        checkpoint: name or folder; "" is the one that the adapter was trained on.
        adapter: as :func:`adapter_folder` takes it.

    Raises:
        DamagedCheckpoint: if neither says it.
    """
    if checkpoint:
        return checkpoint
    folder = adapter_folder(adapter)
    if folder is None:
        raise DamagedCheckpoint("the reader was given neither a checkpoint nor an adapter")
    try:
        return str(json.loads((folder / CONFIG).read_text("utf-8"))["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedCheckpoint(
            f"{folder}: expected an adapter, a folder with {CONFIG} that names its base model"
        ) from error
