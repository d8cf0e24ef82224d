"""Questions a second: the reader against DeepPavlov's own and transformers', same weights.

    python -m benchmarks.reader [SQUAD_FILE] [N]

The same questions on the same paragraphs, each engine in a process of its own, in turns, so that
a machine whose speed drifts drifts for all; the best pass of three rounds counts for each. Without a
file, paragraphs of our own are asked: speed needs no answers that are right, and F1 is printed
only where a file brings the answers. "ONNX Runtime int8" is what its own tools make of the model
(exported, dynamically quantised), run bare: tokens in, argmax out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import machine, table
from skills.compiled import resolved

ENGINES = ("quoth int8", "quoth fp32", "ONNX Runtime int8", "DeepPavlov", "transformers")
ROUNDS = 3
#: Seconds of passes over the questions in each; one pass of a fast engine is over in less than one.
PASSES_S = 4.0
BRIDGES = (("Ada Hall", "Lund"), ("Bertha Kay", "Bath"), ("Clara Moss", "Cork"), ("Edith Roy", "Elva"))
Pairs = list[tuple[str, str]]
Answerer = Callable[[Sequence[str], Sequence[str]], list[str]]


def main(arguments: list[str]) -> int:
    """Run every engine and print the table with ratios."""
    if arguments and arguments[0] == "--worker":
        return worker(*arguments[1:])
    squad = Path(arguments[0]) if arguments else None
    n = int(arguments[1]) if len(arguments) > 1 else 64
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder) / "merged"
        merging = [sys.executable, "-m", "benchmarks.reader", "--worker", "merge", str(merged), ""]
        done = subprocess.run(merging, check=False, capture_output=True, text=True)
        if done.returncode:
            print(f"merging failed: {done.stderr.strip().splitlines()[-1]}")
            return 1
        questions = Path(folder) / "questions.json"
        questions.write_text(json.dumps(pairs_of(squad, n)), "utf-8")
        found: dict[str, list[dict[str, Any]]] = {engine: [] for engine in ENGINES}
        for _ in range(ROUNDS):
            for engine in ENGINES:
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.reader",
                    "--worker",
                    engine,
                    str(merged),
                    str(questions),
                ]
                done = subprocess.run(command, check=False, capture_output=True, text=True)
                if done.returncode:
                    print(f"{engine} failed: {done.stderr.strip().splitlines()[-1]}")
                    return 1
                found[engine].append(json.loads(done.stdout.splitlines()[-1]))
    best = {e: {k: max(r[k] for r in rounds) for k in ("one", "batch")} for e, rounds in found.items()}
    own = f"quoth {resolved('auto')}"  # what this machine uses
    ours = best[own]
    rows = [
        [
            e,
            f"{b['one']:.1f}",
            f"{ours['one'] / b['one']:.2f}",
            f"{b['batch']:.1f}",
            f"{ours['batch'] / b['batch']:.2f}",
        ]
        for e, b in best.items()
    ]
    print(table(["engine", "one at a time /s", f"{own} is ×", "batches of 8 /s", f"{own} is ×"], rows))
    answers = {e: rounds[0]["answers"] for e, rounds in found.items()}
    for engine in ENGINES:
        same = sum(a == b for a, b in zip(answers[own], answers[engine], strict=True))
        print(f"same answer from {own} and {engine}: {same} of {len(answers[engine])}")
    return 0


def pairs_of(squad: Path | None, n: int) -> Pairs:
    """(question, paragraph) pairs, of one paragraph each, at most 1,300 characters.

    Longer ones are left out because DeepPavlov's component then needs NLTK's data, which it
    would have to download.
    """
    if squad is None:
        lines = [
            f"The bridge at {town} was opened in {1800 + 7 * i} by the engineer {name}. "
            f"It carried {3 + i} lanes of traffic and cost {12 * (i + 1)} thousand pounds. " * 4
            for i, (name, town) in enumerate(BRIDGES)
        ]
        asked = ["Who opened the bridge?", "When was the bridge opened?", "How much did it cost?"]
        return [(asked[i % 3], lines[i % len(lines)]) for i in range(n)]
    data = json.loads(squad.read_text("utf-8"))["data"]
    pairs = [
        (qa["question"], p["context"])
        for article in data
        for p in article["paragraphs"]
        for qa in p["qas"]
        if len(p["context"]) <= 1300
    ]
    return pairs[:: max(1, len(pairs) // n)][:n]


def worker(engine: str, merged: str, questions: str) -> int:
    """One engine in this process; prints its figures as JSON."""
    if engine == "merge":
        return merge(Path(merged))
    pairs: Pairs = [tuple(p) for p in json.loads(Path(questions).read_text("utf-8"))]
    answer = BUILDERS[engine](merged)
    answer([pairs[0][0]] * 2, [pairs[0][1]] * 2)
    answers = [answer([q], [c])[0] for q, c in pairs]
    one, batch = _rate(answer, pairs, 1), _rate(answer, pairs, 8)
    print(json.dumps({"one": one, "batch": batch, "answers": answers}))
    return 0


def _rate(answer: Answerer, pairs: Pairs, size: int) -> float:
    """Questions a second in batches of a size: the best of passes that together take some seconds."""
    best, until = 0.0, time.perf_counter() + PASSES_S
    while not best or time.perf_counter() < until:
        began = time.perf_counter()
        for i in range(0, len(pairs), size):
            chunk = pairs[i : i + size]
            answer([q for q, _ in chunk], [c for _, c in chunk])
        best = max(best, len(pairs) / (time.perf_counter() - began))
    return best


def merge(folder: Path) -> int:
    """Write base and adapter as one ordinary checkpoint, for the peers."""
    from transformers import AutoTokenizer

    from skills.checkpoints import checkpoint_folder
    from skills.compiler import load_model
    from skills.qa.sizes import ADAPTERS

    base = checkpoint_folder("all-MiniLM-L6-v2")
    model: Any = load_model(base, "span", ADAPTERS / "minilm-squad")
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base, local_files_only=True).save_pretrained(folder)
    export_bare(model, folder)
    return 0


def export_bare(model: Any, folder: Path) -> None:
    """The model as ONNX Runtime's own tools make it, by their defaults."""
    import torch
    from onnxruntime.quantization import quantize_dynamic

    from skills.compiler import OPSET, SpanHead

    ids = torch.full((2, 16), 5, dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "length"} for name in [*names, "start", "end"]}
    torch.onnx.export(
        SpanHead(model), (ids, torch.ones_like(ids), torch.zeros_like(ids)), str(folder / "plain.onnx"),
        input_names=names, output_names=["start", "end"], dynamic_axes=axes, opset_version=OPSET,
        dynamo=False,
    )  # fmt: skip
    quantize_dynamic(str(folder / "plain.onnx"), str(folder / "int8.onnx"))


