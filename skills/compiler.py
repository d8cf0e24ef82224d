"""Makes the ONNX files of ``skills.compiled``; runs as a program of its own.

    python -m skills.compiler FOLDER {span,encoder,masked_lm} {int8,int8_pairs,fp32} TARGET.onnx [ADAPTER]

The only place, beside training, where torch and transformers load a reading model.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForQuestionAnswering

from skills.checkpoints import file_sha256
from skills.deltas import apply_adapter
from skills.errors import CheckpointError
from skills.generation.masked_lm.head import masked_logits

OPSET = 17
#: Smaller tensors stay in the graph, where the runtime's optimiser looks at their values.
MAPPED_BYTES = 1024


def load_model(folder: Path, head: str, adapter: Path | None) -> torch.nn.Module:
    """A checkpoint with its adapter, in float32, in evaluation mode.

    Raises:
        CheckpointError: if weights of the encoder or of the head are missing: a head with random
            weights never answers.
    """
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    kind = {"span": AutoModelForQuestionAnswering, "masked_lm": AutoModelForMaskedLM}.get(head, AutoModel)
    model, report = kind.from_pretrained(
        folder,
        config=config,
        local_files_only=True,
        use_safetensors=True,
        attn_implementation="eager",
        output_loading_info=True,
        torch_dtype=torch.float32,
    )
    missing = {k for k in report["missing_keys"] if "pooler" not in k and "position_ids" not in k}
    if adapter is not None:
        missing -= _with_tied(model, apply_adapter(model, adapter))
    if missing:
        raise CheckpointError(f"{folder}: no weights for {', '.join(sorted(missing))}")
    model.eval()
    return model  # type: ignore[no-any-return]


def _with_tied(model: torch.nn.Module, names: set[str]) -> set[str]:
    """Names of parameters and all other names of the same ones (a tied decoder has two)."""
    every = list(model.named_parameters(remove_duplicate=False))
    brought = {id(parameter) for name, parameter in every if name in names}
    return {name for name, parameter in every if id(parameter) in brought}


class SpanHead(torch.nn.Module):
    """input_ids, attention_mask[, token_type_ids] (b, s) -> start_logits, end_logits (b, s)."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        names = ("input_ids", "attention_mask", "token_type_ids")
        output = self.model(**dict(zip(names, inputs, strict=False)))
        return output.start_logits, output.end_logits


class EncoderHead(torch.nn.Module):
    """input_ids, attention_mask[, token_type_ids] (b, s) -> embeddings (b, hidden), of length 1."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        names = ("input_ids", "attention_mask", "token_type_ids")
        hidden = self.model(**dict(zip(names, inputs, strict=False))).last_hidden_state
        mask = inputs[1].unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        return torch.nn.functional.normalize(pooled, dim=-1)


class MaskedHead(torch.nn.Module):
    """input_ids, attention_mask[, token_type_ids] (b, s), rows, columns (n,) -> logits (n, vocabulary)."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        *texts, rows, columns = inputs
        names = ("input_ids", "attention_mask", "token_type_ids")
        return masked_logits(self.model, dict(zip(names, texts, strict=False)), rows, columns)


#: Head to its module and to the names and first axes of its outputs.
HEADS: dict[str, tuple[type[torch.nn.Module], dict[str, dict[int, str]]]] = {
    "span": (
        SpanHead,
        {"start_logits": {0: "batch", 1: "length"}, "end_logits": {0: "batch", 1: "length"}},
    ),
    "encoder": (EncoderHead, {"embeddings": {0: "batch"}}),
    "masked_lm": (MaskedHead, {"logits": {0: "places"}}),
}


