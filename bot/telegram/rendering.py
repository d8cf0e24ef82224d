"""An answer as Telegram messages: text with entities, split where a message would be too long.

Nothing that a user or a document wrote is ever interpreted as markup: there is no parse mode;
quotes are marked by entities, whose places count UTF-16 code units as Telegram does. Pure, but for
python-telegram-bot's data class of an entity.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from telegram import MessageEntity

from bot.answers import Answer
from bot.explanation import explanation
from bot.messages import text
from bot.rendering import page_of, percent, place_of, printable, shown_quote
from bot.sessions import Session, SessionTurn

#: UTF-16 code units in a message.
LIMIT = 4096
#: Quotes longer than this are folded, to be opened by a tap.
FOLD_CHARS = 300
#: Quotes shown at once; more stand behind a button.
N_QUOTES = 2

_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'”’»)\]]*(?=\s)")

_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


@dataclass(frozen=True)
class Span:
    """A marked stretch of a text, in characters: its kind is one of Telegram's entity types."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Rich:
    """A text and what is marked in it."""

    text: str
    spans: tuple[Span, ...] = ()

    def entities(self) -> list[MessageEntity]:
        """The marks as Telegram takes them."""
        return [
            MessageEntity(span.kind, utf16(self.text[: span.start]), utf16(self.text[span.start : span.end]))
            for span in self.spans
        ]


def utf16(words: str) -> int:
    """Length in UTF-16 code units."""
    return len(words) + sum(character > "\uffff" for character in words)


def render(answer: Answer, language: str, before: str = "") -> list[Rich]:
    """The messages that bring an answer, at least one; quotes and notes included.

    Args:
        answer: of the conversation.
        language: of the quotes' places; the answer's text is in the user's already.
        before: a sentence to begin with, or "".
    """
    parts = [Rich(before)]
    if answer.edited:
        parts.append(_marked("italic", text("telegram.edited", language)))
    parts.append(Rich(printable(answer.text)))
    for evidence in answer.evidence[:N_QUOTES]:
        quote = text("quote.quoted", language, quote=shown_quote(evidence))
        place = place_of(evidence, language)
        if answer.skill == "qa":
            place += " · " + text("quote.sure", language, percent=percent(evidence.score))
        kind = "expandable_blockquote" if len(quote) > FOLD_CHARS else "blockquote"
        parts.append(_marked(kind, f"{quote}\n— {place}"))
    parts += [_marked("italic", printable(note)) for note in answer.notes]
    return split(join(parts)) or [Rich(text("telegram.empty", language))]


def _marked(kind: str, words: str) -> Rich:
    return Rich(words, (Span(0, len(words), kind),))


def plain(words: str, language: str) -> list[Rich]:
    """The messages that bring a text, at least one."""
    return split(Rich(printable(words))) or [Rich(text("telegram.empty", language))]


def why(answer: Answer, asked: str, language: str) -> str:
    """What /why says of an answer."""
    assistant = SessionTurn(
        "assistant", answer.text, 0.0,
        skill=answer.skill if answer.skill in ("qa", "chat", "none") else "failed",
        confidence=answer.confidence, evidence=answer.evidence, considered=answer.considered,
        question=answer.question, n_dropped_turns=answer.n_dropped_turns,
    )  # fmt: skip
    session = Session("telegram:why", turns=(SessionTurn("user", asked, 0.0), assistant))
    return explanation(session, language)


def more(answer: Answer, language: str) -> str:
    """What stands around the quotes, and the quotes that were not shown; "" if there is nothing."""
    parts = []
    for evidence in answer.evidence:
        around = next(
            (
                passage
                for passage in answer.considered
                if passage.document_name == evidence.document_name
                and passage.start <= evidence.answer_start < passage.start + len(passage.text)
            ),
            None,
        )
        if around is not None:
            parts.append(f"{place_of(evidence, language)}\n{printable(around.text).strip()}")
    for evidence in answer.evidence[N_QUOTES:]:
        quote = text("quote.quoted", language, quote=shown_quote(evidence))
        parts.append(f"{place_of(evidence, language)}\n{quote}")
    if answer.skill == "none" and not parts:
        for passage in answer.considered[:2]:
            page = f", {page_of(passage.page, language)}" if passage.page is not None else ""
            parts.append(f"{printable(passage.document_name)}{page}\n{printable(passage.text).strip()}")
    return "\n\n".join(parts)


