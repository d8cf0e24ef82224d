"""Generated replies: the chain's generator against raw xllamacpp and against transformers.

    python -m benchmarks.generation [--rounds 3] [--tokens 48] [--threads 2] [--no-transformers]

The same GGUF file, the same prompts and the same decoding everywhere. Quoth and raw xllamacpp
share a process and take turns, with the same seed, so they make the very same tokens; each
transformers run has a process of its own, so that memory does not add up, and makes as many
tokens. A reply's tokens per second include its prompt. "Cold" is a prompt of which nothing was
computed before, "warm" the same prompt again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.report import machine, peak_memory_mb, ratio, table

MODEL = "SmolLM2-135M-Instruct"
N_CTX, N_SLOTS = 2048, 4
SEED = 7
FIRST = "How is the sea?"
TOPICS = ("the sea", "cats", "Paris", "bread", "the moon", "chess", "rain", "old books")


def main() -> int:
    """Run every engine and print the tables; the exit status is 1 where a run failed."""
    options = argparse.ArgumentParser(description="tokens per second of generated replies")
    options.add_argument("--rounds", type=int, default=3, help="replies of one chat that are measured")
    options.add_argument("--tokens", type=int, default=48, help="tokens of a reply")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--no-transformers", action="store_true", help="leave the slow comparison out")
    options.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.worker:
        print(json.dumps(WORKERS[chosen.worker](chosen.rounds, chosen.tokens, chosen.threads)))
        return 0
    print(machine())
    found: dict[str, dict[str, Any]] = {}
    for worker in WORKERS:
        if worker.startswith("transformers") and chosen.no_transformers:
            continue
        done = run_worker(worker, chosen)
        if done is None:
            return 1
        found |= done
    ours = found["quoth"]
    rows = []
    for name, figures in ((name, f) for name, f in found.items() if "one" in f):
        one = "" if name == "quoth" else ratio(ours["one"], figures["one"], TARGETS.get(name))
        eight = "" if name == "quoth" else ratio(ours["eight"], figures["eight"])
        speeds = [f"{figures['one']:.1f}", one, f"{figures['eight']:.1f}", eight]
        rows.append([name, *speeds, f"{figures['cold']:.0f}", f"{figures['warm']:.0f}"])
    print(table(HEADS, rows))
    for name, figures in found.items():
        peak = f", peak memory {figures['peak_mb']:.0f} MB" if "peak_mb" in figures else ""
        print(f"{name}: loaded in {figures['load_s']:.1f} s{peak}")
    print(f"the same replies from quoth and raw xllamacpp: {ours['same']} of {ours['n']}")
    return 0


HEADS = (
    "engine", "1 chat tok/s", "quoth is ×", "8 chats tok/s", "quoth is ×", "first token cold ms", "warm ms",
)  # fmt: skip
TARGETS = {"raw xllamacpp": 0.9, "transformers float32": 4.0}


def run_worker(worker: str, chosen: argparse.Namespace) -> dict[str, dict[str, Any]] | None:
    """What a worker prints last, as JSON; None where it failed."""
    command = [sys.executable, "-m", "benchmarks.generation", "--worker", worker]
    for name in ("rounds", "tokens", "threads"):
        command += [f"--{name}", str(getattr(chosen, name))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"{worker} failed: {(done.stderr.strip().splitlines() or ['without a word'])[-1]}")
        return None
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def utterances(part: str, n: int) -> list[str]:
    """Different ones for each part, so that only what is common to all prompts is cached."""
    return [f"Tell me about {TOPICS[at % 8]}, {part} number {at}, at some length." for at in range(n)]


def personas(n: int) -> list[str]:
    """System messages of some length that share no beginning."""
    return [f"Persona {at}: you are brief. " * 6 for at in range(n)]


def quoth_and_raw(rounds: int, tokens: int, threads: int) -> dict[str, Any]:
    """The chain's generator and the library it stands on, in turns."""
    from skills.dialog import Listener, Preferences
    from skills.generation.decoding import decoding_from, preset
    from skills.generation.engines import make_engine
    from skills.generation.prompt import chat_messages
    from skills.generation.reply_generator import DEFAULT_PERSONA, ReplyGenerator

    began = time.perf_counter()
    engine = make_engine("llama_cpp", MODEL, {"n_ctx": N_CTX, "n_slots": N_SLOTS, "n_threads": threads})
    generator = ReplyGenerator(engine, max_new_tokens=tokens, seed=SEED)
    load_s = time.perf_counter() - began
    decoding = decoding_from({"seed": SEED, "max_new_tokens": tokens}, preset("balanced"))
    began = time.perf_counter()
    server = raw_server(threads)
    raw_load_s = time.perf_counter() - began
    fields = engine._decoding_fields(decoding, tokens)  # type: ignore[attr-defined]

    def ask(
        said: Sequence[str], listener: Listener | None = None, persona: str = ""
    ) -> list[tuple[str, int]]:
        n = len(said)
        preferences = [Preferences(persona=persona)] * n
        return [
            (d.text, d.n_tokens) for d in generator(said, [None] * n, [None] * n, [listener] * n, preferences)
        ]

    def body(said: str, persona: str = "") -> dict[str, Any]:
        messages = chat_messages(persona or DEFAULT_PERSONA, [], said)
        return {"messages": [m.as_dict() for m in messages], **fields}

    def ask_raw(said: Sequence[str]) -> list[tuple[str, int]]:
        with ThreadPoolExecutor(len(said)) as pool:
            answers = list(pool.map(lambda one: server.handle_chat_completions(body(one)), said))
        return [(a["choices"][0]["message"]["content"], a["usage"]["completion_tokens"]) for a in answers]

    def first_token(said: str, persona: str) -> float:
        began = time.perf_counter()
        at: list[float] = []
        ask([said], lambda piece: bool(at.append(time.perf_counter())) or True, persona)
        return (at[0] - began) * 1000

    def first_token_raw(said: str, persona: str) -> float:
        began = time.perf_counter()
        at: list[float] = []

        def callback(event: dict[str, Any]) -> bool:
            if event["choices"] and event["choices"][0]["delta"].get("content"):
                at.append(time.perf_counter())
            return bool(at)

        server.handle_chat_completions({**body(said, persona), "stream": True}, callback)
        return (at[0] - began) * 1000

    same, n = 0, 0
    for said in utterances("warm-up", 2):
        ask([said]), ask_raw([said])
    one: dict[str, list[float]] = {"quoth": [], "raw": []}
    for said in utterances("question", rounds):
        speed, mine = timed(ask, [said])
        one["quoth"].append(speed)
        speed, theirs = timed(ask_raw, [said])
        one["raw"].append(speed)
        # what is shown is the raw reply up to its last whole sentence
        same, n = same + theirs[0][0].strip().startswith(mine[0][0]), n + 1
    eight_speed, _ = timed(ask, utterances("chat", 8))
    eight_raw, _ = timed(ask_raw, utterances("chat", 8))
    new = personas(rounds)
    cold = [first_token(FIRST, persona) for persona in new]
    warm = [first_token(FIRST, new[-1]) for _ in range(rounds)]
    cold_raw = [first_token_raw(FIRST, persona) for persona in new]
    warm_raw = [first_token_raw(FIRST, new[-1]) for _ in range(rounds)]
    return {
        "quoth": {
            "one": statistics.median(one["quoth"]), "eight": eight_speed,
            "cold": statistics.median(cold), "warm": statistics.median(warm), "load_s": load_s,
            "same": same, "n": n,
        },
        "raw xllamacpp": {
            "one": statistics.median(one["raw"]), "eight": eight_raw,
            "cold": statistics.median(cold_raw), "warm": statistics.median(warm_raw), "load_s": raw_load_s,
        },
    }  # fmt: skip


