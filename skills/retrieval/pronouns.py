"""Pronouns that mean something said before, by their words. Pure."""

from __future__ import annotations

import re

from skills.retrieval.expletives import is_expletive
from skills.retrieval.names import WORD, names_of, without_possessive
from skills.retrieval.words import STOP_WORDS, word_set

PERSON = word_set("he she him her his hers он она его её ее ему ей ним ней")
PLACE = word_set("there там туда")
SEVERAL = word_set("they them their theirs они их им ими них")
_THING = SEVERAL | word_set("it its this that these those оно это этого этой этом нём нем")

_NEW_CLAUSE = re.compile(r",|;|\b(?:and|but|when|if|while|because|и|но|когда|если)\b", re.IGNORECASE)


def pronoun_in(utterance: str, start: int) -> re.Match[str] | None:
    """The first pronoun that means something said before.

    One after a clause with words of its own means those ("Where was Ada Hall born and when did
    she die?"), one that only fills a place means nothing ("Is there a warranty?").

    Args:
        utterance: what was said.
        start: where its clause begins, after "and" or "what about".
    """
    informative, names = False, names_of(utterance)
    for match in WORD.finditer(utterance):
        word = without_possessive(match.group()).casefold()
        if word not in PERSON | PLACE | _THING:
            informative = informative or word not in STOP_WORDS
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
        return match
    return None
