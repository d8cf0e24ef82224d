"""Pronouns that mean something said before, by their words. Pure."""

from __future__ import annotations

import re

from skills.retrieval.expletives import is_expletive
from skills.retrieval.grammar import AUXILIARIES, BE, DETERMINERS, FINITE, is_participle, without_not
from skills.retrieval.names import SENTENCE_END, WORD, names_of, without_possessive
from skills.retrieval.words import is_stop_word, word_set

PERSON = word_set("he she him her his hers он она его её ее ему ей ним ней")
PLACE = word_set("there там туда")
SEVERAL = word_set("they them their theirs они их им ими них")
_THING = SEVERAL | word_set("it its this that these those оно это этого этой этом нём нем")

_HAS_ANTECEDENT = word_set("his her its their theirs they them")

_BE_OR_DO = "|".join(sorted(FINITE))
# "When is it due?" is one clause with its "when", "when it is due" another.
_NEW_CLAUSE = re.compile(
    rf",|;|\b(?:and|but|when(?!\s+(?:{_BE_OR_DO})\b)|if|while|because|и|но|когда|если)\b|{SENTENCE_END.pattern}",
    re.IGNORECASE,
)
# "What colour is its door?", "What is the name of his wife?": no noun before is the one it means
_OF_ITS_OWN = re.compile(
    rf"(?:\b(?:{_BE_OR_DO})(?:n['’]?t)?"
    r"|(?:\b(?:is|are|was|were)|\b(?:who|what|where)['’]?s)\s+(?:(?:the|a|an)\s+)?(?:[\w'’-]+\s+){1,3}of)\s+$",
    re.IGNORECASE,
)
# A word that says something is a noun after these, and a verb after "I", "to" or "who".
_BEFORE_NOUN = DETERMINERS | AUXILIARIES | word_set("which what many much more of for with by from at in on")


def pronoun_in(utterance: str, start: int) -> re.Match[str] | None:
    """The first pronoun that means something said before.

    One after a clause with words of its own means those ("Where was Ada Hall born and when did
    she die?"), as a possessive or a "they" does after a noun ("Can tenants bring their pets?"); one
    that only fills a place means nothing ("Is there a warranty?").

    Args:
        utterance: what was said.
        start: where its clause begins, after "and" or "what about".
    """
    informative, noun, names = False, False, names_of(utterance)
    previous = ""
    for match in WORD.finditer(utterance):
        word, last, previous = without_possessive(match.group()).casefold(), previous, match.group()
        if word not in PERSON | PLACE | _THING:
            if not is_stop_word(word):
                noun = noun or _is_noun(word, without_not(last))
                informative = True
            continue
        if is_expletive(utterance, match):
            continue
        before = utterance[: match.start()]
        if word == "that" and informative:  # "the house that Jack built"
            continue
        if any(utterance.find(name) < match.start() for name in names) or (
            informative and _NEW_CLAUSE.search(before, min(start, len(before)))
        ):
            return None
        if noun and word in _HAS_ANTECEDENT and not _OF_ITS_OWN.search(before):
            following = WORD.search(utterance, match.end())
            if word != "her" or (following and not is_stop_word(following.group())):  # whose, not whom
                return None
        return match
    return None


def _is_noun(word: str, last: str) -> bool:
    """Whether a word after another is a noun, or begins as one: "the boiler", "can tenants pay"."""
    if last in BE and is_participle(word):
        return False
    return last in _BEFORE_NOUN or last.isdecimal()
