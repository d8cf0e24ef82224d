"""How much memory a pipeline will take, told from its config and the headers of its weights.

Nothing is loaded, and no component knows of it: a component whose weights count has a line in
``_ESTIMATES``. All figures are MiB of resident memory at the peak of ordinary work; weights that
are mapped from a file count like any others. The constants were measured on Linux with the
default models: of 616 estimated a chat took 446 once loaded, 467 after one question and one reply,
559 after four questions at once over a long document, before any prompts were kept. An integration
test holds the sum against a running program.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skills.checkpoints import checkpoint_file, checkpoint_folder, is_gguf
from skills.compiled import Precision, resolved
from skills.generation.engines.llama_cpp import LlamaCppEngine
from skills.qa.sizes import checkpoint_of
from skills.weight_files import gguf_header, n_safetensors_weights

MIB = 1024 * 1024
#: Python, DeepPavlov, ONNX Runtime, the stores' clients: 71 once imported, the rest while in use.
PROGRAM = 120.0
#: Tokenizer, session and activations of a compiled model. Both models add 40 once loaded, 77 more
#: while four conversations ask at the same time.
READING = 32.0
#: A tokenizer alone: what a second component with the same weights adds.
TOKENIZER = 8.0
#: llama.cpp's code, threads and compute buffers.
LLAMA_CPP = 42.0
#: Torch and transformers once imported, with the activations of one reply.
TORCH = 350.0
#: The largest tensor, in both precisions, while the weights are turned into those of the model.
TORCH_LOADING = 0.25
#: The client of a server that has the model.
CLIENT = 8.0

_BYTES = {"int8": 1, "float16": 2, "bfloat16": 2, "fp32": 4, "float32": 4}
#: What the offered alternative of a smaller context has.
_SMALL = {"n_ctx": 1024, "n_slots": 1}

Component = Mapping[str, Any]
Estimate = Callable[[Component], "Part"]


@dataclass(frozen=True)
class Part:
    """What one part of the program takes.

    Attributes:
        name: as an operator knows it.
        mib: memory.
        detail: what it is made up of, or "".
        weights: tells the weights from others; a part with the same ones shares them.
    """

    name: str
    mib: float
    detail: str = ""
    weights: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.mib:.0f}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class Footprint:
    """What a program with some pipelines takes, part by part.

    Attributes:
        parts: the program itself, then the components with weights.
        alternatives: choices that take less: what to set, and the total then.
    """

    parts: tuple[Part, ...]
    alternatives: tuple[tuple[str, float], ...] = ()

    @property
    def mib(self) -> float:
        """The sum."""
        return sum(part.mib for part in self.parts)

    def __str__(self) -> str:
        return f"{self.mib:.0f} MiB: " + ", ".join(str(part) for part in self.parts)

    def refusal(self, cap_mib: float, setting: str) -> str | None:
        """One line that says why the cap is too low and what to choose; None where it is not.

        Args:
            cap_mib: the bound.
            setting: the name of what sets it.
        """
        if self.mib <= cap_mib:
            return None
        fitting = [f"{what} ({mib:.0f} MiB)" for what, mib in self.alternatives if mib <= cap_mib]
        choices = (
            f", or choose {' or '.join(fitting)}" if fitting else "; no choice of engine or context fits"
        )
        return (
            f"{setting} is {cap_mib:.0f}, and this configuration needs about {self}. "
            f"Set it to {_rounded_up(self.mib)} or more{choices}."
        )


def footprint(components: Sequence[Component]) -> Footprint:
    """The memory that components take together in one process.

    Args:
        components: the pipes of the process's configs, variables filled in.

    Raises:
        CheckpointError: if weights are missing or no weights.
    """
    variants: list[tuple[str, Mapping[str, Any]]] = []
    for component in components:
        if component.get("class_name") != _GENERATOR:
            continue
        if component.get("engine") == "transformers" and is_gguf(component["model"]):
            variants.append(("QUOTH_ENGINE=llama_cpp", {"engine": "llama_cpp"}))
        smaller = ", ".join(f"{name} {value}" for name, value in _SMALL.items())
        variants += [
            (f"{smaller} for reply_generator in the config", {**_SMALL, "engine_parameters": {}}),
            ("QUOTH_ENGINE=openai with a server's address as QUOTH_MODEL", {"engine": "openai"}),
        ]
    now = _parts(components)
    total = sum(part.mib for part in now)
    others = []
    for what, changes in variants:
        changed = [{**c, **changes} if c.get("class_name") == _GENERATOR else c for c in components]
        mib = sum(part.mib for part in _parts(changed))
        if mib < total:
            others.append((what, mib))
    return Footprint(now, tuple(others))


def checkpoints_of(components: Sequence[Component]) -> set[str]:
    """Names and folders of the encoders that components read with."""
    found = set()
    for component in components:
        name = str(component.get("class_name"))
        if name == "skills.qa.reader:SquadReader":
            found.add(checkpoint_of(str(component.get("checkpoint", "")), str(component.get("adapter", ""))))
        elif name == "skills.qa.passage_reader:PassageReader" and component.get("skim_with"):
            found.add(checkpoint_of("", str(component["skim_with"])))
        elif name == "skills.retrieval.encoder:SentenceEncoder":
            found.add(str(component["checkpoint"]))
    return found


def _parts(components: Sequence[Component]) -> tuple[Part, ...]:
    parts = [Part("program", PROGRAM)]
    for component in components:
        estimate = _ESTIMATES.get(str(component.get("class_name")))
        if estimate is None:
            continue
        part = estimate(component)
        if not part.mib:
            continue
        if part.weights and any(part.weights == other.weights for other in parts):
            part = Part(f"{part.name} again", TOKENIZER, "shares its weights")
        parts.append(part)
    return tuple(parts)


def _compiled(name: str, checkpoint: str, adapter: str, precision: Precision) -> Part:
    folder = checkpoint_folder(checkpoint, verify=False)
    exact = resolved(precision)
    weights = n_safetensors_weights(folder) * _BYTES[exact] / MIB
    which = f"{name} {folder} {exact} {adapter}"
    return Part(name, READING + weights, f"weights {weights:.0f}", which)


def _encoder(component: Component) -> Part:
    return _compiled("sentence encoder", str(component["checkpoint"]), "", component.get("precision", "int8"))


def _reader(component: Component) -> Part:
    adapter = str(component.get("adapter", ""))
    checkpoint = checkpoint_of(str(component.get("checkpoint", "")), adapter)
    return _compiled("reader", checkpoint, adapter, component.get("precision", "auto"))


def _skimmer(component: Component) -> Part:
    adapter = str(component.get("skim_with", ""))
    if not adapter:
        return Part("reading", 0.0)
    return _compiled("skimming reader", checkpoint_of("", adapter), adapter, "auto")


def _generator(component: Component) -> Part:
    engine, model = str(component.get("engine", "llama_cpp")), str(component.get("model", ""))
    if engine == "openai":
        return Part("replies by openai", CLIENT)
    parameters = {**component, **(component.get("engine_parameters") or {})}
    if engine != "transformers" and is_gguf(model):
        return _llama_cpp(model, parameters)
    return _torch(model, parameters)


def _llama_cpp(model: str, parameters: Mapping[str, Any]) -> Part:
    file = checkpoint_file(model, verify=False)
    n_ctx, n_slots, prompts = (
        _whole(parameters.get(name), LlamaCppEngine, name) for name in ("n_ctx", "n_slots", "cache_ram_mib")
    )
    weights = file.stat().st_size / MIB
    context = gguf_header(file).cache_bytes_per_token() * n_ctx * n_slots / MIB
    detail = (
        f"weights {weights:.0f}, context {context:.0f} for {n_slots} x {n_ctx} tokens, "
        f"kept prompts {prompts}, library {LLAMA_CPP:.0f}"
    )
    return Part("replies by llama_cpp", weights + context + prompts + LLAMA_CPP, detail)


def _torch(model: str, parameters: Mapping[str, Any]) -> Part:
    n_weights = (
        gguf_header(checkpoint_file(model, verify=False)).n_weights
        if is_gguf(model)
        else n_safetensors_weights(checkpoint_folder(model, verify=False))
    )
    dtype = str(parameters.get("dtype") or "float32")
    weights = n_weights * _BYTES.get(dtype, 4) / MIB
    loading = weights * TORCH_LOADING
    detail = f"weights {weights:.0f} in {dtype}, loading them {loading:.0f}, torch {TORCH:.0f}"
    return Part("replies by transformers", weights + loading + TORCH, detail)


_GENERATOR = "skills.generation.reply_generator:ReplyGenerator"
_ESTIMATES: dict[str, Estimate] = {
    "skills.qa.reader:SquadReader": _reader,
    "skills.qa.passage_reader:PassageReader": _skimmer,
    "skills.retrieval.encoder:SentenceEncoder": _encoder,
    _GENERATOR: _generator,
}


def _whole(value: Any, engine: type, name: str) -> int:
    """A parameter of an engine, or the engine's default."""
    if value in (None, ""):
        value = inspect.signature(engine).parameters[name].default
    return int(value)


def _rounded_up(mib: float) -> int:
    return -int(-mib // 10) * 10
