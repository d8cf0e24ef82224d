"""Whether something is asked, by the form of what was said: its first word, or its question mark. Pure.

As people type: "whats", "dont" and "cant" count as "what's", "don't" and "can't" do.
"""

from __future__ import annotations

import re

from skills.phatic import is_phatic, without_greeting

_QUESTION_WORDS = "who|what|when|where|why|how"
_VERBS = "is|are|was|were|am|do|does|did|can|could|may|might|must|shall|should|would|has|have|had"
_OTHERS = (
    "whom|whose|which|will|won['’]?t|tell|show|list|name|give|explain|describe|find|"
    "кто|что|где|когда|почему|зачем|как|какой|какая|какие|каком|сколько|чей|куда|откуда|расскажи|назови"
)
_APOSTROPHE = "['’]?"
#: Matches the word with which a question or a request begins, and spaces before it.
ASKING_WORD = re.compile(
    rf"\s*(?:(?:{_QUESTION_WORDS})(?:{_APOSTROPHE}[sd])?|(?:{_VERBS})(?:n?{_APOSTROPHE}t)?|{_OTHERS})\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"\W*(?:(?:and|but|so|then|also|please)\b\W*)?", re.IGNORECASE)
_REQUEST = re.compile(
    r"\s*(?:please\s+)?(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?(?:tell|show|explain|remind)"
    r"|do\s+you\s+(?:happen\s+to\s+)?know|tell|show)\b(?:\s+(?:to\s+)?(?:me|us)\b)?(?:\s+please\b)?(?:\s+about\b)?[\s,:]*",
    re.IGNORECASE,
)


def without_request(question: str) -> str:
    """What is left of "can you tell me how much it is" without the request; all of it where that is all."""
    request = _REQUEST.match(question)
    rest = question[request.end() :] if request else ""
    return rest if re.search(r"\w", rest) else question


def asks(utterance: str) -> bool:
    """Whether an utterance asks for something, by its form: "whats the rent", "And the rent?", "tell me".

    What is said before it to keep in touch does not count: "hi, when is the rent due" asks, "Hello, is
    anyone there?" does not.
    """
    if is_phatic(utterance):
        return False
    utterance = without_greeting(utterance)
    if is_phatic(utterance):
        return False
    if utterance.rstrip().endswith("?"):
        return True
    before = _BEFORE.match(utterance)
    return ASKING_WORD.match(utterance, before.end() if before else 0) is not None
