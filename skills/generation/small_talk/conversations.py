"""Conversations between people, made fit to learn from: merged, tidied, sifted. Pure.

People who chat type without capitals, in bursts, and about things that no program should repeat.
What is left here reads like a written conversation; which of its replies are to be learnt is
marked, the others are context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skills.generation.small_talk.claims import claims

#: Bounds on what comes from a file.
MAX_MESSAGES = 400
MAX_CHARS = 600
#: A reply that is learnt has so many words; what is longer is no small talk.
MIN_WORDS, MAX_WORDS = 3, 32

_PRIVATE = re.compile(
    r"[\w.+-]+@[\w-]+\.\w+|(?<!\w)@\w{2,}|https?:|www\.|\w\.(?:com|org|net|edu)\b|(?:\d[\s().-]*){7,}"
)
#: Names of services, of the site and the place where these people met, and the site's own game.
_NAMES = re.compile(
    r"\b(?:snap ?chat|snap|insta(?:gram)?|ig|discord|kik|facebook|fb|twitter|whats ?app|tinder|skype|"
    r"telegram|reddit|tiktok|chit ?chat(?:ter)?\w*|leader ?board|points?|rank(?:ed|ings?)?|bots?|username|"
    r"prompts?|byu|provo|utah|mormons?|lds|hw|rb|finals|majors?|freshman|college|tmcb|cs \d+|"
    r"challenge|chit-chat|(?:web)?site|matched)\b"
)
_COARSE = re.compile(
    r"fuck|shit|bitch|porn|masturb|nigg|(?<!\w)(?:cunt|whore|slut|dick|penis|vagina|boob|tits?\b|cock|nudes?\b|"
    r"naked|horny|sex|rap(?:e|ed|ist)\b|orgasm|fag|retard|stfu|kys\b|wtf|ass\b|asshole|bastard|piss|damn|crap|hell\b|"
    r"suicid|kill (?:your|my)self|drugs?\b|weed\b|gay\b|hitler|nazi|idiot|moron|ugly|loser)"
)  # fmt: skip
_LAUGH = re.compile(r"\b(?:a?(?:ha){2,}h?|ha|he(?:he)+|lo+l|lmf?ao+|rofl|xd|omg|idk|tbh)\b[\s,.!]*", re.I)
_FACE = re.compile(r"(?:^|(?<=\s))[:;=8xX][-'^]?[()DdPpOo/\\|3]+(?=\s|$|[.!?])|<3|\^_+\^")
_TYPED = {
    "u": "you", "ur": "your", "r": "are", "ya": "you", "cuz": "because",
    "i": "I", "im": "I'm", "ive": "I've", "ill": "I'll", "id": "I'd", "dont": "don't", "doesnt": "doesn't",
    "didnt": "didn't", "cant": "can't", "wont": "won't", "isnt": "isn't", "wasnt": "wasn't",
    "thats": "that's", "whats": "what's", "youre": "you're", "theyre": "they're", "havent": "haven't",
    "couldnt": "couldn't", "wouldnt": "wouldn't", "arent": "aren't",
    "bc": "because", "gonna": "going to", "wanna": "want to", "i'm": "I'm", "i've": "I've", "i'll": "I'll",
    "i'd": "I'd", "thx": "thanks", "pls": "please", "hes": "he's", "shes": "she's", "lets": "let's",
}  # fmt: skip
_WORD = re.compile(r"(?<![\w'])[A-Za-z']+(?![\w'])")
_SENTENCE = re.compile(r"(^|[.!?]\s+)([a-z])")
_LATIN = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True)
class Exchange:
    """What was said and what was replied.

    Attributes:
        utterance: of the one who begins.
        reply: of the other.
        learnt: whether the reply is to be learnt.
    """

    utterance: str
    reply: str
    learnt: bool = True


Conversation = tuple[Exchange, ...]


def messages_of(turns: Iterable[Sequence[Mapping[str, Any]]]) -> list[tuple[str, str]]:
    """Sender and text of each message, cut where somebody wrote without end.

    Args:
        turns: lists of messages with ``text`` and ``sender``.
    """
    found = [message for turn in turns for message in turn][:MAX_MESSAGES]
    return [(str(message["sender"]), str(message["text"])[:MAX_CHARS]) for message in found]


def unfit(texts: Sequence[str]) -> bool:
    """Whether messages name services, places or ways to reach somebody, or are coarse."""
    whole = " \n ".join(texts).lower()
    return any(pattern.search(whole) for pattern in (_NAMES, _COARSE, _PRIVATE))


def merged(messages: Iterable[tuple[str, str]]) -> list[str]:
    """The texts of a conversation, one for each change of the sender, tidied.

    Args:
        messages: of :func:`messages_of`.

    Returns:
        texts, from the first sender on in turn; "" where nothing is left of one.
    """
    texts: list[tuple[str, list[str]]] = []
    for sender, text in messages:
        if not texts or texts[-1][0] != sender:
            texts.append((sender, []))
        texts[-1][1].append(tidied(text))
    return [" ".join(text for text in parts if text) for _, parts in texts]


def tidied(text: str) -> str:
    """A typed message as a written one: no laughter, capitals, apostrophes, an end."""
    text = text.replace("’", "'").replace("“", '"').replace("”", '"')
    text = _LATIN.sub("", _FACE.sub("", _LAUGH.sub(" ", text)))
    text = _WORD.sub(lambda found: _TYPED.get(found.group().lower(), found.group()), text)
    text = re.sub(r"([!?.,])\1+", r"\1", " ".join(text.split())).strip(" ,;:-*\\/")
    if not re.search(r"\w", text):
        return ""
    text = _SENTENCE.sub(lambda found: found.group(1) + found.group(2).upper(), text)
    return text if text[-1] in ".!?\"'" else text + "."


def exchanges(texts: Sequence[str]) -> Conversation:
    """Texts in turn as exchanges; a reply is learnt where it claims nothing and says something new.

    Args:
        texts: of :func:`merged`.
    """
    said: set[str] = set()
    made = []
    for utterance, reply in zip(texts[::2], texts[1::2], strict=False):
        said |= _sentences(utterance)
        fresh = not _sentences(reply) & said
        said |= _sentences(reply)
        n_words = len(reply.split())
        learnt = fresh and MIN_WORDS <= n_words <= MAX_WORDS and not claims(reply)
        made.append(Exchange(utterance, reply, learnt))
    return tuple(made)


def windows(conversation: Conversation, n_exchanges: int) -> Iterator[Conversation]:
    """Neighbouring exchanges at least three in four of whose replies are to be learnt.

    An exchange in which one says nothing, or makes a speech, ends a window.

    Args:
        conversation: the whole.
        n_exchanges: most of a window; there are two at least.
    """
    begin = 0
    for at in range(len(conversation) + 1):
        ended = at == len(conversation) or not _is_talk(conversation[at])
        if not ended and at - begin < n_exchanges:
            continue
        window = conversation[begin:at]
        if len(window) > 1 and 4 * sum(e.learnt for e in window) >= 3 * len(window):
            yield window
        begin = at + 1 if ended else at


def _is_talk(exchange: Exchange) -> bool:
    return all(0 < len(text.split()) <= MAX_WORDS for text in (exchange.utterance, exchange.reply))


def _sentences(text: str) -> set[str]:
    return {s for s in (part.strip().lower() for part in re.split(r"[.!?]+", text)) if s}
