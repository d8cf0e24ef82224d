"""The shape of a plain text: headings, paragraphs, list items, table rows, fenced code.

Text in, blocks with character offsets out. Knows nothing of documents, pages or passages.
Recognition is by line and errs towards running text: a heading missed costs little, a
sentence taken for a heading would be torn from its paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from skills.retrieval.sentences import trim

Kind = Literal["heading", "prose", "line"]

MAX_HEADING_CHARS = 90
MAX_HEADING_WORDS = 12
#: A line that no mark, number or empty line below sets off is a heading up to so many words, above text of
#: at least so many characters or a whole sentence: "Pets" above "One small dog is allowed."
MAX_BARE_HEADING_WORDS = 4
MIN_TEXT_CHARS = 50
#: How far past the room for a list its last line is followed, to know that it is whole.
_LINE_REACH = 1_000
#: A numbered line of more words, with text right below it, is an item that goes on there.
MAX_NUMBERED_WORDS = 6

_LINE = re.compile(r"[^\r\n\f\v\x1c-\x1e\u2028\u2029]*(?:\r\n|[\r\n\f\v\x1c-\x1e\u2028\u2029]|$)")
_LINE_END = re.compile(r"[\r\n\f\v\x1c-\x1e\u2028\u2029]")
_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")
_UNDERLINE = re.compile(r"\s{0,3}(?:={3,}|-{3,})\s*")
_MARKDOWN = re.compile(r"\s{0,3}#{1,6}\s+(?=\S)")
_NAMED = re.compile(
    r"(?:article|section|chapter|part|title|schedule|appendix|annex|exhibit|clause|book|act|scene|§|"
    r"глава|статья|раздел|часть|приложение|параграф)\s*(?:№\s*)?"
    r"(?:\d+|[ivxlcdm]+|[a-z]|one|two|three|four|five|six|seven|eight|nine|ten)\b[\s.:\-–—]*",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,4}[.)]?\s+(?=[^\W\d_])")
_NUMBER_ALONE = re.compile(r"[#*_]*\s*\(?(?:\d{1,3}(?:\.\d{1,3})*|[ivxlcdm]+|[a-z])[.)]?", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(?<=[.!?;:])\s*[\r\n]\s*\d{1,3}(?:\.\d{1,3})*\.?\Z")
_DEEP_NUMBER = re.compile(r"\d{1,3}\.\d")
_ITEM = re.compile(r"\s*(?:[-*+•◦‣▪–—·]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+(?=\S)")
_BULLET = re.compile(r"[-*+•◦‣▪–—·]\s+")
_ROW = re.compile(r"\t|\s\|\s|^\s*\||\S {3,}\S")
_WHOLE_SENTENCE = re.compile(r"[.!?…。！？]['\"”’)\]]*$")
_ENDS_SENTENCE = re.compile(r"[.!?…。！？,;:]['\"”’)\]]*$")


@dataclass(frozen=True)
class Block:
    """A stretch that belongs together.

    Attributes:
        start, end: its characters, without white space at the edges.
        kind: ``heading``; ``prose`` (sentences, whatever the line ends); ``line`` (an item with the
            lines it goes on, a row, a line of fenced code).
    """

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True)
class _Line:
    start: int
    end: int  # without the line end
    page_break: bool  # a form feed or the like follows

    @property
    def blank(self) -> bool:
        return self.start == self.end


def blocks(text: str, start: int = 0, end: int | None = None) -> list[Block]:
    """Blocks of a stretch of text, in order; every non-blank character is in exactly one."""
    lines = list(_lines(text, start, len(text) if end is None else end))
    found: list[Block] = []
    running: list[_Line] = []
    fenced = False

    def close() -> None:
        if running:
            item = _ITEM.match(text[running[0].start : running[0].end])
            found.append(Block(running[0].start, running[-1].end, "line" if item else "prose"))
            running.clear()

    for index, line in enumerate(lines):
        if line.blank:
            close()
            continue
        words = text[line.start : line.end]
        if _FENCE.match(words):
            fenced = not fenced
        before = lines[index - 1] if index else None
        after = lines[index + 1] if index + 1 < len(lines) else None
        alone = (before is None or before.blank or before.page_break) and (after is None or after.blank)
        if not fenced and _is_heading(words, alone, bool(running), text, after):
            close()
            found.append(Block(line.start, line.end, "heading"))
        elif fenced or _FENCE.match(words) or _ROW.search(words):
            close()
            found.append(Block(line.start, line.end, "line"))
        elif _ITEM.match(words):
            close()
            running.append(line)
        else:
            running.append(line)
        if line.page_break:
            close()
    close()
    return found


def heading_words(text: str, block: Block) -> str:
    """A heading's words without its marks ("## 2.1 Scope" is "2.1 Scope")."""
    words = _MARKDOWN.sub("", text[block.start : block.end]).rstrip("#= \t")
    return " ".join(words.split())[: 2 * MAX_HEADING_CHARS]


def after_heading(text: str, start: int, answer: int) -> int:
    """Where the running text begins in a stretch that may open with headings.

    A heading that no blank line sets off ("2. Rent" above its paragraph) has no full stop either,
    so it looks like the beginning of the first sentence.

    Args:
        text: the whole document's.
        start: first character of the stretch.
        answer: a character of the stretch that stays in it, with its line.

    Returns:
        a position from ``start`` to ``answer``: ``start`` where the stretch opens with no heading.
    """
    if not _opens_line(text, start):
        return start  # "... agreed. No dogs in" may end its line, but is no title
    line_end = text.find("\n", answer)
    lines = [line for line in _lines(text, start, line_end if line_end >= 0 else len(text)) if not line.blank]
    was_heading = False
    for line, after in pairwise(lines):
        if after.start > answer:  # other characters end lines, too
            return start
        words = text[line.start : line.end]
        was_heading = (was_heading and bool(_UNDERLINE.fullmatch(words))) or _entitles(words, text, after)
        if not was_heading:
            return start
        start = after.start
    return start


