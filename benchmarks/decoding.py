"""Every decoding preset on the same prompts: how quick, how varied, how repetitive, how likely.

    python -m benchmarks.decoding [--tokens 48] [--draws 2] [--threads 2] [--plot FILE.png] [--texts FILE.md]

Each preset runs on the engine that configs/generate.json would take for it, over the default
model, which goes on with the prompts; as many texts at once as the engine makes. Seeds are fixed.
A preset that draws nothing at random is run once: a second draw would be the same text.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.decoding_plot import plot
from benchmarks.report import machine, table
from benchmarks.text_metrics import distinct, self_bleu, sequence_repetition

MODEL = "SmolLM2-135M-Instruct"
N_CTX = 512
PROMPTS = (
    "The old lighthouse keeper opened the door and",
    "In the middle of the night, the phone rang.",
    "The best way to learn a language is",
    "When the first ship reached the island,",
)


@dataclass(frozen=True)
class Result:
    """What a preset did.

    Attributes:
        preset: its name.
        engine: on which engine.
        texts: [draw][prompt]; one draw where nothing is random.
        tokens_per_s: all texts of a draw together, their prompts included.
        log_probability: mean of the natural logarithm of a token's probability under the model, given
            the prompt, unchanged by the strategy.
    """

    preset: str
    engine: str
    texts: list[list[str]]
    tokens_per_s: float
    log_probability: float

    def metrics(self) -> dict[str, float]:
        """Name to value; sets of one text a prompt are compared, whatever the number of draws."""
        return {
            "tokens/s": self.tokens_per_s,
            "distinct-1": mean(distinct(texts, 1) for texts in self.texts),
            "distinct-2": mean(distinct(texts, 2) for texts in self.texts),
            "seq-rep-4": mean(sequence_repetition(text) for texts in self.texts for text in texts),
            # between the draws for one prompt; without chance they are one and the same
            "self-BLEU": mean(self_bleu(draws) for draws in zip(*self.texts, strict=True))
            if len(self.texts) > 1
            else 1.0,
            "log-prob.": self.log_probability,
        }


def main() -> int:
    """Run every preset, print the table, write picture and texts."""
    options = argparse.ArgumentParser(description="decoding strategies compared")
    options.add_argument("--tokens", type=int, default=48, help="tokens of a text")
    options.add_argument(
        "--draws", type=int, default=2, help="texts of a prompt where chance decides; 2 or more"
    )
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--plot", type=Path, help="PNG to write")
    options.add_argument("--texts", type=Path, help="Markdown file to write the texts to")
    chosen = options.parse_args()
    if chosen.draws < 2:
        options.error(
            f"--draws: expected 2 or more, for draws are compared with each other; got {chosen.draws}"
        )
    print(machine(), flush=True)
    results = run(chosen.tokens, chosen.draws, chosen.threads)
    heads = list(results[0].metrics())
    rows = [[r.preset, r.engine, *(f"{value:.2f}" for value in r.metrics().values())] for r in results]
    print(table(["preset", "engine", *heads], rows))
    if chosen.plot:
        plot([(r.preset, r.engine, r.metrics()) for r in results], chosen.plot)
    if chosen.texts:
        chosen.texts.write_text(markdown(results, chosen.tokens), "utf-8")
    return 0


def run(tokens: int, draws: int, threads: int) -> list[Result]:
    """Every preset, on the engine that it would get; both engines are loaded once."""
    from bot.settings import offline_environment
    from skills.generation.decoding import PRESETS
    from skills.generation.engines import make_engine
    from skills.generation.engines.choice import engine_for

    offline_environment()
    engines: dict[str, Any] = {}
    for name in ("llama_cpp", "transformers"):
        engines[name] = make_engine(name, MODEL, {"n_ctx": N_CTX, "n_threads": threads})
        engines[name].load()
        engines[name].generate(PROMPTS[0], PRESETS["greedy"], max_new_tokens=4)  # warm-up
    results = []
    for preset, decoding in PRESETS.items():
        engine = engines[engine_for("auto", MODEL, decoding).name]
        texts, n_tokens, began = [], 0, time.perf_counter()
        with ThreadPoolExecutor(engine.n_slots) as pool:
            for draw in range(draws if decoding.do_sample else 1):
                generate = partial(
                    engine.generate,
                    decoding=replace(decoding, seed=draw if decoding.do_sample else None),
                    max_new_tokens=tokens,
                )
                made = list(pool.map(generate, PROMPTS))
                texts.append([one.text for one in made])
                n_tokens += sum(one.n_tokens for one in made)
        speed = n_tokens / (time.perf_counter() - began)
        likely = mean(
            log_probability(engines["transformers"], prompt, text)
            for row in texts
            for prompt, text in zip(PROMPTS, row, strict=True)
            if text
        )
        results.append(Result(preset, engine.name, texts, speed, likely))
        print(f"  {preset}: {speed:.1f} tokens/s", file=sys.stderr, flush=True)
    return results


def log_probability(engine: Any, prompt: str, text: str) -> float:
    """Mean log-probability of a text's tokens after a prompt, by the transformers engine's model."""
    import torch

    n_prompt = len(engine._tokenizer(prompt)["input_ids"])
    ids = engine._tokenizer(prompt + text, return_tensors="pt")["input_ids"]  # [1, length]
    with torch.inference_mode():
        scores = torch.log_softmax(engine._model(ids).logits[0].float(), dim=-1)  # [length, vocabulary]
    return float(scores[:-1].gather(1, ids[0, 1:, None])[n_prompt - 1 :].mean())


def markdown(results: Sequence[Result], tokens: int) -> str:
    """The first draw of every preset, by prompt."""
    lines = [
        "# What each decoding preset wrote",
        "",
        f"{MODEL}, {tokens} tokens, first draw, as it came.",
        "",
    ]
    for at, prompt in enumerate(PROMPTS):
        lines += [f"## {prompt}", ""]
        for result in results:
            lines += [f"**{result.preset}** {' '.join(result.texts[0][at].split())}", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
