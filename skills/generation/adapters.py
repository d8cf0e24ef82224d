"""Which low-rank adapter goes with which chat model. Looks at names and configs, loads nothing."""

from __future__ import annotations

import json
from pathlib import Path

from skills.compiled import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from skills.errors import ConfigurationError, DamagedCheckpoint, MissingCheckpoint

#: The project's own adapter for a model where there is one, else none.
AUTO = "auto"
#: Weights that come with the project, by the name a setting uses.
ADAPTERS = Path(__file__).resolve().parent / "weights"
#: Those that ``auto`` takes, by the model they were trained on.
OWN: dict[str, str] = {"smollm2-135m-instruct": "smollm2-small-talk"}
_MAX_CONFIG_BYTES = 1_000_000


def adapter_folder(adapter: str, model: str) -> Path | None:
    """Folder of the adapter to use with a model, or None.

    Args:
        adapter: ``auto``; "" for none; the name of one of the project's own; or a folder in peft's
            format.
        model: name or path of the model.

    Raises:
        MissingCheckpoint: if there is no such adapter.
        DamagedCheckpoint: if its config is none.
        ConfigurationError: if it was trained on another model.
    """
    if adapter == AUTO:
        adapter = OWN.get(model.lower(), "")
    if not adapter:
        return None
    own = ADAPTERS / adapter
    folder = own if own.is_dir() else Path(adapter).expanduser().resolve()
    for file in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if not (folder / file).is_file():
            raise MissingCheckpoint(
                f"{folder / file} is missing; an adapter is a folder with {ADAPTER_CONFIG} and "
                f'{ADAPTER_WEIGHTS}, {AUTO}, or "" for none'
            )
    base = str(adapter_config(folder).get("base_model_name_or_path", ""))
    if not _name(model).startswith(_name(base)):
        raise ConfigurationError(
            f"the adapter {folder.name} was trained on {base or 'an unnamed model'} and does not fit the "
            f"model {model}; choose that model, or another adapter"
        )
    return folder


def adapter_config(folder: Path) -> dict[str, object]:
    """An adapter's config.

    Raises:
        DamagedCheckpoint: if it is not a JSON object.
    """
    file = folder / ADAPTER_CONFIG
    try:
        if file.stat().st_size > _MAX_CONFIG_BYTES:
            raise ValueError(f"{file.stat().st_size} bytes")
        config = json.loads(file.read_text("utf-8"))
        if not isinstance(config, dict):
            raise ValueError(f"a JSON {type(config).__name__}")
    except (OSError, ValueError) as error:
        raise DamagedCheckpoint(f"{file} is not an adapter's config: {error}") from error
    return config


def _name(model: str) -> str:
    """A model's name, by which a file or a folder of it begins: "/m/Smol.Q4_1.gguf" is "smol.q4_1.gguf"."""
    return Path(model).name.lower() or "\0"
