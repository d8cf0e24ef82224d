"""An answer as plain text, for the console and wherever else there is no markup.

    30 days' written notice
      “Either party may terminate this Agreement on 30 days' written notice.”
      — contract.pdf, page 7 · 93% sure

Documents are written by strangers: what would move a terminal's cursor or change its colours is
taken out, here and only here; the quote itself stays verbatim in the answer.
"""

from __future__ import annotations

import unicodedata

from bot.answers import Answer
from bot.document_formats.sniffing import keeps_lines
from bot.messages import text
from skills.dialog import Evidence

#: Longer quotes (a table, a list without full stops) are cut around the answer.
MAX_QUOTE_CHARS = 600


def render(answer: Answer, language: str) -> str:
    """The answer with its quotes and notes.

    Args:
        answer: of the conversation.
        language: of the quotes' places; the text is in the user's already.
    """
    parts = [printable(answer.text)]
    sure = answer.skill == "qa"
    parts += [quote_block(evidence, language, sure=sure) for evidence in answer.evidence]
    parts += [f"({printable(note)})" for note in answer.notes]
    return "\n".join(parts)


def quote_block(evidence: Evidence, language: str, *, sure: bool = True) -> str:
    """A quote and its place, indented; ``sure``: whether to say how sure."""
    quote = text("quote.quoted", language, quote=shown_quote(evidence))
    place = place_of(evidence, language)
    if sure:
        place += " · " + text("quote.sure", language, percent=percent(evidence.score))
    return f"  {quote}\n  — {place}"


def place_of(evidence: Evidence, language: str) -> str:
    """Document, page or section, and the line where the file has lines of its own."""
    parts = [one_line(evidence.document_name)]
    if evidence.page not in (None, evidence.document_name):  # what stands before the first heading
        parts.append(page_of(evidence.page, language))
    if keeps_lines(evidence.document_name):
        parts.append(text("quote.line", language, line=evidence.line))
    return ", ".join(parts)


def page_of(label: str, language: str) -> str:
    """A page by its number (also a roman one), or a section by its title."""
    if label.isdecimal() or (label and not label.strip("ivxlcdmIVXLCDM")):
        return text("quote.page", language, page=label)
    return text("quote.section", language, section=one_line(label))


def shown_quote(evidence: Evidence, limit: int = MAX_QUOTE_CHARS) -> str:
    """The quote on one line, cut around the answer where it is longer than ``limit``."""
    quote = evidence.quote
    begin, end = 0, len(quote)
    if end > limit:
        middle = (evidence.answer_start + evidence.answer_end) // 2 - evidence.start
        begin = max(0, min(middle - limit // 2, end - limit))
        end = begin + limit
    return ("… " if begin else "") + one_line(quote[begin:end]) + (" …" if end < len(quote) else "")


def percent(share: float) -> int:
    """A share in [0, 1] as a whole percentage; 100 only for what is certain."""
    return min(99, round(share * 100)) if share < 1 else 100


def one_line(words: str) -> str:
    """Printable, with every run of whitespace as one space."""
    return " ".join(printable(" ".join(words.split())).split())


def printable(words: str) -> str:
    """Without control characters, save line breaks and tabs, and without what turns text around."""
    return "".join(c for c in words if c in "\n\t" or not _hidden(c))


def _hidden(character: str) -> bool:
    if character in "\u200c\u200d":  # joiners: parts of words and of emoji
        return False
    return unicodedata.category(character) in {"Cc", "Cf", "Cs"}
