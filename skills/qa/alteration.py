"""Questions altered so that their paragraph most likely no longer answers them. Pure.

People who wrote SQuAD 2.0's unanswerable questions swapped names and numbers, put antonyms and added
negations (Rajpurkar et al. 2018, arXiv 1806.03822, table 1). These are three of their ways by rule, from
the paragraph's own names and numbers, since a word that the paragraph lacks is too easily noticed.
"""

from __future__ import annotations

import re
from random import Random

# names of one or more words, "of" and the like inside; numbers with their separators
_NAME = re.compile(r"\b[A-Z][\w'-]*(?:\s(?:of|the|de|von)?\s?[A-Z][\w'-]*)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d+\b")
#: How often a negation is made; people wrote one in eleven, and a reader should not take it for a sign.
_NEGATED_SHARE = 0.1
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|did|does|do|has|have|had|can|could|will|would|should|must)\b", re.I
)
_NEGATION = re.compile(r"\b(?:not|never|no|without)\b|n't", re.I)

_PAIRS = """
first last|before after|early late|earlier later|earliest latest|older younger|oldest newest|old new
most least|more fewer|largest smallest|larger smaller|large small|biggest smallest|big small
highest lowest|higher lower|high low|longest shortest|longer shorter|long short|best worst|better worse
increase decrease|increased decreased|rise fall|rose fell|gain lose|gained lost|win lose|won lost
began ended|begin end|start finish|started finished|open close|opened closed|founded dissolved
north south|northern southern|east west|eastern western|above below|upper lower|inside outside
male female|men women|public private|major minor|strong weak|stronger weaker|common rare|often rarely
allowed forbidden|accepted rejected|agreed disagreed|supported opposed|support oppose|included excluded
always never|positive negative|maximum minimum|same different|similar different
"""


def _opposites() -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in re.split(r"[|\n]", _PAIRS.strip()):
        one, other = pair.split()
        found.setdefault(one, other)
        found.setdefault(other, one)
    return found


_OPPOSITES = _opposites()
_HAS_OPPOSITE = re.compile(rf"\b(?:{'|'.join(_OPPOSITES)})\b", re.I)


def alter(question: str, context: str, random: Random) -> str | None:
    """A question much like another, of which the paragraph most likely does not hold the answer.

    Args:
        question: which the paragraph answers.
        context: the paragraph.
        random: chooses among the ways, and among the names.

    Returns:
        the question, or None where no way fits. Nobody checked that it has no answer: where the name was
        of no account, it still has.
    """
    if random.random() < _NEGATED_SHARE:
        return _negated(question)
    ways = [_other_name, _other_number, _opposite]
    random.shuffle(ways)
    for way in ways:
        made = way(question, context, random)
        if made is not None:
            return made
    return None


def _other_name(question: str, context: str, random: Random) -> str | None:
    # the first word has a capital anyway
    return _swapped(_NAME, question, context, random, after=len(question.split(" ", 1)[0]))


def _other_number(question: str, context: str, random: Random) -> str | None:
    return _swapped(_NUMBER, question, context, random, after=0)


def _swapped(pattern: re.Pattern[str], question: str, context: str, random: Random, after: int) -> str | None:
    own = [m for m in pattern.finditer(question, after)]
    # words that begin a sentence are no names; ones that stand elsewhere too are found there
    others = {
        m[0] for m in pattern.finditer(context) if m.start() > 1 and context[m.start() - 2] not in ".!?"
    }
    usable = sorted(o for o in others if o.lower() not in question.lower())
    if not own or not usable:
        return None
    spot = random.choice(own)
    return question[: spot.start()] + random.choice(usable) + question[spot.end() :]


def _opposite(question: str, _context: str, random: Random) -> str | None:
    found = list(_HAS_OPPOSITE.finditer(question))
    if not found:
        return None
    spot = random.choice(found)
    return question[: spot.start()] + _OPPOSITES[spot[0].lower()] + question[spot.end() :]


def _negated(question: str) -> str | None:
    spot = _AUXILIARY.search(question)
    if spot is None or _NEGATION.search(question):
        return None
    rest = question[spot.end() :]
    # "did the king not sign": after the subject would be right, which only a parser knows; "didn't" always is
    short = {"can": "can't", "will": "won't"}.get(spot[0].lower(), spot[0] + "n't")
    return question[: spot.start()] + short + rest
