"""A conversation into the messages of a prompt, within a budget of tokens. Pure.

It knows no model: whether messages fit, the caller's predicate says. Whole turns are left out,
the oldest first; a turn is never split.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from skills.dialog import Turn
from skills.errors import InputError, InputTooLong
from skills.generation.cleaning import without_control
from skills.generation.engines import Message

#: What a template can add to a message, in tokens, generously.
_TEMPLATE_TOKENS = 32
#: One turn in so many is a place where a shortened history may begin.
_ANCHOR_EVERY = 4

Fits = Callable[[Sequence[Message]], bool]


@dataclass(frozen=True)
class FittedPrompt:
    """A prompt that fits.

    Attributes:
        messages: persona, history, utterance.
        n_dropped_turns: turns of the history that are not in it.
    """

    messages: tuple[Message, ...]
    n_dropped_turns: int


def fit_prompt(persona: str, history: Sequence[Turn], utterance: str, fits: Fits) -> FittedPrompt:
    """As much of the history as fits, newest first.

    Where turns must go, the rest begins with one of the user's, as some templates demand, and
    preferably with an *anchor*: a turn chosen by its own text alone. The beginning of the prompt
    then stays the same for several turns, and the engine need not compute it anew each time.
    For that at most half of what fits is given up.

    Args:
        persona: the system message; "" for none.
        history: earlier turns, oldest first.
        utterance: what the user says now.
        fits: whether messages are within the budget; if some fit, fewer do too.

    Raises:
        InputError: if the utterance is blank.
        InputTooLong: if it does not fit even without the history.
    """
    if not utterance.strip():
        raise InputError("the message is empty; write something to reply to")

    def messages(first: int) -> tuple[Message, ...]:
        return chat_messages(persona, history[first:], utterance)

    if fits(messages(0)):
        return FittedPrompt(messages(0), 0)
    # where a shortened history may begin; the last place leaves nothing of it
    starts = [at for at in range(1, len(history)) if history[at].role == "user"] + [len(history)]
    low, high = 0, len(starts) - 1
    while low < high:  # bisection: counting tokens costs milliseconds
        middle = (low + high) // 2
        if fits(messages(starts[middle])):
            high = middle
        else:
            low = middle + 1
    first = starts[high]
    if first == len(history) and not fits(messages(first)):
        raise InputTooLong(
            "the message is too long for the model's context, even without what was said before; "
            "make it shorter"
        )
    half = first + (len(history) - first) // 2
    anchors = (at for at in starts[high:] if at <= half and _is_anchor(history[at]))
    first = next(anchors, first) if first < len(history) else first
    return FittedPrompt(messages(first), first)


def chat_messages(persona: str, turns: Sequence[Turn], utterance: str) -> tuple[Message, ...]:
    """System message, turns and utterance; neighbours of one role become one message.

    Some templates raise on two messages of one role in a row, which a history has where a reply
    was stopped before its first word.
    """
    messages = [Message("system", without_control(persona))] if persona.strip() else []
    for turn in (*turns, Turn("user", utterance)):
        content = without_control(turn.text)
        if messages and messages[-1].role == turn.role:
            messages[-1] = Message(turn.role, f"{messages[-1].content}\n{content}")
        else:
            messages.append(Message(turn.role, content))
    return tuple(messages)


def surely_fits(messages: Sequence[Message], n_budget: int) -> bool:
    """Whether messages fit whatever the model: no tokenizer makes more tokens than bytes.

    Spares counting the tokens of the usual short conversation.
    """
    return sum(len(m.content.encode()) + _TEMPLATE_TOKENS for m in messages) + _TEMPLATE_TOKENS <= n_budget


def _is_anchor(turn: Turn) -> bool:
    return zlib.crc32(turn.text.encode()) % _ANCHOR_EVERY == 0
