"""What a conversation answers, and how the chain's reply is worded. Pure.

The chain finds words in documents; here they become a sentence in the user's language. The quote
itself is not part of the text: each adapter shows it in its own way (``bot.rendering`` for plain
text).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.messages import text
from bot.sessions import SessionTurn
from skills.dialog import Considered, Evidence, Reply

#: ``command``: a command's answer; ``failed``: the chain failed; ``refused``: nothing to answer.
AnswerSkill = Literal["qa", "chat", "none", "command", "failed", "refused"]

#: Below this an answer is shown as uncertain.
LOW_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Answer:
    """What a user is answered.

    Attributes:
        text: complete and in the user's language, without the quotes.
        skill: where it comes from.
        confidence: in [0, 1]; 0 where it means nothing.
        evidence: the quotes, best first; several where documents differ. With ``none`` the
            passage that comes closest, if one does.
        considered: the passages looked at, best first.
        question: what was searched for.
        n_dropped_turns: earlier turns that no longer fitted the model's context.
        stopped: whether it was stopped before its end.
        edited: whether it answers an edited message.
        repeated: whether it was given before and comes from the session.
        notes: further sentences for the user, such as that an old session could not be read.
        language: of the text.
    """

    text: str
    skill: AnswerSkill
    confidence: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    considered: tuple[Considered, ...] = field(default=(), repr=False)
    question: str = ""
    n_dropped_turns: int = 0
    stopped: bool = False
    edited: bool = False
    repeated: bool = field(default=False, compare=False)
    notes: tuple[str, ...] = ()
    language: str = "en"

    @classmethod
    def of_turn(
        cls, turn: SessionTurn, language: str, notes: tuple[str, ...] = (), *, repeated: bool = False
    ) -> Answer:
        """The answer that was stored as a turn, now or before."""
        return cls(
            text=turn.text,
            skill=turn.skill or "command",
            confidence=turn.confidence,
            evidence=turn.evidence,
            considered=turn.considered,
            question=turn.question,
            n_dropped_turns=turn.n_dropped_turns,
            stopped=turn.stopped,
            edited=turn.edited,
            repeated=repeated,
            notes=notes,
            language=language,
        )


def worded(reply: Reply, language: str, *, has_documents: bool) -> str:
    """The chain's reply as a sentence.

    Args:
        reply: of the chain.
        language: of the user.
        has_documents: whether there was anything to look in.
    """
    if reply.skill == "none":
        if reply.evidence is not None:
            return text("answer.none_closest", language)
        return text("answer.none" if has_documents else "answer.no_documents", language)
    if reply.skill == "chat":
        return reply.text.strip() or text("turn.stopped" if reply.stopped else "turn.failed", language)
    quotes = quotes_of(reply)
    if len({quote.answer for quote in quotes}) > 1:
        named = (text("answer.one_of", language, answer=q.answer, name=q.document_name) for q in quotes)
        return text("answer.disagree", language, answers=", ".join(named))
    if reply.confidence < LOW_CONFIDENCE:
        return text("answer.uncertain", language, answer=reply.text)
    return reply.text


def quotes_of(reply: Reply) -> tuple[Evidence, ...]:
    """All quotes of a reply, best first."""
    return ((reply.evidence,) if reply.evidence else ()) + reply.also
