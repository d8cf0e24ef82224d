"""A fragment ("And the deposit?") put in the place of what the question before it asked about. Pure.

Only where grammar tells the place: a fragment in the wrong one asks for something that nobody meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from skills.retrieval.grammar import (
    AUXILIARIES,
    BE,
    DETERMINERS,
    FINITE,
    HAVE,
    MEASURES,
    is_participle,
    without_not,
)
from skills.retrieval.names import WORD, names_of
from skills.retrieval.words import NAMES_TOO, is_stop_word, word_set

_MAX_WORDS = 5
_AUXILIARY = re.compile(
    r"\b(?:do|does|did|is|are|was|were|will|would|can|could|has|have|had)\b\s*"
    r"|\b(?:who|what|where|when|how)['’]?s\b\s*",
    re.IGNORECASE,
)
# "May" and "Will" with a capital are names.
_AUXILIARIES = "|".join(sorted(FINITE - word_set("may will")))
_CLAUSE = re.compile(
    rf"\s*(?:if|when|whether|because|unless|i|we|there)\b|.*\b(?:(?:{_AUXILIARIES})|(?-i:may|will)|\w+n['’]t)\b",
    re.IGNORECASE | re.DOTALL,
)
_ARTICLE = re.compile(r"(?:the|a|an|my|our|your)\s+", re.IGNORECASE)
_PREPOSITION = re.compile(r"\b(in|of|for|on|at|from|with|to|by)\s+(?:(?:the|a|an|my|our)\s+)?", re.IGNORECASE)
# "And in June?" after "What does Ann Reed pay?" is not in the place of Ann Reed.
_OF_TIME_OR_PLACE = word_set("in on at from by")
_NUMBER = r"(?:\d+(?:\.\d+)*[a-z]?|(?-i:[A-Z]))"
_NUMBERED = re.compile(rf"(?:the\s+)?((\w+)\s+{_NUMBER})", re.IGNORECASE)
# "(Tell me) how much the rent is"
_INDIRECT = re.compile(
    r"\s*(?:how(?:\s+\w+)?|what|when|where|who|why)\s+(?P<subject>(?:the|a|an|my|our|your)\s+)", re.IGNORECASE
)
# What the predicate after "to be" may be, beside a participle.
_ADJECTIVES = word_set(
    "payable refundable available deductible valid open free ready mandatory compulsory optional necessary"
)
# Verbs that are stop words: the row of words before them is all subject.
_STOP_VERBS = word_set("be been have get give given say mean know show")
# Verbs without an object. The last of "the rent include heating" is none, and no verb at all.
_INTRANSITIVE = word_set(
    "cost last end start begin open close expire run take weigh need happen work live leave arrive rise apply"
)
_FRONTED = re.compile(r"\s*(?:what|which|whom?|how\s+(?:much|many|long))\b", re.IGNORECASE)


def is_clause(fragment: str) -> bool:
    """Whether a fragment has a verb of its own, and so stands by itself: "if I pay late", "heating is in"."""
    return _CLAUSE.match(fragment) is not None


def substitute(question: str, names: Sequence[str], fragment: str) -> str | None:
    """The question with a fragment in place of what it fits, or None where that is not certain.

    In this order: another number for the same noun ("section 6"), what follows the same preposition, a
    name for its only name (a number for its only number), the subject.

    Args:
        question: asked before.
        names: of the question.
        fragment: what was said now, without "and" or "what about".
    """
    new = fragment.rstrip("?!. ")
    if numbered := _NUMBERED.fullmatch(new):
        other = re.compile(rf"\b{re.escape(numbered[2])}\s+{_NUMBER}\b", re.IGNORECASE)
        if len(other.findall(question)) == 1:
            return other.sub(lambda _: numbered[1], question)
    preposition = _PREPOSITION.match(new)
    put = new[preposition.end() :] if preposition else new
    if preposition and (replaced := _after_preposition(question, names, preposition[1], new)):
        return replaced
    old_names = [name for name in names if name.isdecimal() == put.isdecimal()]
    if names_of(put) and len(old_names) == 1:
        if preposition and preposition[1].casefold() in _OF_TIME_OR_PLACE:
            return None
        return question.replace(old_names[0], _ARTICLE.sub("", put, count=1), 1)
    if preposition or not put or len(put.split()) > _MAX_WORDS:
        return None
    first = put.split()[0].casefold()
    return (
        _for_subject(question, put)
        if first in DETERMINERS or not (is_stop_word(first) or first in MEASURES)
        else None
    )


def _after_preposition(question: str, names: Sequence[str], preposition: str, new: str) -> str | None:
    for found in _PREPOSITION.finditer(question):
        if found[1].casefold() == preposition.casefold():
            run = _run(question, found.end())
            if len(run) > 1 and is_participle(run[-1].group()):
                run.pop()  # "When is the rent of the flat paid?"
            ends = [question.find(name) + len(name) for name in names if question.find(name) <= found.end()]
            end = next((end for end in ends if end > found.end()), run[-1].end() if run else 0)
            if end:
                return question[: found.start()] + new + question[end:]
    return None


def _for_subject(question: str, put: str) -> str | None:
    if indirect := _INDIRECT.match(question):
        run = _run(question, indirect.end())
        verb = WORD.search(question, run[-1].end()) if run else None
        if verb and verb.group().casefold() in AUXILIARIES:
            return f"{question[: indirect.start('subject')]}{put} {question[verb.start() :]}"
    for auxiliary in _AUXILIARY.finditer(question):
        article = _ARTICLE.match(question, auxiliary.end())
        run = _run(question, article.end() if article else auxiliary.end())
        if not run or (not article and is_participle(run[0].group())):  # "What is included in the rent?"
            continue
        n = _n_of_subject(question, auxiliary, run)
        return question[: auxiliary.end()] + put + question[run[n - 1].end() :] if n else None
    return None


def _n_of_subject(question: str, auxiliary: re.Match[str], run: Sequence[re.Match[str]]) -> int:
    """How many words of a row after an auxiliary are the subject; 0 where that cannot be told."""
    verb, last = without_not(auxiliary.group().strip()), run[-1].group().casefold()
    next_word = WORD.search(question, run[-1].end())
    following = next_word.group().casefold() if next_word else ""
    begins = auxiliary.start() == 0
    if len(run) == 1 or following in _STOP_VERBS:
        return len(run)
    if verb in BE or verb in HAVE or verb not in AUXILIARIES:  # the last are "what's" and the like
        predicate = is_participle(last) or (verb not in HAVE and last in _ADJECTIVES)
        return len(run) - (predicate or (begins and following not in DETERMINERS))
    if following in DETERMINERS:  # "When does the landlord return the deposit?": for either of them
        return 0
    verbs = [n for n, word in enumerate(run) if n and word.group().casefold() in _INTRANSITIVE]
    if verbs:
        return verbs[-1]  # "fermentation take place"
    return len(run) - 1 if len(run) == 2 or _FRONTED.match(question) else 0


def _run(text: str, start: int) -> list[re.Match[str]]:
    """The informative words in a row that begin at ``start``."""
    found: list[re.Match[str]] = []
    end = start
    for match in WORD.finditer(text, start):
        is_name = match.group() in NAMES_TOO and not text.isupper()  # "in May"
        if text[end : match.start()].strip(" ") or (is_stop_word(match.group()) and not is_name):
            break
        found.append(match)
        end = match.end()
    return found
