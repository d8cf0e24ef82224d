"""Which engine a model and a decoding go with, where the config leaves that open. Loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skills.checkpoints import is_gguf
from skills.errors import ConfigurationError
from skills.generation.decoding import Decoding
from skills.generation.engines import Engine, lacking, make_engine

AUTO = "auto"


def engine_for(
    name: str, model: str, decoding: Decoding, parameters: Mapping[str, Any] | None = None
) -> Engine:
    """An engine that has every parameter of a decoding, not loaded.

    ``auto`` takes ``openai`` where the model is a server's address; ``llama_cpp``, the quick one,
    where the model is a GGUF file and llama.cpp has all that the decoding asks for; otherwise
    ``transformers``, which has every strategy and reads GGUF files too.

    Args:
        name: an engine's name or ``auto``.
        model: which model, as the engine understands it.
        decoding: the strategy.
        parameters: the engine's other constructor parameters.

    Raises:
        ConfigurationError: if the named engine does not exist or lacks a parameter.
        MissingCheckpoint: if there is no such model.
    """
    if name != AUTO:
        engine = make_engine(name, model, parameters)
    elif "://" in model:
        engine = make_engine("openai", model, parameters)
    else:
        if is_gguf(model):
            quick = make_engine("llama_cpp", model, parameters)
            if not lacking(quick, decoding):
                return quick
        engine = make_engine("transformers", model, parameters)
    lacks = lacking(engine, decoding)
    if lacks:
        raise ConfigurationError(
            f"the engine {engine.name} lacks {', '.join(sorted(lacks))}; leave that out, or set the engine "
            f"to transformers with local weights, which has every strategy"
        )
    return engine
