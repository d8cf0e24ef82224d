"""Utterances that only keep two speakers in touch: greetings, thanks, "sure". Pure.

They are told by their words: the embedding of one or two of them says little, and what was said before
must not be read into them.
"""

from __future__ import annotations

import re


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GREETINGS = _words_of(
    """hello hi hey hiya howdy greetings morning evening afternoon
    привет здравствуй здравствуйте утро день вечер"""
)
#: Words that say nothing else, in the languages of the service.
_PHATIC = _GREETINGS | _words_of(
    """welcome bye goodbye cheers
    thanks thank thx please sorry pardon yes yeah yep yup no nope nah ok okay sure fine alright right
    good great nice cool wow awesome perfect lovely excellent amazing wonderful agreed exactly indeed true
    absolutely definitely maybe perhaps really lol haha hahaha hmm hm oh ah aha huh well
    пока спасибо пожалуйста да нет ладно хорошо ок окей понятно ясно
    отлично здорово супер ага угу конечно"""
)
#: What may stand beside them: "thanks so much", "oh I see".
_BESIDE = _words_of(
    """a again all and back day everyone everybody for friend i i'm it's just later lot much my not of once
    quoth see so soon that that's the then there this to today tomorrow too u very you your
    всем всё до большое доброе добрый вам тебе очень не за что встречи"""
)
#: Asking whether somebody is there, or how they are, is a greeting.
_CONTACT = re.compile(
    r"\b(?:(?:is|are) (?:any(?:one|body)|some(?:one|body)|you|u)(?: still| even)? (?:there|here|around|awake)"
    r"|how(?:'s| is| are) (?:you|u|things|it going|your day)(?: doing| going)?(?: today)?)\b"
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_MOST_WORDS = 7
# "there" is of the greeting, but not in "hi there is a leak".
_LEADING_GREETING = re.compile(
    r"\s*(?:(?:hello|hi|hey|hiya|good (?:morning|afternoon|evening)|привет|здравствуйте)\b(?!-)"
    r"(?: there\b(?!['’]|\s+(?:is|are|was|were|will|has|have|had|must|may|can|should)\b)| again| quoth)*"
    r"|(?:ok|okay|oh|hmm|sure|yes|yeah|no|sorry|thanks|thank you|great|спасибо|ладно|хорошо|да|нет)"
    r"(?=[,.!;])(?!\.\s*\d))[\s,.!;–-]*",
    re.IGNORECASE,
)
# A clause or a sentence, and what is between it and the next.
_FIRST_CLAUSE = re.compile(r"\s*([^,.!?;\s][^,.!?;]*)([,.!;])[\s,.!;–-]*(?=[^\s\d])")


def is_phatic(utterance: str) -> bool:
    """Whether an utterance only keeps in touch (phatic communion, Malinowski 1923): "Hi there!", "Sure".

    Its first word must be such a one, or its second ("oh, thanks", "good morning"), and none may say
    anything else: "hello, when is the rent due?" is a question. Asked, only a greeting is: "Hello?", but not
    "Really?", which asks about what was said.
    """
    return says_nothing(utterance) and not ("?" in utterance and _GREETINGS.isdisjoint(_words(utterance)))


def says_nothing(utterance: str) -> bool:
    """Whether an utterance is of such words only, asked or not: "Really?", too."""
    words = _words(utterance)
    if not 0 < len(words) <= _MOST_WORDS or re.search(r"\d", utterance):
        return False
    return not _PHATIC.isdisjoint(words[:2]) and set(words) <= _PHATIC | _BESIDE


def without_greeting(utterance: str) -> str:
    """What is left of "hi, how much is it?" without the greeting, and without thanks and the like before it;
    the utterance itself where that is all."""
    rest = utterance
    while said := _LEADING_GREETING.match(rest) or _first_that_says_nothing(rest):
        rest = rest[said.end() :]
    return rest or utterance


def _first_that_says_nothing(text: str) -> re.Match[str] | None:
    """The first sentence, or clause of several words, if it is such; "good" of "good, bad or ugly" is not."""
    first = _FIRST_CLAUSE.match(text)
    whole = first is not None and (first[2] in ".!" or " " in first[1].strip())
    return first if first is not None and whole and says_nothing(first[1]) else None


def _words(utterance: str) -> list[str]:
    return _WORD.findall(_CONTACT.sub("hello", utterance.lower().replace("’", "'")))
