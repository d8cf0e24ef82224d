"""Names and numbers in a question or a short answer, by their capitals. Pure.

Coarse on purpose: what is taken for a name is only carried from one question into the next.
"""

from __future__ import annotations

import re

from skills.retrieval.words import is_stop_word, word_set

WORD = re.compile(r"\w+(?:['’.-]\w+)*")

_TITLES = word_set("mr mrs ms dr st prof")
_NO_TITLE = "".join(rf"(?<!\b{title})" for title in sorted(_TITLES))
#: Ends a sentence, with the space after it; the full stop of a title or an initial does not.
SENTENCE_END = re.compile(rf"(?:[?!]|{_NO_TITLE}(?<!\b(?-i:[A-ZА-ЯЁ]))\.)(?:\s+|$)", re.IGNORECASE)

_LINKS = word_set("of the de da van von der la le del di bin al")


def names_of(text: str) -> list[str]:
    """Names (words with a capital in a row, "Brix 300", "University of Lund") and numbers of three
    digits or more, each once, in order, as they are written.

    Where no letter is small, the capitals of several words tell nothing.
    """
    found: list[str] = []
    start = end = -1  # the name being read
    gap_from = 0
    shouted = text.isupper() and len(re.findall(r"[^\W\d_]+", text)) > 1

    def close() -> None:
        nonlocal start
        if start >= 0:
            found.append(text[start:end])
        start = -1

    for match in WORD.finditer(text):
        word = without_possessive(match.group())
        between, gap_from = text[gap_from : match.start()].strip(" "), match.end()
        if between and not (between == "." and _is_abbreviated(text, match)):
            close()
        if not shouted and _is_capital(text, match, word):
            start = match.start() if start < 0 else start
            end = match.start() + len(word)
            if word != match.group():
                close()
        elif word.isdecimal():
            if start >= 0:
                end = match.end()
            close()
            if len(word) >= 3 and not (found and found[-1].endswith(word)):
                found.append(word)
        elif word not in _LINKS:
            close()
    close()
    return list(dict.fromkeys(found))


def name_words(text: str) -> frozenset[str]:
    """The words of the names and numbers of a text, case folded."""
    return (
        frozenset(word.casefold() for name in names_of(text) for word in WORD.findall(name))
        - _LINKS
        - _TITLES
    )


def n_named(names: frozenset[str], text: str) -> int:
    """How many of :func:`name_words` stand in a text, in whatever case."""
    return len(names.intersection(without_possessive(word.casefold()) for word in WORD.findall(text)))


def without_possessive(word: str) -> str:
    """A word without its "'s"."""
    return word.removesuffix("'s").removesuffix("’s")


def _is_capital(text: str, match: re.Match[str], word: str) -> bool:
    """Whether a word is part of a name; the first of a sentence only where the next one is too."""
    if not word[0].isupper() or is_stop_word(word):
        return False
    before = text[: match.start()].rstrip()
    if before and (before[-1] not in ".!?" or _is_abbreviated(text, match)):
        return True
    following = WORD.search(text, match.end())
    return (
        following is None
        or following.group()[0].isupper()
        or following.group().isdecimal()
        or word != match.group()
    )


def _is_abbreviated(text: str, match: re.Match[str]) -> bool:
    """Whether the full stop before a word is that of a title or an initial."""
    stop = len(text[: match.start()].rstrip()) - 1
    return text[stop] == "." and SENTENCE_END.match(text, stop) is None