def raw_server(threads: int) -> Any:
    """xllamacpp as its README says, with the same context, slots and threads."""
    import xllamacpp

    from skills.checkpoints import checkpoint_file

    params = xllamacpp.CommonParams()
    params.model.path = str(checkpoint_file(MODEL))
    params.n_ctx, params.n_parallel = N_CTX * N_SLOTS, N_SLOTS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity = -1
    with tempfile.TemporaryDirectory(prefix="quoth-bench-") as folder:
        params.hostnames = [str(Path(folder) / "raw.sock")]
        return xllamacpp.Server(params)


def memory(rounds: int, tokens: int, threads: int) -> dict[str, Any]:
    """The engine alone, after eight chats at once."""
    from skills.generation.decoding import preset
    from skills.generation.engines import Message, make_engine

    began = time.perf_counter()
    engine = make_engine("llama_cpp", MODEL, {"n_ctx": N_CTX, "n_slots": N_SLOTS, "n_threads": threads})
    engine.load()
    load_s = time.perf_counter() - began
    loaded = peak_memory_mb()
    prompts = [[Message("user", said * 8)] for said in utterances("chat", 8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda p: engine.generate(p, preset("balanced"), max_new_tokens=tokens), prompts))
    return {
        "engine llama_cpp loaded": {"load_s": load_s, "peak_mb": loaded},
        "engine llama_cpp after 8 chats": {"load_s": load_s, "peak_mb": peak_memory_mb()},
    }


