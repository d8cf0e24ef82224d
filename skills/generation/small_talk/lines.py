"""Small talk as a text file, one utterance a line: what ``DP_UTTERANCES``, calibration and
``benchmarks.routing`` take.

    python -m skills.generation.small_talk.lines CONVERSATIONS TRAIN.txt VALID.txt

CONVERSATIONS is chitchat-dataset's dataset.json or its folder (``pip download --no-deps
chitchat-dataset`` and unzip). TRAIN.txt gets 8,000 utterances of its first 5,500 conversations,
VALID.txt 2,000 of the others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from skills.errors import SkillError
from skills.generation.small_talk.dataset import conversations_of

#: Conversations, in the file's order, that are trained on; the others are to measure with.
N_CONVERSATIONS = 5500
N_TRAIN, N_VALID = 8000, 2000
#: Characters of an utterance that is taken: no typing errors of one letter, no speeches.
MIN_CHARS, MAX_CHARS = 2, 160


def lines_of(messages: Iterable[tuple[str, str]], n: int, seed: int = 1) -> list[str]:
    """``n`` different utterances drawn at random, each on one line; all where there are fewer.

    Args:
        messages: sender and text.
        n: how many.
        seed: of the choice.
    """
    texts = sorted({" ".join(text.split()) for _, text in messages})
    fit = [text for text in texts if MIN_CHARS <= len(text) <= MAX_CHARS]
    return Random(seed).sample(fit, min(n, len(fit)))  # noqa: S311


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both files."""
    parser = argparse.ArgumentParser(prog="python -m skills.generation.small_talk.lines")
    parser.add_argument("conversations", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("valid", type=Path)
    asked = parser.parse_args(arguments)
    try:
        messages = [messages for _, messages in conversations_of(asked.conversations)]
    except SkillError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    parts = (
        (asked.train, messages[:N_CONVERSATIONS], N_TRAIN),
        (asked.valid, messages[N_CONVERSATIONS:], N_VALID),
    )
    for file, part, n in parts:
        drawn = lines_of((message for conversation in part for message in conversation), n)
        file.write_text("".join(f"{line}\n" for line in drawn), "utf-8")
        sys.stdout.write(f"{file}: {len(drawn)} utterances\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
