"""Words that a PDF's lines cut in two: whole again, with the hyphen where it belongs to them. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from bot.document_formats.pdf_lines import Line

_WORD = re.compile(r"[^\W\d_]+(?:[-‐'’][^\W\d_]+)*")
_LAST_FRAGMENT = re.compile(r"[^\W_]+(?:[-‐'’][^\W_]+)*$")
_FIRST_FRAGMENT = re.compile(r"[^\W_]+")
_NO_SPACE = re.compile(r"[\u3000-\u3098\u309b-\u30ff\u3400-\u9fff\uff00-\uffef]")  # Chinese and Japanese


def words(lines: Iterable[Line]) -> Counter[str]:
    """How often each whole word stands in the lines, in lower case; a compound, and its parts.

    The first and last word of each line are left out: they may be halves.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        for word in _WORD.findall(line.text)[1:-1]:
            word = word.lower().replace("‐", "-")
            counts[word] += 1
            if "-" in word:
                counts.update(word.split("-"))
    return counts


def joined(above: str, below: str, hyphenated: bool, vocabulary: Counter[str]) -> str:
    """Text of one line and what goes between it and the next line of its paragraph.

    Args:
        above, below: the two lines' texts; only ``above`` is given back.
        hyphenated: whether a hyphen at the end of ``above`` was taken off.
        vocabulary: the document's words (see :func:`words`), which tell whether a hyphen at the
            end of a line belongs to the word.
    """
    if not hyphenated and above.endswith(("-", "‐")) and above[-2:-1].isalnum() and below[:1].isalnum():
        above, hyphenated = above[:-1], True
    if hyphenated:
        return above + ("-" if _keeps_hyphen(above, below, vocabulary) else "")
    if above.endswith("/-"):
        return above[:-1]  # an address, broken with a hyphen that is not in it
    if above.endswith(("—", "–", "/")) and not above[-2:-1].isspace():
        return above
    if _NO_SPACE.match(above[-1:]) and _NO_SPACE.match(below[:1]):
        return above
    return above + " "


def _keeps_hyphen(above: str, below: str, vocabulary: Counter[str]) -> bool:
    head, tail = _LAST_FRAGMENT.search(above), _FIRST_FRAGMENT.match(below)
    if head is None or tail is None:
        return True
    left, right = head.group(), tail.group()
    if right[0].isdigit() or left[-1].isdigit():
        return True
    if right[0].isupper() and not left.isupper():
        return True
    left, right = left.lower().replace("‐", "-"), right.lower()
    last = left.rsplit("-", 1)[-1]
    whole, compound = vocabulary[last + right], vocabulary[f"{left}-{right}"]
    if whole or compound:
        return compound > whole
    # Neither form is in the document elsewhere. Two words make a compound, two syllables a word;
    # a syllable of two letters is easily taken for a word, unless the rest has hyphens ("side-by-").
    in_compound = last != left or below[len(right) :].startswith(("-", "‐"))
    long_enough = in_compound or (len(last) > 2 and len(right) > 2)
    return long_enough and vocabulary[last] > 0 and vocabulary[right] > 0