def transformers_run(dtype: str) -> Callable[[int, int, int], dict[str, Any]]:
    """transformers itself, not our engine for it."""

    def run(rounds: int, tokens: int, threads: int) -> dict[str, Any]:
        import torch
        import transformers

        from skills.checkpoints import checkpoint_file
        from skills.generation.decoding import preset
        from skills.generation.prompt import chat_messages
        from skills.generation.reply_generator import DEFAULT_PERSONA

        torch.set_num_threads(threads)
        file = checkpoint_file(MODEL)
        began = time.perf_counter()
        source = {"gguf_file": file.name, "local_files_only": True}
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(file.parent), **source)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(file.parent), dtype=getattr(torch, dtype), **source
        ).eval()
        load_s = time.perf_counter() - began
        tokenizer.padding_side, tokenizer.pad_token_id = "left", model.generation_config.eos_token_id
        balanced = replace(preset("balanced"), seed=SEED)

        def generate(
            said: Sequence[str], n_tokens: int, persona: str = DEFAULT_PERSONA
        ) -> list[tuple[str, int]]:
            chats = [[m.as_dict() for m in chat_messages(persona, [], one)] for one in said]
            inputs = tokenizer.apply_chat_template(
                chats, add_generation_prompt=True, return_tensors="pt", return_dict=True, padding=True
            )
            torch.manual_seed(SEED)
            with torch.inference_mode():
                model.generate(
                    **inputs, max_new_tokens=n_tokens, min_new_tokens=n_tokens, do_sample=True,
                    temperature=balanced.temperature, top_k=balanced.top_k, min_p=balanced.min_p,
                    no_repeat_ngram_size=balanced.no_repeat_ngram_size,
                    pad_token_id=model.generation_config.eos_token_id,
                )  # fmt: skip
            return [("", n_tokens)] * len(said)

        generate(utterances("warm-up", 1), 8)
        one = [
            timed(lambda said: generate(said, tokens), [said])[0] for said in utterances("question", rounds)
        ]
        eight, _ = timed(lambda said: generate(said, tokens), utterances("chat", 8))
        first = []
        for persona in personas(rounds):  # it keeps nothing of a prompt: cold is warm
            began = time.perf_counter()
            generate([FIRST], 1, persona)
            first.append((time.perf_counter() - began) * 1000)
        figures = {
            "one": statistics.median(one), "eight": eight, "cold": statistics.median(first),
            "warm": statistics.median(first), "load_s": load_s, "peak_mb": peak_memory_mb(),
        }  # fmt: skip
        return {f"transformers {dtype}": figures}

    return run


def timed(
    generate: Callable[[Sequence[str]], list[tuple[str, int]]], said: Sequence[str]
) -> tuple[float, list[tuple[str, int]]]:
    """Tokens per second of all replies together, and the replies."""
    began = time.perf_counter()
    made = generate(said)
    return sum(n for _, n in made) / (time.perf_counter() - began), made


WORKERS: dict[str, Callable[[int, int, int], dict[str, Any]]] = {
    "quoth": quoth_and_raw,
    "memory": memory,
    "transformers float32": transformers_run("float32"),
    "transformers bfloat16": transformers_run("bfloat16"),
}


if __name__ == "__main__":
    sys.exit(main())
