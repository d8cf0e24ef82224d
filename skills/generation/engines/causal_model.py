"""Weights of a causal language model into transformers: whole, once, and only from safetensors or GGUF.

The model is built without memory of its own, then filled tensor by tensor from the mapped files,
each turned into the wanted precision as it comes: at no time is it in memory twice. Torch and
transformers are imported when a model is loaded and not before.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skills.checkpoints import checkpoint_file, checkpoint_folder, is_gguf
from skills.errors import DamagedCheckpoint
from skills.generation.engines.ctrl import CTRL, mend
from skills.generation.engines.gguf_model import gguf_model
from skills.generation.engines.safetensors_model import safetensors_model, stored_precision
from skills.weight_files import gguf_header

log = logging.getLogger(__name__)

#: What ``auto`` is: half precision for CTRL, whose 1.6 G parameters take 6.5 GB otherwise.
_AUTO = {CTRL: "float16"}
DTYPES = ("auto", "float32", "bfloat16", "float16")


def load_causal_model(model: str, dtype: str, adapter: Path | None = None) -> tuple[Any, Any]:
    """Tokenizer and model, ready to generate; takes seconds.

    Args:
        model: a folder, the path of a GGUF file, or a name of ``skills.checkpoints``.
        dtype: one of ``DTYPES``.
        adapter: folder of a low-rank adapter that is merged into the weights, or None.

    Raises:
        CheckpointError: if weights are missing or damaged; no layer is ever left random.
    """
    folder, gguf_file = locate(model, verify=True)
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    source: dict[str, Any] = {"local_files_only": True}
    if gguf_file:
        source["gguf_file"] = gguf_file
        log.warning("Reading %s into transformers, which takes up to half a minute", gguf_file)
    try:
        with _gguf_made_quick() if gguf_file else contextlib.nullcontext():
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **source)
            precision = _precision(dtype, folder, gguf_file)
            if gguf_file:
                _begin_as_the_file_says(tokenizer, folder / gguf_file)
                loaded, report = gguf_model(folder / gguf_file, precision)
            elif stored_precision(folder) != precision:
                loaded, report = safetensors_model(folder, precision)
            else:  # mapped as it is, and shared with whoever maps it too
                loaded, report = transformers.AutoModelForCausalLM.from_pretrained(
                    str(folder),
                    dtype=getattr(torch, precision),
                    use_safetensors=True,
                    output_loading_info=True,
                    **source,
                )
    except DamagedCheckpoint:
        raise
    except Exception as error:  # safetensors, tokenizers and gguf raise kinds of their own
        raise DamagedCheckpoint(
            f"transformers cannot load {folder / (gguf_file or '')}: {type(error).__name__}: {error}"
        ) from error
    absent = sorted(report["missing_keys"]) + [str(key) for key in report["mismatched_keys"]]
    if absent:
        raise DamagedCheckpoint(
            f"{folder} lacks weights of the model in its config.json: {', '.join(absent[:3])} …"
        )
    if loaded.config.model_type == CTRL:
        mend(loaded)
    if adapter is not None:
        from skills.deltas import apply_adapter

        apply_adapter(loaded, adapter)
    return tokenizer, loaded.eval()


def locate(model: str, verify: bool) -> tuple[Path, str]:
    """Folder of a model, and the GGUF file in it or "".

    Raises:
        MissingCheckpoint, DamagedCheckpoint: as ``skills.checkpoints``.
    """
    if not is_gguf(model):
        return checkpoint_folder(model, verify=verify), ""
    file = checkpoint_file(model, verify=verify)
    return file.parent, file.name


def _precision(dtype: str, folder: Path, gguf_file: str) -> str:
    if dtype != "auto":
        return dtype
    config = {} if gguf_file else json.loads((folder / "config.json").read_text("utf-8"))
    return _AUTO.get(str(config.get("model_type")), "float32")


def _begin_as_the_file_says(tokenizer: Any, file: Path) -> None:
    """Whether a text gets a token of its beginning; transformers gives every Llama of a GGUF file one."""
    begins = gguf_header(file).values.get("tokenizer.ggml.add_bos_token")
    if begins is not None and hasattr(tokenizer, "add_bos_token"):
        tokenizer.add_bos_token = bool(begins)


@contextlib.contextmanager
def _gguf_made_quick() -> Iterator[None]:
    """The library's own functions, without what takes two thirds of the time, and without a bar.

    transformers reads a file's half a million fields four times, each through a slow kind of array,
    and makes the table of the tensors' names anew for each of the model's modules.
    """
    import gguf
    import numpy as np
    from transformers import modeling_gguf_pytorch_utils as utilities

    class QuickReader(gguf.GGUFReader):
        data = property(lambda self: self.plain, lambda self, data: setattr(self, "plain", np.asarray(data)))

    kept = gguf.GGUFReader, gguf.get_tensor_name_map, utilities.tqdm
    gguf.GGUFReader = functools.cache(QuickReader)
    gguf.get_tensor_name_map = functools.cache(gguf.get_tensor_name_map)
    utilities.tqdm = _without_bar
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map, utilities.tqdm = kept


def _without_bar(items: Any, **_: Any) -> Any:
    return items