def _opens_line(text: str, start: int) -> bool:
    """Whether nothing but a heading's number stands before a position in its line."""
    before = _LINE_END.split(text[max(0, start - MAX_HEADING_CHARS) : start])[-1].strip()
    return not before or bool(_NUMBER_ALONE.fullmatch(before) or _NAMED.fullmatch(before))


def after_bullet(text: str, start: int, answer: int) -> int:
    """Where an item's words begin, after its bullet or dash; its number or letter belongs to it.

    Args:
        text: the whole document's.
        start: first character of the stretch.
        answer: a character of the stretch that stays in it.
    """
    if start and text[start - 1] not in "\r\n":
        return start  # a dash within a line
    match = _BULLET.match(text, start, answer)
    return match.end() if match else start


def through_list(text: str, start: int, end: int, max_chars: int) -> int:
    """Where a stretch ends together with the list that it announces.

    "The club owns four boats:" is half a quote: the items, or a table's rows, that stand below
    go with it, as many whole lines as there is room for.

    Args:
        text: the whole document's.
        start, end: the stretch.
        max_chars: characters of the stretch and its list at the most.

    Returns:
        ``end`` itself where the stretch announces nothing.
    """
    if text[end - 1] != ":":
        return end
    announced = end
    for line in _lines(text, end, min(len(text), start + max_chars + _LINE_REACH)):
        if line.blank and end == announced:
            continue  # between the announcement and the list
        words = text[line.start : line.end]
        if line.end > start + max_chars or not (_ITEM.match(words) or _ROW.search(words)):
            break
        end = line.end
    return end


def before_number(text: str, answer_end: int, end: int) -> int:
    """Where a sentence ends that runs into the number of the next heading, on a line of its own."""
    match = _LAST_NUMBER.search(text, answer_end, end)
    return match.start() if match else end


def _entitles(words: str, text: str, after: _Line) -> bool:
    """Whether a line is a heading by its own form, whatever stands around it."""
    if len(words) > MAX_HEADING_CHARS or len(words.split()) > MAX_HEADING_WORDS:
        return False
    if _MARKDOWN.match(words) or _UNDERLINE.fullmatch(text, after.start, after.end):
        return True
    first = text[after.start]
    if _ENDS_SENTENCE.search(words) or not (first.isupper() or first.isdigit() or first in "\"'“‘(«"):
        return False
    if named := _NAMED.match(words):
        return named.end() == len(words) or words[named.end()].isupper()
    if numbered := _NUMBERED.match(words):
        return words[numbered.end()].isupper() and len(words.split()) <= MAX_NUMBERED_WORDS
    if words.isupper():
        return sum(c.isalpha() for c in words) >= 4
    return words[0].isupper() and _is_title_above(words, text, after)


def _is_title_above(words: str, text: str, after: _Line) -> bool:
    """Whether a short line stands above running text, as a title does, but no verse and no address."""
    below = text[after.start : after.end]
    runs = bool(_WHOLE_SENTENCE.search(below)) or len(below) >= MIN_TEXT_CHARS
    short = len(words.split()) <= MAX_BARE_HEADING_WORDS and 2 * len(words) <= len(below)
    return short and runs and below[0].isupper() and not _ROW.search(below) and not _ITEM.match(below)


def _lines(text: str, start: int, end: int) -> Iterator[_Line]:
    position = start
    while position < end:
        match = _LINE.match(text, position, end)
        if match is None or match.end() == position:  # pragma: no cover - the pattern always moves
            break
        content = trim(text, position, match.end())
        yield _Line(*content, page_break=text[match.end() - 1] in "\f\v\x1c\x1d\x1e\u2029")
        position = match.end()


def _is_heading(words: str, alone: bool, in_paragraph: bool, text: str, after: _Line | None) -> bool:
    if len(words) > MAX_HEADING_CHARS or not any(c.isalpha() for c in words):
        return False
    if _MARKDOWN.match(words):
        return True
    if after is not None and not after.blank and not in_paragraph:
        underline = text[after.start : after.end]
        if _UNDERLINE.fullmatch(underline) and len(underline) >= len(words) // 2:
            return True
    if in_paragraph or len(words.split()) > MAX_HEADING_WORDS or _ROW.search(words):
        return False
    numbered = _NUMBERED.match(words)
    title = words.removesuffix(".") if numbered and alone else words
    if _ENDS_SENTENCE.search(title) and not _NAMED.fullmatch(words):
        return False
    if named := _NAMED.match(words):
        return named.end() == len(words) or not words[named.end()].islower()
    if words.isupper() and sum(c.isalpha() for c in words) >= 4:
        shouted = after is not None and not after.blank and text[after.start : after.end].isupper()
        return alone or (len(words.split()) >= 2 and not shouted)
    if numbered:
        return words[numbered.end()].isupper() and (alone or bool(_DEEP_NUMBER.match(words)))
    above_text = after is not None and not after.blank and _is_title_above(words, text, after)
    return (alone or above_text) and words[0].isupper() and len(words) <= 60 and not _ITEM.match(words)
