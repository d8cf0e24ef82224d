"""The compiled masked language model: padded token ids in, logits at chosen places out."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from skills.compiled import Precision, compile_checkpoint
from skills.generation.masked_lm.masking import FloatArray, IntArray
from skills.runtime import OnnxModel

log = logging.getLogger(__name__)

#: Weights that come with the project, by the name a setting uses.
ADAPTERS = Path(__file__).resolve().parents[1] / "weights"
#: Those that are taken without being asked for, by the checkpoint they were trained on.
OWN = {"all-minilm-l6-v2": "minilm-masked-lm"}


class OnnxMaskedModel:
    """A compiled model with the head ``masked_lm``; safe to call from several threads.

    Args:
        onnx_file: made by ``skills.compiled``.
        n_threads: threads of one forward pass.

    Raises:
        DamagedCheckpoint: if the file is not a model.
    """

    def __init__(self, onnx_file: Path, n_threads: int = 2) -> None:
        self._model = OnnxModel(onnx_file, n_threads)

    def __call__(
        self, input_ids: IntArray, attention_mask: IntArray, rows: IntArray, columns: IntArray
    ) -> FloatArray:
        """Logits at chosen places; see ``scoring.MaskedModel``."""
        logits: FloatArray = self._model(
            {
                "input_ids": input_ids,
                "attention_mask": attention_mask,
                "token_type_ids": np.zeros_like(input_ids),
                "rows": rows,
                "columns": columns,
            }
        )[0]
        return logits


def load_masked_model(
    checkpoint: str, adapter: str, precision: Precision, cache_path: str, n_threads: int
) -> OnnxMaskedModel:
    """A masked language model, compiled for this machine where it is not yet.

    Args:
        checkpoint: name or folder of the model (``skills.checkpoints``).
        adapter: folder of an adapter; a bare name is one of the project's own; "" is the project's
            own for this checkpoint where there is one, else the checkpoint's head.
        precision: ``int8`` or ``fp32``.
        cache_path: where compiled models are kept.
        n_threads: threads of one forward pass.

    Raises:
        CheckpointError: if weights are missing or damaged; a head with random weights never writes.
    """
    adapter = adapter or OWN.get(checkpoint.lower(), "")
    own = ADAPTERS / adapter
    folder = str(own if own.is_dir() else Path(adapter).expanduser()) if adapter else None
    file = compile_checkpoint(
        checkpoint, "masked_lm", folder, precision, cache_path=cache_path, announce=log.warning
    )
    return OnnxMaskedModel(file, n_threads)
