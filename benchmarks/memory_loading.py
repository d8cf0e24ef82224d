"""One process of ``benchmarks.memory``: loads one thing, uses it once, and says what that took.

python -m benchmarks.memory_loading WAY PRECISION_OR_CONFIG
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.report import peak_memory_mb

ROOT = Path(__file__).resolve().parent.parent
READER, GENERATOR = "all-MiniLM-L6-v2", "SmolLM2-135M-Instruct"
#: The auto classes of transformers that load what a config names.
CONFIGS: dict[str, tuple[tuple[str, str], ...]] = {
    "dialog.json": (
        ("AutoModelForQuestionAnswering", READER), ("AutoModel", READER), ("AutoModelForCausalLM", GENERATOR),
    ),
    "squad_reader.json": (("AutoModelForQuestionAnswering", READER),),
    "ingest.json": (("AutoModel", READER),),
    "bert_generator.json": (("AutoModelForMaskedLM", READER),),
    "generate.json": (("AutoModelForCausalLM", GENERATOR),),
}  # fmt: skip
MIB = 1024 * 1024


def main(name: str, what: str) -> int:
    """Load one thing, in this process, and print the figures as JSON."""
    from bot.settings import offline_environment

    offline_environment()
    logging.disable(logging.WARNING)
    print(json.dumps(WORKERS[name](what)))
    return 0


def _grown(
    weights_mib: float, load: Callable[[], Any], use: Callable[[Any], object], context_mib: float = 0.0
) -> dict[str, float]:
    """The peak before and after loading and using."""
    forget_peak()
    before = _peak()
    began = time.perf_counter()
    loaded = load()
    load_s = time.perf_counter() - began
    use(loaded)
    return {
        "before_mib": before, "peak_mib": _peak(), "load_s": load_s, "weights_mib": weights_mib,
        "context_mib": context_mib,
    }  # fmt: skip


def forget_peak() -> None:
    """Set the peak of this process back to what it holds now (Linux; elsewhere the old peak stays)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak() -> float:
    return peak_memory_mb() * 1e6 / MIB or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compiled(precision: str) -> dict[str, float]:
    """Our reader."""
    from skills.checkpoints import checkpoint_folder
    from skills.compiled import compile_checkpoint
    from skills.qa.reader import SquadReader
    from skills.qa.sizes import ADAPTERS
    from skills.weight_files import n_safetensors_weights

    adapter = str(ADAPTERS / "minilm-squad")
    compile_checkpoint(READER, "span", adapter=adapter, precision=precision)  # once, in a process of its own
    n_weights = n_safetensors_weights(checkpoint_folder(READER, verify=False))
    return _grown(
        n_weights * {"int8": 1, "fp32": 4}[precision] / MIB,
        lambda: SquadReader(adapter=adapter, precision=precision),
        lambda reader: reader(["It was built in 1874. " * 60], ["When was it built?"]),
    )


def plain_reader(precision: str) -> dict[str, float]:
    """transformers, the same base."""
    import torch
    import transformers

    from skills.checkpoints import checkpoint_folder

    _import_models("bert")
    source = str(checkpoint_folder(READER, verify=False))
    dtype = getattr(torch, precision)

    def use(model: Any) -> None:
        with torch.inference_mode():
            model(input_ids=torch.full((1, 384), 1000))

    load = transformers.AutoModelForQuestionAnswering.from_pretrained
    size = _torch_size(READER, dtype.itemsize)
    return _grown(size, lambda: load(source, dtype=dtype, local_files_only=True), use)


def llama_cpp(precision: str) -> dict[str, float]:
    """Our engine for GGUF, with the context of the default configuration."""
    import xllamacpp  # noqa: F401 - part of what is there before

    from skills.checkpoints import checkpoint_file
    from skills.generation.engines import make_engine
    from skills.weight_files import gguf_header

    file = checkpoint_file(GENERATOR, verify=False)
    engine = make_engine("llama_cpp", GENERATOR)
    context = gguf_header(file).cache_bytes_per_token() * engine.n_ctx * engine.n_slots
    return _grown(file.stat().st_size / MIB, engine.load, lambda _: _say(engine), context / MIB)


def torch_engine(precision: str) -> dict[str, float]:
    """Our engine for transformers, from GGUF."""
    import torch

    from skills.generation.engines import make_engine

    _import_models("llama")
    engine = make_engine("transformers", GENERATOR, {"dtype": precision})
    size = _torch_size(GENERATOR, getattr(torch, precision).itemsize)
    return _grown(size, engine.load, lambda _: _say(engine))


