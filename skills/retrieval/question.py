"""A follow-up question, completed from the conversation so that it can be searched for.

"When did she die?" after a question about Marie Curie becomes "When did Marie Curie die?", and
"And Pierre Curie?" then "When did Pierre Curie die?". By rules, not by a model: what a follow-up
leaves out is nearly always a name or the few informative words of the question before, and a
rule adds nothing that nobody said. A question that stands by itself comes out as it went in.
``benchmarks.follow_ups`` measures it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.asking import ASKING_WORD, without_request
from skills.dialog import Skill, Turn
from skills.errors import ConfigurationError, parameter_names, refuse_unknown
from skills.phatic import says_nothing, without_greeting
from skills.retrieval.ellipsis import is_clause, substitute
from skills.retrieval.names import WORD, names_of
from skills.retrieval.pronouns import PERSON, PLACE, SEVERAL, pronoun_in
from skills.retrieval.words import is_stop_word, word_set

#: Words that are carried over at the most.
MAX_CARRIED_WORDS = 12

_POSSESSIVE = word_set("his its their")
_SUBJECT_OR_OBJECT = word_set("he she it they him them")
# After these "her" is whom, not whose.
_NO_NOUN = word_set("to in at on for from with by and or when as before after")
_CONJUNCTIONS = "and|but|or|so|also|а|и|но|или"
_CONJUNCTION = re.compile(rf"\s*(?:{_CONJUNCTIONS})\b[,\s]*", re.IGNORECASE)
_LEADING = re.compile(
    rf"\s*(?:(?:what|how) about|what if|а (?:как|что) насч[её]т|{_CONJUNCTIONS})\b[,\s]*", re.IGNORECASE
)
_WHAT_IF = re.compile(r"\s*what if\b", re.IGNORECASE)
# "Who wrote it?" asks for somebody new, "Whom did she marry?" and "When …?" do not.
_ASKS_WHO = re.compile(r"\s*(?:who(?:['’]?s)?(?!\s+(?:did|do|does|has|had)\b)|кто)\b", re.IGNORECASE)
_ASKS_WHERE = re.compile(
    r"\s*(?:where(?:['’]?s)?|где|(?:in\s+)?(?:what|which)\s+(?:town|city|country|place))\b", re.IGNORECASE
)
# "How are you?" in between is no topic, unless it is known that the documents were asked.
_TO_US = re.compile(r"\b(?:you|your|yours|ты|вы|тебя|вас|твой|твоё|ваш)\b", re.IGNORECASE)
_HOW = re.compile(r"\bhow\s+\w+", re.IGNORECASE)


@dataclass(frozen=True)
class _Topic:
    """The question that was asked last, completed, with what it and its answer name."""

    question: str = ""
    names: tuple[str, ...] = ()
    answer_names: tuple[str, ...] = ()


@register("question_completer")
class QuestionCompleter(Component):
    """``question_completer(utterances, histories) -> questions``.

    Args:
        max_turns: how many of the latest turns are looked at.
    """

    def __init__(self, max_turns: int = 12, **kwargs: Any) -> None:
        refuse_unknown("question_completer", kwargs, parameter_names(type(self).__init__))
        if max_turns < 0:
            raise ConfigurationError(f"question_completer: max_turns must be at least 0, not {max_turns}")
        self.max_turns = max_turns

    def __call__(
        self, utterances: Sequence[str], histories: Sequence[Sequence[Turn] | None] | None = None
    ) -> list[str]:
        """Complete every utterance from its own conversation."""
        known = histories if histories is not None else [None] * len(utterances)
        return [
            complete_question(utterance, list(history or ())[-self.max_turns :] if self.max_turns else [])
            for utterance, history in zip(utterances, known, strict=True)
        ]


def complete_question(utterance: str, history: Sequence[Turn]) -> str:
    """A question that can be understood without the conversation.

    Args:
        utterance: what was said last.
        history: the earlier turns, oldest first.

    Returns:
        the utterance itself where it needs nothing, or nothing was said that it could mean.
    """
    return _complete(utterance, _topic_of(history))


def _topic_of(history: Sequence[Turn]) -> _Topic:
    """What was asked last, and what the answer to it named; small talk after it changes neither."""
    topic, is_new = _Topic(), False
    for turn, following in zip_longest(history, history[1:]):
        if turn.role == "user":
            replied = following.skill if following and following.role == "assistant" else None
            question = _without_conjunction(without_request(without_greeting(_complete(turn.text, topic))))
            asked = _is_question(turn.text)
            is_new = _sets_topic(question, asked, replied)
            if is_new:
                # of what was told and not asked nobody knows what comes next is about
                told = replied == "none" and not asked and is_clause(question)
                topic = _Topic() if told else _Topic(question, tuple(names_of(question)))
        elif is_new and turn.skill in ("qa", None):
            topic = replace(topic, answer_names=tuple(_words_only(names_of(turn.text))))
    return topic


def _sets_topic(text: str, asked: bool, replied: Skill | None) -> bool:
    """Whether what comes next may be about a text, by the skill that replied to it where that is known."""
    if says_nothing(text) or replied == "chat":
        return False
    if replied is None:
        return asked and not _TO_US.search(text)
    return replied == "qa" or bool(_informative(text))


def _complete(utterance: str, topic: _Topic) -> str:
    if not _is_question(utterance):
        return utterance
    utterance = _without_conjunction(without_greeting(utterance))
    if not topic.question:
        return utterance
    if pronoun := pronoun_in(utterance, _begins(utterance)):
        word = pronoun.group().casefold()
        meant = _meant(word, topic)
        # "Who installed it?" "How old is it?"; "How much is the rent?" "Where do they live?"
        if not meant and (pronoun_in(topic.question, 0) or (word in SEVERAL and _is_one(topic.question))):
            return utterance
        one = len(meant) == 1
        replaced = _replace(utterance, pronoun, _with_article(topic.question, meant[0])) if one else None
        return replaced or _append(utterance, meant or _informative(topic.question))
    if _TO_US.search(utterance):  # "How are you?", "And you?"
        return utterance
    leading = _LEADING.match(utterance)
    rest = utterance[_begins(utterance) :]
    if ASKING_WORD.match(rest) or _WHAT_IF.match(utterance) or is_clause(rest):
        leading = None  # "What about when the dam breaks?", "And if I pay late?" stand by themselves
    if leading and (substituted := substitute(topic.question, topic.names, rest)):
        return substituted
    if leading or not _informative(rest):  # "And in the spring?", "Why?", "For how long?"
        return _append(utterance, _informative(topic.question))
    return utterance


def _without_conjunction(question: str) -> str:
    """A question less the "and" before it, which readers that learnt from questions alone are not used to."""
    conjunction = _CONJUNCTION.match(question)
    rest = question[conjunction.end() :] if conjunction else ""
    return rest if ASKING_WORD.match(rest) else question


def _is_question(text: str) -> bool:
    """Whether something is asked; small talk neither needs completing nor sets a topic."""
    text, said = without_greeting(text), text
    if says_nothing(text) or says_nothing(said):
        return False
    return (
        "?" in text or bool(ASKING_WORD.match(text, _begins(text))) or any(" " in n for n in names_of(text))
    )


def _begins(utterance: str) -> int:
    """Where the clause of an utterance begins, after "and" or "what about"."""
    leading = _LEADING.match(utterance)
    return leading.end() if leading else 0


def _meant(pronoun: str, topic: _Topic) -> list[str]:
    """Names that a pronoun may mean: one where one is likeliest; none where only words are left."""
    asked, answered = _words_only(topic.names), list(topic.answer_names)
    if pronoun in PERSON | SEVERAL and _ASKS_WHO.match(topic.question):
        return answered or asked
    if pronoun in PLACE and _ASKS_WHERE.match(topic.question):
        return answered or asked
    if pronoun in PERSON:
        people = [n for n in asked if " " in n and not n.startswith("The ")]
        return people[:1] or asked or ([] if _ASKS_WHERE.match(topic.question) else answered)
    if pronoun_in(topic.question, 0) and not (pronoun in PLACE and asked):
        return []  # it may mean what that one meant, which nobody named
    if not asked:
        words = _informative(topic.question)
        if pronoun in SEVERAL and _is_one(topic.question):
            return []
        return words if len(words) == 1 else answered if not words else []
    if pronoun == "it" and len(asked) == 1 and not _ASKS_WHO.match(topic.question):
        return [_with_its_noun(topic.question, asked[0])]
    return asked


def _is_one(question: str) -> bool:
    """Whether a question is about one thing, which is no "they"."""
    words = _informative(question)
    return len(words) == 1 and words[0].isascii() and not words[0].casefold().endswith("s")


def _with_its_noun(question: str, name: str) -> str:
    """The noun that a name belongs to, with it: "the warranty of the Brix 300"."""
    pattern = rf"\bthe\s+\w+\s+(?:of|for|on)\s+(?:(?:the|a|an|my|our)\s+)?{re.escape(name)}"
    found = re.search(pattern, question, re.IGNORECASE)
    return found.group() if found else name


def _with_article(question: str, name: str) -> str:
    """A name with the article that it had in the question ("the Quay Tunnel")."""
    return f"the {name}" if re.search(rf"\bthe\s+{re.escape(name)}", question, re.IGNORECASE) else name


def _replace(utterance: str, pronoun: re.Match[str], name: str) -> str | None:
    """The utterance with its pronoun replaced, where English grammar tells how."""
    word = pronoun.group().casefold()
    following = WORD.search(utterance, pronoun.end())
    next_word = following.group().casefold() if following else ""
    possessive = word in _POSSESSIVE or (word == "her" and next_word not in _NO_NOUN and next_word != "")
    if not possessive and word not in _SUBJECT_OR_OBJECT and word != "her":
        return None
    put = f"{name}'s" if possessive else name
    return utterance[: pronoun.start()] + put + utterance[pronoun.end() :]


def _append(utterance: str, carried: Sequence[str]) -> str:
    """The utterance followed by what it left out, before its question mark."""
    said = {w.casefold() for w in WORD.findall(utterance)}
    words = [w for c in carried for w in c.split() if w.casefold() not in said][:MAX_CARRIED_WORDS]
    return f"{utterance.rstrip(' ?!.')} {' '.join(words)}?" if words else utterance


def _informative(text: str) -> list[str]:
    """Words that say what a question is about; the "long" of "how long" does not."""
    words = WORD.findall(_HOW.sub("", text))
    return [w for w in words if not is_stop_word(w)]


def _words_only(names: Sequence[str]) -> list[str]:
    return [name for name in names if not name.isdecimal()]