def join(parts: Iterable[Rich], between: str = "\n\n") -> Rich:
    """Texts one after the other."""
    words, spans = "", []
    for part in parts:
        if not part.text.strip():
            continue
        words += between if words else ""
        spans += [Span(len(words) + span.start, len(words) + span.end, span.kind) for span in part.spans]
        words += part.text
    return Rich(words, tuple(spans))


def split(rich: Rich, limit: int = LIMIT) -> list[Rich]:
    """Pieces of at most ``limit`` UTF-16 units that are not blank, cut where sentences end.

    Where no sentence ends in the second half of a piece it is cut at a line's end, else between
    words, else between characters (never inside one, as a reader sees them).
    """
    pieces = []
    start = 0
    while start < len(rich.text):
        end = start + _fitting(rich.text[start : start + limit], limit)
        if end < len(rich.text):
            end = start + _cut(rich.text[start:end], rich.text[end])
        piece = _stripped(rich, start, end)
        if _visible(piece.text):
            pieces.append(piece)
        start = end
    return pieces


def tail(words: str, limit: int = LIMIT) -> str:
    """What of a text that is still being written fits a message: its end, if not all."""
    if len(words) * 2 <= limit or utf16(words) <= limit:
        return words
    end = words[-limit:]
    while utf16(end) > limit - 2:
        end = end[max(1, utf16(end) - limit + 2) // 2 :]
    return f"… {end}"


def _fitting(words: str, limit: int) -> int:
    """How many characters of a text fit."""
    if utf16(words) <= limit:
        return len(words)
    used = 0
    for i, character in enumerate(words):
        used += 2 if character > "\uffff" else 1
        if used > limit:
            return i
    return len(words)


def _cut(words: str, following: str) -> int:
    """Where to cut a text that goes on with ``following``."""
    half = len(words) // 2
    paragraph = words.rfind("\n\n")
    if paragraph >= half:
        return paragraph
    ends = [match.end() for match in _SENTENCE_END.finditer(words + following)]
    if ends and ends[-1] >= half:
        return ends[-1]
    for gap in ("\n", " "):
        place = words.rfind(gap)
        if place >= half:
            return place
    end = len(words)
    while end > half and _joined(words[:end], (words + following)[end]):
        end -= 1
    return end


def _joined(before: str, after: str) -> bool:
    """Whether a cut between two texts would tear what is seen as one character."""
    if "\u200d" in (before[-1], after) or unicodedata.combining(after):
        return True
    if "\ufe00" <= after <= "\ufe0f" or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True  # a variant of a sign, or its skin tone
    # a flag is two letters of their own, the next flag two more
    letters = len(before) - len(before.rstrip(_FLAG_LETTERS))
    return after in _FLAG_LETTERS and letters % 2 == 1


def _stripped(rich: Rich, start: int, end: int) -> Rich:
    """A stretch without blanks at its ends; Telegram would take them and move the entities' words."""
    while start < end and rich.text[start].isspace():
        start += 1
    while end > start and rich.text[end - 1].isspace():
        end -= 1
    spans = []
    for span in rich.spans:
        begin, finish = max(span.start, start), min(span.end, end)
        while begin < finish and rich.text[begin].isspace():
            begin += 1
        while finish > begin and rich.text[finish - 1].isspace():
            finish -= 1
        if begin < finish:
            spans.append(Span(begin - start, finish - start, span.kind))
    return Rich(rich.text[start:end], tuple(spans))


def _visible(words: str) -> bool:
    """Whether there is anything to see; Telegram refuses a message without."""
    return any(not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc", "Mn") for c in words)
