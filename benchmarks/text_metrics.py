"""How varied, how repetitive a text is: metrics of generated text, as their papers define them. Pure.

Tokens are words and signs, in lower case: the same for every model and every strategy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import mean

from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

_TOKEN = re.compile(r"\w+|[^\w\s]")


def tokens_of(text: str) -> list[str]:
    """Words and signs, in lower case."""
    return _TOKEN.findall(text.lower())


def ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Every run of n tokens, in order."""
    return [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]


def distinct(texts: Sequence[str], n: int) -> float:
    """distinct-n of a set of texts: different n-grams among all of them (Li et al. 2016, arXiv 1510.03055).

    Falls with the amount of text, so compare sets of about the same size.

    Returns:
        in [0, 1]; 0 where no text has n tokens.
    """
    found = [gram for text in texts for gram in ngrams(tokens_of(text), n)]
    return len(set(found)) / len(found) if found else 0.0


def sequence_repetition(text: str, n: int = 4) -> float:
    """seq-rep-n: the share of n-grams that stood in the text before (Welleck et al. 2019, arXiv 1908.04319).

    Returns:
        in [0, 1); 0 where the text has fewer than n tokens.
    """
    found = ngrams(tokens_of(text), n)
    return 1 - len(set(found)) / len(found) if found else 0.0


def repetition_across(texts: Sequence[str], n: int = 4) -> float:
    """The share of n-grams that stood in an earlier text: what a chat partner says again.

    Args:
        texts: in the order in which they were said.
        n: length of the n-grams.

    Returns:
        in [0, 1); 0 where no text has n tokens.
    """
    seen: set[tuple[str, ...]] = set()
    n_again = n_all = 0
    for text in texts:
        found = ngrams(tokens_of(text), n)
        n_again += sum(gram in seen for gram in found)
        n_all += len(found)
        seen.update(found)
    return n_again / n_all if n_all else 0.0


def self_bleu(texts: Sequence[str], n: int = 4) -> float:
    """Self-BLEU: how like each text is to the others (Zhu et al. 2018, arXiv 1802.01886).

    The mean of the BLEU-n of each text against all others, smoothed as in the paper's own program
    (method 1 of Chen and Cherry 2014).

    Args:
        texts: two or more; those without a token count as unlike everything.
        n: longest n-grams that are compared.

    Returns:
        in [0, 1]; 1 where all are the same.

    Raises:
        ValueError: for fewer than two texts.
    """
    if len(texts) < 2:
        raise ValueError(f"self-BLEU compares texts with each other; got {len(texts)}")
    tokens = [tokens_of(text) for text in texts]
    smoothing = SmoothingFunction().method1
    return mean(
        sentence_bleu(
            [*tokens[:at], *tokens[at + 1 :]], one, weights=[1 / n] * n, smoothing_function=smoothing
        )
        if one
        else 0.0
        for at, one in enumerate(tokens)
    )
