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
_LEADING_GREETING = re.compile(
    r"\s*(?:(?:hello|hi|hey|hiya|good (?:morning|afternoon|evening)|привет|здравствуйте)\b"
    r"(?: there| again| quoth)?|(?:ok|okay|thanks|thank you|great|спасибо|ладно|хорошо)(?=[,.!;]))"
    r"[\s,.!;–-]*",
    re.IGNORECASE,
)


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
    """What is left of "hi, how much is it?" without the greeting; the utterance itself where that is all."""
    greeting = _LEADING_GREETING.match(utterance)
    return (utterance[greeting.end() :] if greeting else "") or utterance


def _words(utterance: str) -> list[str]:
    return _WORD.findall(_CONTACT.sub("hello", utterance.lower().replace("’", "'")))