def export(model: torch.nn.Module, head: str, tokenizer_file: Path, target: Path, kind: str) -> None:
    """Write ``target``, fused and (but for fp32) quantised, and its note ``target.json`` last.

    The weights go to a file of their own beside it, which is mapped, not read: they are never in
    memory twice, what is not used is not in memory at all, and processes share what is.
    """
    import onnx

    from skills.smoothing import sample_inputs

    config: Any = model.config
    names = ["input_ids", "attention_mask"]
    if getattr(config, "type_vocab_size", 0) > 1:
        names.append("token_type_ids")
    ids = torch.full((2, 16), 5, dtype=torch.int64)
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(names)]
    axes = {n: {0: "batch", 1: "length"} for n in names}
    if head == "masked_lm":
        names += ["rows", "columns"]
        example += (torch.tensor([0, 1, 1]), torch.tensor([3, 4, 5]))
        axes |= {"rows": {0: "places"}, "columns": {0: "places"}}
    module, outputs = HEADS[head]
    wrapper = module(model)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        plain, fused = Path(scratch) / "plain.onnx", Path(scratch) / "fused.onnx"
        torch.onnx.export(
            wrapper,
            example,
            str(plain),
            input_names=names,
            output_names=list(outputs),
            dynamic_axes=axes | outputs,
            opset_version=OPSET,
            dynamo=False,  # the other exporter wants one more library and fuses no better
        )
        norms = _fuse(plain, fused, config)
        partial = fused
        if kind != "fp32":
            _prepare(fused, norms, sample_inputs(tokenizer_file, config.max_position_embeddings - 2))
            partial = Path(scratch) / "int8.onnx"
            quantize(fused, partial, kind)
        whole, weights = Path(scratch) / target.name, target.with_suffix(".weights")
        onnx.save_model(
            onnx.load(str(partial)),
            str(whole),
            save_as_external_data=True,
            location=weights.name,
            size_threshold=MAPPED_BYTES,
        )
        (Path(scratch) / weights.name).chmod(whole.stat().st_mode)  # onnx makes it the user's alone
        (Path(scratch) / weights.name).replace(weights)
        whole.replace(target)
    files = {path.name: file_sha256(path) for path in (target, weights)}
    note = {"files": files, "head": head, "kind": kind}
    target.with_suffix(".json").write_text(json.dumps(note), "utf-8")


def quantize(source: Path, target: Path, kind: str) -> None:
    """Write a graph whose products by constants are in 8 bits, with a scale for each of their outputs.

    Args:
        source: a graph in float32.
        target: the file to be written.
        kind: of the weights, ``int8`` or ``int8_pairs`` (``skills.pair_sums``).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from skills.pair_sums import limit_pair_sums

    quantize_dynamic(
        str(source),
        str(target),
        per_channel=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": 1},
    )
    if kind == "int8_pairs":
        model = onnx.load(str(target))
        limit_pair_sums(model, onnx.load(str(source)))
        onnx.save_model(model, str(target))


def _fuse(plain: Path, fused: Path, config: Any) -> set[str]:
    """Attention, embeddings and GELU as one operator each, layer norms as the fastest there is.

    Returns:
        names of what comes out of the layer norms.
    """
    import onnx
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    from skills.onnx_rewrites import move_biases, norms_of_tokens, replace_layer_norms

    options = FusionOptions("bert")
    # a layer norm that took in the sum before it could not be replaced; a bias of its own is free in a
    # product of 8-bit integers
    options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = options.enable_bias_gelu = False
    optimized = optimizer.optimize_model(
        str(plain),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        opt_level=1,
        optimization_options=options,
    )
    graph = optimized.model.graph
    norms = norms_of_tokens(onnx.load(str(plain)).graph)
    replace_layer_norms(graph, norms, "input_ids")
    move_biases(graph, norms)
    optimized.save_model_to_file(str(fused))
    return norms | {n.output[0] for n in graph.node if n.op_type == "EmbedLayerNormalization"}


def _prepare(fused: Path, norms: set[str], samples: Any) -> None:
    """Make a graph, in its file, lose little in 8 bits (``skills.onnx_rewrites``, ``skills.smoothing``)."""
    import onnx

    from skills.onnx_rewrites import activated_inputs, scale_tokens
    from skills.smoothing import smooth_inputs, uneven_tokens

    model, scratch = onnx.load(str(fused)), fused.with_name("seen.onnx")
    scale_tokens(model.graph, uneven_tokens(model, activated_inputs(model.graph), samples, scratch))
    smooth_inputs(model, norms, samples, scratch)
    onnx.save_model(model, str(fused))


def main(arguments: list[str]) -> int:
    """Compile one checkpoint; the last line on stderr says what went wrong."""
    folder, head, kind, target, *rest = arguments
    warnings.simplefilter("ignore")
    try:
        model = load_model(Path(folder), head, Path(rest[0]) if rest else None)
        export(model, head, Path(folder) / "tokenizer.json", Path(target), kind)
    except Exception as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "), file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
