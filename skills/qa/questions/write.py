"""Have a language model write questions about free text, as a SQuAD-format file to train a reader on.

    python -m skills.qa.questions.write TEXTS OUT.json --adapter runs/question_writer/adapter

Training a reader on questions that a model wrote goes back to Alberti et al. 2019 (arXiv 1906.05416) and
Puri et al. 2020 (arXiv 2002.09599). They keep a question where a reader finds the answer that it was
written for, which is what ``skills.qa.questions.check`` does afterwards; a reader that a teacher teaches
(``DP_TEACHER``) needs none of that: it learns the teacher's doubt. The file is written anew after every
batch, so that one may stop at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from skills.batching import pooled_batches
from skills.errors import SkillError, whole_number
from skills.generation.adapters import adapter_folder
from skills.generation.engines.causal_model import load_causal_model
from skills.qa.questions.paragraphs import MAX_CHARS, MIN_CHARS, Paragraph, paragraphs_of
from skills.qa.questions.wording import NO_ANSWER, Question, prompt, questions_in

#: Most tokens that are written about a paragraph: some six questions with their answers.
MAX_NEW_TOKENS = 120
TEMPERATURE, TOP_K = 0.8, 40
PARAGRAPHS_PER_ARTICLE = 30
BATCH_SIZE = 128


class Writer:
    """Writes questions about paragraphs.

    Args:
        model: the base, as the engine ``transformers`` understands it.
        adapter: folder of the adapter that ``configs/question_writer.json`` trained, or None.
        seed: of what is drawn.
        answered: whether only questions are written that have an answer.

    Raises:
        CheckpointError: if weights are missing or damaged.
        ConfigurationError: if the adapter was trained on another model.
    """

    def __init__(self, model: str, adapter: Path | None, seed: int = 7, answered: bool = False) -> None:
        import torch

        from skills.learning import computes_in_bfloat16

        torch.manual_seed(seed)
        precision = "bfloat16" if computes_in_bfloat16() else "float32"
        self.tokenizer, self.model = load_causal_model(model, precision, adapter)
        # where texts grow by a token at a time the fused attention is a tenth slower
        self.model.set_attn_implementation("eager")
        self.tokenizer.padding_side = "left"
        # without its mark no question without an answer can be begun
        mark = self.tokenizer(f" {NO_ANSWER}", add_special_tokens=False)["input_ids"]
        self.unwritten = [mark] if answered else None
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token

    def __call__(self, paragraphs: Sequence[Paragraph]) -> list[list[Question]]:
        """Usable questions about each paragraph; for some there are none."""
        import torch

        inputs = self.tokenizer(
            [prompt(paragraph) for paragraph in paragraphs],
            return_tensors="pt",
            padding=True,
            add_special_tokens=False,
            return_token_type_ids=False,
        )
        with torch.inference_mode():
            written = self.model.generate(
                **inputs,
                do_sample=True,
                temperature=TEMPERATURE,
                top_k=TOP_K,
                max_new_tokens=MAX_NEW_TOKENS,
                bad_words_ids=self.unwritten,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        begins = inputs["input_ids"].shape[1]
        texts = self.tokenizer.batch_decode(written[:, begins:], skip_special_tokens=True)
        return [questions_in(text, paragraph) for text, paragraph in zip(texts, paragraphs, strict=True)]


@dataclass
class SquadFile:
    """A SQuAD-format file in the making.

    Attributes:
        file: where it is written.
        n_questions: how many it holds.
        n_unanswerable: how many of them without an answer.
    """

    file: Path
    n_questions: int = 0
    n_unanswerable: int = 0
    _articles: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, paragraph: Paragraph, questions: Iterable[Question]) -> None:
        """Take in a paragraph with its questions; one without any is left out."""
        qas: list[dict[str, Any]] = []
        for question in questions:
            answers = [{"text": question.answer, "answer_start": paragraph.text.index(question.answer)}]
            qas.append(
                {
                    "id": f"{self.file.stem}-{self.n_questions}",
                    "question": question.text,
                    "is_impossible": not question.answer,
                    "answers": answers if question.answer else [],
                }
            )
            self.n_questions += 1
            self.n_unanswerable += not question.answer
        if qas:
            self._articles.setdefault(paragraph.title, []).append({"context": paragraph.text, "qas": qas})

    def write(self) -> None:
        """Write it, in place of the one before."""
        data = [{"title": title, "paragraphs": paragraphs} for title, paragraphs in self._articles.items()]
        beside = self.file.with_name(self.file.name + ".part")
        beside.write_text(json.dumps({"version": "v2.0", "data": data}, ensure_ascii=False), "utf-8")
        os.replace(beside, self.file)


def drawn(paragraphs: Sequence[Paragraph], per_article: int, n: int, random: Random) -> list[Paragraph]:
    """At most ``n`` paragraphs in random order, at most ``per_article`` of one article.

    Args:
        paragraphs: to draw from.
        per_article: most of an article.
        n: most in all; 0 is no bound.
        random: of the choice.
    """
    by_title: dict[str, list[Paragraph]] = {}
    for paragraph in paragraphs:
        by_title.setdefault(paragraph.title, []).append(paragraph)
    some = [p for own in by_title.values() for p in random.sample(own, min(per_article, len(own)))]
    random.shuffle(some)
    return some[:n] if n else some


def batches(paragraphs: Sequence[Paragraph], size: int, random: Random) -> Iterator[list[Paragraph]]:
    """Paragraphs of similar length together."""
    examples = [(paragraph,) for paragraph in paragraphs]
    for batch in pooled_batches(examples, size, 4, random, lambda example: len(example[0].text)):
        yield list(batch[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m skills.qa.questions.write", description="Write questions about texts."
    )
    parser.add_argument("texts", type=Path, help="folder with *.txt, or .jsonl(.gz) of gensim's segment_wiki")
    parser.add_argument("out", type=Path, help="SQuAD-format file to write")
    parser.add_argument("--adapter", default="runs/question_writer/adapter", help="of question_writer.json")
    parser.add_argument("--model", default="SmolLM2-135M-Instruct")
    parser.add_argument("--without", default="", help="regular expression of titles to leave out")
    parser.add_argument("--paragraphs", type=int, default=0, help="most paragraphs; 0 is all")
    parser.add_argument("--per-article", type=int, default=PARAGRAPHS_PER_ARTICLE, help="most of one article")
    parser.add_argument("--longest", type=int, default=MAX_CHARS, help="most characters of a paragraph")
    parser.add_argument("--answered", action="store_true", help="write no questions without an answer")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args(arguments)
    random = Random(asked.seed)  # noqa: S311
    try:
        n = whole_number("--paragraphs", asked.paragraphs, 0, 10_000_000)
        per_article = whole_number("--per-article", asked.per_article, 1, 10_000_000)
        longest = whole_number("--longest", asked.longest, MIN_CHARS, MAX_CHARS)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        fit = [p for p in paragraphs_of(asked.texts, asked.without) if len(p.text) <= longest]
        paragraphs = drawn(fit, per_article, n, random)
        adapter = adapter_folder(asked.adapter, asked.model)
        writer = Writer(asked.model, adapter, asked.seed, asked.answered)
    except (SkillError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    squad, started, n_done = SquadFile(asked.out), time.monotonic(), 0
    for batch in batches(paragraphs, BATCH_SIZE, random):
        for paragraph, questions in zip(batch, writer(batch), strict=True):
            squad.add(paragraph, questions)
        squad.write()
        n_done += len(batch)
        print(
            f"{n_done:,} of {len(paragraphs):,} paragraphs, {squad.n_questions:,} questions, "
            f"{squad.n_unanswerable:,} of them without an answer; {time.monotonic() - started:.0f} s",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
