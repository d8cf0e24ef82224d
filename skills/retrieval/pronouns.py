"""Pronouns that mean something said before, by their words. Pure."""

from __future__ import annotations

import re

from skills.retrieval.names import WORD, names_of, without_possessive
from skills.retrieval.words import STOP_WORDS, word_set

PERSON = word_set("he she him her his hers он она его её ее ему ей ним ней")
PLACE = word_set("there там туда")
SEVERAL = word_set("they them their theirs они их им ими них")
_THING = SEVERAL | word_set("it its this that these those оно это этого этой этом нём нем")
_BE = word_set("is are was were be been")

_NEW_CLAUSE = re.compile(r",|;|\b(?:and|but|when|if|while|because|и|но|когда|если)\b", re.IGNORECASE)
# "What time is it?", "Is it raining?": no word before means that "it".
_EXPLETIVE = re.compile(
    r"\b(?:(?:what|which) (?:time|day|date|month|year)|how late)(?: of the week)? is it"
    r"(?: now| today| right now| there| here)?\W*$"
    r"|\b(?:is|will) it (?:still )?(?:(?:be|going to) )?"
    r"(?:rain|snow|sunny|windy|cloudy|(?:cold|hot|dark) outside)",
    re.IGNORECASE,
)


def pronoun_in(utterance: str, start: int) -> re.Match[str] | None:
    """The first pronoun that means something said before.

    One after a clause with words of its own means those ("Where was Ada Hall born and when did
    she die?"), "there" after a form of "to be" nothing ("Is there a warranty?").

    Args:
        utterance: what was said.
        start: where its clause begins, after "and" or "what about".
    """
    if _EXPLETIVE.search(utterance):
        return None
    informative, names = False, names_of(utterance)
    for match in WORD.finditer(utterance):
        word = without_possessive(match.group()).casefold()
        if word not in PERSON | PLACE | _THING:
            informative = informative or word not in STOP_WORDS
            continue
        before, after = utterance[: match.start()], utterance[match.end() :].strip(" ?.!")
        if word == "there" and after and before.split() and before.split()[-1].casefold() in _BE:
            continue
        if word == "that" and informative:  # "the house that Jack built"
            continue
        if any(utterance.find(name) < match.start() for name in names) or (
            informative and _NEW_CLAUSE.search(before, min(start, len(before)))
        ):
            return None
        return match
    return None
