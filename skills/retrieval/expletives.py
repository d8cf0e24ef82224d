"""Where "it", "there" and "this" mean nothing said before. Pure.

"It" and "there" may only fill the place of a subject that comes later or never ("Is it allowed to keep a
dog?", "How many rooms are there?"); "this" may belong to the noun after it ("this lease"). What cannot be
told counts as such: a question left as it stands harms less than one completed wrongly.
"""

from __future__ import annotations

import re

from skills.retrieval.grammar import (
    AUXILIARIES,
    BE,
    DETERMINERS,
    HAVE,
    MEASURES,
    MODAL,
    is_participle,
    without_not,
)
from skills.retrieval.names import WORD, without_possessive
from skills.retrieval.words import is_stop_word, word_set

_DEMONSTRATIVES = word_set("this that these those этого этой этом")
_HERE_AND_NOW = re.compile(
    r"\b(?:(?:what|which) (?:time|day|date|month|year)|how late)(?: of the week)? is it"
    r"(?: now| today| right now| there| here)?\W*$"
    r"|\b(?:is|will) it (?:still )?(?:(?:be|going to) )?"
    r"(?:rain|snow|sunny|windy|cloudy|(?:cold|hot|dark) outside)",
    re.IGNORECASE,
)
#: So far around a word is looked.
_N_CHARACTERS = 200
_ADVERBS = word_set("not still also really ever even usually always normally generally ok okay")
_ANNOUNCING = BE | word_set("take takes took cost costs help helps make makes seem seems")
# "Is it clear whether …", and the clauses that may as well say when something is done
_CLAUSES = word_set("that whether who what which how why")
_CONDITIONS = word_set("if when where")
# A predicate and whom it holds for are short and have none of these: "possible for my guests to …".
_N_PREDICATE = 6
_NO_PREDICATE = AUXILIARIES | word_set("in by at on with from before after about and or but")
# "Is it going to rise?", "Is it close to work?": said of a thing
_OF_A_THING = word_set(
    """due going able about supposed meant likely unlikely bound subject ready set used scheduled designed
    intended willing entitled sure certain close next similar equal attached connected open prior"""
)
# "Is it allowed if …?", while "Is it refunded if …?" is of a thing
_OF_A_CLAUSE = word_set(
    """allowed permitted forbidden prohibited banned required needed expected accepted possible acceptable
    advisable preferable permissible reasonable feasible"""
)
_NO_VERB = DETERMINERS | word_set("me us you him them it whom what which where")


def is_expletive(utterance: str, word: re.Match[str]) -> bool:
    """Whether an "it", a "there" or a "this" of an utterance means nothing said before.

    Args:
        utterance: what was said.
        word: its place, of ``WORD``; of other words nothing is known, and False comes out.
    """
    said = without_possessive(word.group()).casefold()
    first, last = max(0, word.start() - _N_CHARACTERS), word.end() + _N_CHARACTERS
    before = WORD.findall(re.split(r"[,;:.?!]\s", utterance[first : word.start()])[-1])
    after = WORD.findall(re.split(r"[,;:.?!](?:\s|$)", utterance[word.end() : last], maxsplit=1)[0])
    if utterance.isupper():
        after = [w.lower() for w in after]
    contracted = len(said) < len(word.group())  # "it's"
    if said == "it":
        return bool(_HERE_AND_NOW.search(utterance[first:last])) or _announces(before, after, contracted)
    if said == "there":
        return contracted or _is_existential(before, after)
    return said in _DEMONSTRATIVES and not contracted and _has_noun(before, after)


def _announces(before: list[str], after: list[str], contracted: bool) -> bool:
    """Whether an "it" between these words stands for a clause that comes later."""
    rest = list(after)
    if not contracted and not (before and without_not(before[-1]) in BE):
        while rest and without_not(rest[0]) in MODAL | HAVE | _ADVERBS:
            rest.pop(0)
        verb = rest.pop(0).casefold() if rest else ""
        if verb in ("matter", "matters"):
            return True
        if verb not in _ANNOUNCING:
            return False
    for n, written in enumerate(rest[:_N_PREDICATE]):
        word, predicate = written.casefold(), rest[n - 1].casefold() if n else ""
        if word in _CLAUSES:
            return True
        if word in _CONDITIONS:
            of_a_thing = is_participle(predicate) or predicate.endswith(("able", "ible"))
            return not of_a_thing or predicate in _OF_A_CLAUSE
        if word == "to":
            return _is_verb(rest[n + 1 :]) and predicate not in _OF_A_THING
        if word in _NO_PREDICATE:
            return False
    return False


def _is_verb(words: list[str]) -> bool:
    """Whether the word after "to" is an infinitive: no pronoun or article, name, number or plural."""
    if not words:
        return True
    word = words[0]
    plural = word.endswith("s") and not word.endswith("ss")
    return word[0].islower() and word not in _NO_VERB and not plural


def _is_existential(before: list[str], after: list[str]) -> bool:
    """Whether "to be" stands beside a "there" between these words; not so in "live there", "be there?"."""
    last = without_not(before[-1]) if before else ""
    if last in BE:
        return bool(after) or last not in ("be", "been")
    following = [without_not(word) for word in after[:3]]
    if following and following[0] in BE:
        return True
    return bool(following) and following[0] in HAVE | MODAL and not BE.isdisjoint(following[1:])


def _has_noun(before: list[str], after: list[str]) -> bool:
    """Whether a "this" between these words belongs to a noun, or to what may be one."""
    if not after or is_stop_word(after[0]) or after[0].casefold() in MEASURES:
        return False
    last = without_not(before[-1]) if before else ""
    if last in BE:  # "Was this signed?"
        return not is_participle(after[0])
    return not (last in AUXILIARIES and len(after) == 1)  # "How does this work?"
