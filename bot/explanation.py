"""Why the last answer is what it is: which skill gave it, how sure, from where, and what else was read."""

from __future__ import annotations

from bot.messages import text
from bot.rendering import one_line, page_of, percent, quote_block
from bot.sessions import Session, SessionTurn
from skills.dialog import Considered

_EXCERPT_CHARS = 160


def explanation(session: Session, language: str) -> str:
    """The text of /why. Pure."""
    if not session.turns:
        return text("why.nothing", language)
    asked, answered = session.turns[-2:]
    lines = [_skill(answered, language)]
    if answered.question and answered.question.strip() != asked.text.strip():
        lines.append(text("why.question", language, question=one_line(answered.question)))
    lines += [quote_block(quote, language, sure=answered.skill == "qa") for quote in answered.evidence]
    if answered.n_dropped_turns:
        lines.append(text("why.dropped", language, n=answered.n_dropped_turns))
    if answered.considered:
        lines.append(text("why.considered", language))
        lines += [_passage(i, passage, language) for i, passage in enumerate(answered.considered, 1)]
    return "\n".join(lines)


def _skill(turn: SessionTurn, language: str) -> str:
    if turn.skill == "qa":
        return text("why.qa", language, percent=percent(turn.confidence))
    if turn.skill == "none":
        return text("why.none", language)
    return text("why.chat" if turn.skill == "chat" else "why.failed", language)


def _passage(i: int, passage: Considered, language: str) -> str:
    place = one_line(passage.document_name)
    if passage.page is not None:
        place += f", {page_of(passage.page, language)}"
    score = passage.reader_score
    reader = text("why.unread", language) if score is None else f"{score:+.1f}"
    head = text("why.passage", language, i=i, place=place, search=passage.retrieval_score, reader=reader)
    excerpt = one_line(passage.text)
    if len(excerpt) > _EXCERPT_CHARS:
        excerpt = excerpt[:_EXCERPT_CHARS].rsplit(" ", 1)[0] + " …"
    return f"{head}\n   {excerpt}"