def plain_generator(precision: str) -> dict[str, float]:
    """transformers itself, from GGUF."""
    import torch
    import transformers

    from skills.checkpoints import checkpoint_file

    _import_models("llama")
    file = checkpoint_file(GENERATOR, verify=False)
    dtype = getattr(torch, precision)

    def load() -> Any:
        source = {"gguf_file": file.name, "local_files_only": True}
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(file.parent), **source)
        model = transformers.AutoModelForCausalLM.from_pretrained(str(file.parent), dtype=dtype, **source)
        return tokenizer, model

    def use(loaded: tuple[Any, Any]) -> None:
        ids = loaded[0]("Hello! How are you?", return_tensors="pt")["input_ids"]
        loaded[1].generate(ids, max_new_tokens=8, do_sample=False)

    return _grown(_torch_size(GENERATOR, dtype.itemsize), load, use)


def config(name: str) -> dict[str, float]:
    """A whole config, as DeepPavlov builds it, used once."""
    from deeppavlov import build_model

    began = time.perf_counter()
    model = build_model(str(ROOT / "configs" / name))
    load_s = time.perf_counter() - began
    with tempfile.TemporaryDirectory(prefix="quoth-memory-") as folder:
        model(*_inputs(name, folder))
    return {"peak_mib": _peak(), "load_s": load_s}


def _inputs(name: str, folder: str) -> tuple[list[Any], ...]:
    """One entry for each input of a config."""
    from skills.dialog import Document
    from skills.retrieval.changes import AddDocument

    if name == "dialog.json":
        return ["Hello! How are you?"], [None], [None], [None], [None]
    if name == "squad_reader.json":
        return ["The lighthouse was built in 1874. " * 20], ["When was the lighthouse built?"]
    if name == "ingest.json":
        document = Document("0" * 64, "a.txt", "The lighthouse was built in 1874. " * 20)
        return [str(Path(folder) / "shelf.db")], [AddDocument(document)], [None]
    if name == "bert_generator.json":
        return ["The lighthouse stands on a rock."], ["It was built in"]
    return (["The lighthouse was built in"],)


def config_plain(name: str) -> dict[str, float]:
    """The models of a config, as transformers loads them; used once, for they come as they are needed."""
    import torch
    import transformers

    from skills.checkpoints import checkpoint_file, checkpoint_folder

    began = time.perf_counter()
    kept, load_s = [], 0.0
    for kind, model in CONFIGS[name]:
        source: dict[str, Any] = {"local_files_only": True}
        place = checkpoint_folder(model, verify=False)
        if model == GENERATOR:
            source["gguf_file"] = checkpoint_file(model, verify=False).name
        loaded = getattr(transformers, kind).from_pretrained(str(place), dtype=torch.float32, **source)
        load_s = time.perf_counter() - began
        with torch.inference_mode():
            loaded(input_ids=torch.full((1, 64), 1000))
        kept.append(loaded)
    return {"peak_mib": _peak(), "load_s": load_s}


def _say(engine: Any) -> None:
    from skills.generation.decoding import Decoding
    from skills.generation.engines import Message

    engine.generate([Message("user", "Hello! How are you?")], Decoding(), max_new_tokens=8)


def _import_models(family: str) -> None:
    """What transformers imports late: it is no part of a model."""
    import importlib

    import transformers

    transformers.logging.set_verbosity_error()
    importlib.import_module(f"transformers.models.{family}.modeling_{family}")
    importlib.import_module("transformers.generation.utils")


def _torch_size(model: str, itemsize: int) -> float:
    from skills.checkpoints import checkpoint_file, checkpoint_folder
    from skills.weight_files import gguf_header, n_safetensors_weights

    if model == GENERATOR:
        n_weights = gguf_header(checkpoint_file(model, verify=False)).n_weights
    else:
        n_weights = n_safetensors_weights(checkpoint_folder(model, verify=False))
    return n_weights * itemsize / MIB


WORKERS: dict[str, Callable[[str], dict[str, float]]] = {
    "transformers": plain_reader,
    "compiled": compiled,
    "transformers gguf": plain_generator,
    "engine transformers": torch_engine,
    "engine llama_cpp": llama_cpp,
    "config": config,
    "config-plain": config_plain,
}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
