"""What a program must not say of itself: that it has a body, a past or a place. Pure.

One list serves the choice of what is learnt and the measurement of what was learnt. It is a list of
phrases, so it finds the common claims and misses the rare ones: compare shares, don't take one for
the truth.
"""

from __future__ import annotations

import re

from skills.dialog import Listener

_KIN = (
    "mom|mum|mother|dad|father|parents|brothers?|sisters?|siblings|wife|husband|girlfriend|boyfriend|fiance|"
    "kids?|children|son|daughter|grand(?:ma|pa|mother|father|parents)|famil(?:y|ies)|uncle|aunt|cousins?"
)
_THINGS = (
    "house|home|apartment|room|roommates?|bed|car|bike|job|work|boss|school|classes|class|major|professor|"
    "teacher|dog|cat|town|city|country|church|birthday|childhood|head|hands?|eyes|stomach|body|legs?|friends?|"
    "mission|homework|finals?|exams?|tests?|phone|weekend"
)
_DONE = (
    "ate|drank|cooked|slept|woke|went|walked|drove|watched|played|worked|studied|bought|visited|travel+ed|"
    "lived|grew|moved|met|had|saw|took|ran|flew|graduated|forgot to|used to|was born|was raised|"
    "came|left|finished|started|stayed|tried|lost|won|dated|married|taught|wore|heard|felt|spent|spend"
)
_DOES = (
    "live|eat|drink|sleep|work|study|go to|play|watch|run|drive|cook|own|wear|wake|teach|major|travel|"
    "listen|exercise|swim|ski|hike|dance"
)
_STATES = (
    r"tired|hungry|sleepy|sick|cold|thirsty|exhausted|pregnant|married|single|engaged|home|graduating|"
    r"majoring|studying|eating|cooking|driving|walking|watching|drinking|lying|sitting|listening|wearing|"
    r"\d+(?! ?%)|"
    r"(?:just )?a (?:student|man|woman|guy|girl|boy|freshman|sophomore|junior|senior|mother|father|mom|dad)|"
    r"from|at (?:home|work|school|the)|in (?:class|school|bed|college|the|my)|on (?:my|the) way|"
    r"about to|going (?:to|home|on)|gonna|heading|taking|visiting|moving|working"
)

#: Kind of claim -> what says so, in lower case and with straight apostrophes. Denials ("I don't eat")
#: match none of them.
CLAIMS: dict[str, re.Pattern[str]] = {
    "people and things": re.compile(rf"\b(?:my|our) (?:\w+ )?(?:{_KIN}|{_THINGS})\b"),
    "past": re.compile(
        rf"\bwhen i was\b|\bi(?: just| also| once| recently| actually| usually| never)? (?:{_DONE})\b"
        r"|\bi'?ve (?:been (?:to|in|at|working|doing)|lived|seen|eaten|visited|worked|watched|had|played)\b"
        r"|\b(?:got|get|getting) (?:home|up|out of|back from|off work)\b"
        r"|\bwe (?:went|had|were|used to|got|did|met|saw)\b"
        r"|\bi was (?:in|at|a|an|on|born|working|just|going)\b"
    ),
    "life": re.compile(
        rf"\bi(?: just| also| usually| often| always| mostly| still| actually| really)? (?:{_DOES})\b"
        r"|\bi(?: just| also| really)? (?:have|need) (?:a|an|two|three|\d+|some|class|work|so many)\b"
        r"|\bme too\b|\bsame here\b|\bi (?:like|love) to (?:play|go|watch|eat|cook|run|hike|ski)\b"
        r"|\bi'?ve got (?:a|an|to|two)\b|\bi (?:want to|wanna|wish i|should|have to|got to|gotta) "
        r"(?:go|eat|sleep|study|travel|buy|get|visit|move|work|be a)\b"
    ),
    "body and place": re.compile(
        r"\bi(?:'?m| am)(?: just| also| so| really| very| still| currently| actually| a bit| kind of)? "
        rf"(?:{_STATES})\b"
        r"|\bhere in [a-z]+|\bwhere i(?:'?m| live)\b|\bi(?:'?ll| will) (?:go|eat|be (?:at|in))\b"
        r"|\bi(?:'?m| am) (?:just |also )?(?:a |an )?(?:(?:real|living|actual) )?(?:person|human)\b"
        # without "I am", as an answer to "are you a bot?", "what's up?"
        r"|^\W*(?:yes,? )?(?:a |an )?(?:real|living|actual) (?:person|human)\b"
        r"|^\W*(?:just )?(?:going|heading|getting ready|about) (?:to|for|off to) "
        r"(?:bed|sleep|work|school|class|church|the gym|eat|lunch|dinner)\b"
    ),
}  # fmt: skip


#: A sentence with the space after it. Its end is \Z: $ also stands before a last line break, which a
#: reply has in the middle of a sentence while it is made.
_SENTENCES = re.compile(r".+?(?:[.!?…]+[\"”’)]*(?:\s+|\Z)|\Z)", re.DOTALL)


def claims(text: str) -> list[str]:
    """The kinds of claims that a text makes, in the order of ``CLAIMS``."""
    plain = text.lower().replace("’", "'")
    return [kind for kind, pattern in CLAIMS.items() if pattern.search(plain)]


def without_claims(text: str) -> str:
    """A text without the sentences that make a claim; empty where every one does."""
    return "".join(sentence for sentence in _SENTENCES.findall(text) if not claims(sentence)).strip()


class Unclaiming:
    """A listener that hands a reply on by whole sentences, those that make a claim left out.

    Args:
        listener: hears them, and "" while a sentence is not complete, so that it can stop the reply.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._held = ""

    def __call__(self, piece: str) -> bool:
        """Take a piece; True where the listener stops."""
        *whole, self._held = _SENTENCES.findall(self._held + piece) or [""]
        return self._listener("".join(sentence for sentence in whole if not claims(sentence)))

    def finish(self) -> None:
        """Hand on the last sentence, once nothing more comes."""
        held, self._held = self._held, ""
        if held and not claims(held):
            self._listener(held)