def quoth(precision: str) -> Callable[[str], Answerer]:
    def build(_: str) -> Answerer:
        from skills.qa.reader import SquadReader
        from skills.qa.surroundings import surroundings

        # no context is read twice here: each pass tokenizes anew, as the peers do
        reader = SquadReader(adapter="minilm-squad", precision=precision)  # type: ignore[arg-type]

        def answer(questions: Sequence[str], contexts: Sequence[str]) -> list[str]:
            reader.tokenizer.context_tokens.cache_clear()
            surroundings.cache_clear()
            return reader(contexts, questions)[0]

        return answer

    return build


def deeppavlov(merged: str) -> Answerer:
    from deeppavlov import build_model, configs
    from deeppavlov.core.commands.utils import parse_config

    config = parse_config(
        str(configs.squad.squad_bert),
        overwrite={
            "metadata.variables.TRANSFORMER": merged,
            "metadata.variables.LOWERCASE": True,
            "metadata.variables.MODEL_PATH": merged,
        },
    )
    model = build_model(config)
    return lambda questions, contexts: model(list(contexts), list(questions))[0]


def transformers(merged: str) -> Answerer:
    from transformers import pipeline

    pipe = pipeline("question-answering", model=merged, tokenizer=merged, device="cpu")

    def answer(questions: Sequence[str], contexts: Sequence[str]) -> list[str]:
        found = pipe(question=list(questions), context=list(contexts), batch_size=8)
        return [f["answer"] for f in (found if isinstance(found, list) else [found])]

    return answer


def bare_onnx(merged: str) -> Answerer:
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{merged}/tokenizer.json")
    tokenizer.enable_truncation(384, strategy="only_second")
    tokenizer.enable_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(f"{merged}/int8.onnx", options, ["CPUExecutionProvider"])

    def answer(questions: Sequence[str], contexts: Sequence[str]) -> list[str]:
        encoded = tokenizer.encode_batch(list(zip(questions, contexts, strict=True)))
        inputs = {
            "input_ids": np.array([e.ids for e in encoded]),
            "attention_mask": np.array([e.attention_mask for e in encoded]),
            "token_type_ids": np.array([e.type_ids for e in encoded]),
        }
        starts, ends = session.run(None, inputs)
        found = []
        for e, context, start, end in zip(encoded, contexts, starts.argmax(1), ends.argmax(1), strict=True):
            inside = e.sequence_ids[start] == e.sequence_ids[end] == 1
            found.append(context[e.offsets[start][0] : e.offsets[end][1]] if inside else "")
        return found

    return answer


BUILDERS: dict[str, Callable[[str], Answerer]] = {
    "quoth int8": quoth("int8"),
    "quoth fp32": quoth("fp32"),
    "ONNX Runtime int8": bare_onnx,
    "DeepPavlov": deeppavlov,
    "transformers": transformers,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
