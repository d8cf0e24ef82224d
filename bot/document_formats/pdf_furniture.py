"""Running heads, feet and page numbers: found by their sameness, so that they can be left out.

They would stand in the middle of every sentence that goes on over the page. What is left out
must be sure not to be text: words that stand at the same height at the edge of three pages or
more (kept where they stand first), or a number that counts with the pages and is set like a
page number: alone, with a word for "page", or well apart from the words beside it. So "Invoice
1007" and "Question 3" stay, though they count with their pages too, and so does what is the same
on every payslip or certificate: it stands in the middle of the page, or in a block with what differs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from bot.document_formats.pdf_lines import WIDE_STEP, Line, leading

#: Lines looked at from each edge of a page.
_AT_EDGE = 2
#: How deep the page's edge is, as a share of its height: LaTeX sets heads at an eighth of a page.
_DEEPEST = 0.13
#: Pages on which a line must stand; more where only its number is the same.
_PAGES, _PAGES_BY_NUMBER = 3, 5
#: Height within which two lines are at the same place, in points.
_HEIGHT = 3.0
#: Distance of two lines of a block at most, as a multiple of the type's size.
_DOUBLE_SPACED = 2.0
#: Space between a page number and the words beside it, as a multiple of the type's size.
_APART = 1.5

#: Begins the key of a number that counts the pages, and of one without the words beside it.
_COUNTING, _COUNTING_ALONE = "\0", "\1"
_NUMBER = re.compile(r"\b(?:\d{1,5}|[ivxlc]{1,7})\b")
_PAGE_WORDS = re.compile(
    r"(?:\b(?:pages?|pp?|pg|of|seite|s|von|стр|страница|с|из|p[áa]gina|pag|de|di|sur|strona|z|sida|side|av)\b"
    r"|[\W\d_])*"
)
_SEPARATORS = "|•·—–/"
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


class Furniture:
    """The running heads and feet of a document.

    Args:
        pages: the lines of each page, in order.
    """

    def __init__(self, pages: Iterable[Sequence[Line]]) -> None:
        self._seen: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, lines in enumerate(pages):
            for line in _edge_lines(lines):
                for key in _keys(line, number):
                    self._seen[key].append((number, line.baseline))

    def without(self, number: int, lines: Sequence[Line], *, keep_first: bool = True) -> list[Line]:
        """A page's lines without its running heads and feet; their order stays.

        Args:
            number: of the page, from 0.
            lines: of the page.
            keep_first: keeps words that repeat where they stand for the first time, so that
                nothing the document says is lost.
        """
        repeated = [line for line in _edge_lines(lines) if self._is_furniture(number, line, False)]
        apart = _set_apart(repeated, lines)
        gone = {id(line) for line in apart if self._is_furniture(number, line, keep_first)}
        return [line for line in lines if id(line) not in gone]

    def _is_furniture(self, number: int, line: Line, keep_first: bool) -> bool:
        for key in _keys(line, number):
            pages = {page for page, height in self._seen[key] if abs(height - line.baseline) < _HEIGHT}
            needed = _PAGES_BY_NUMBER if key.startswith(_COUNTING_ALONE) else _PAGES
            if len(pages) >= needed:
                counts = key.startswith((_COUNTING, _COUNTING_ALONE))
                return counts or not keep_first or number != min(pages)
        return False


def _edge_lines(lines: Sequence[Line]) -> list[Line]:
    by_height = sorted(lines, key=lambda line: -line.baseline)
    edge: list[Line] = []
    for ordered in (by_height, by_height[::-1]):
        heights: list[float] = []
        for line in ordered:
            if not any(abs(line.baseline - height) < _HEIGHT for height in heights):
                heights.append(line.baseline)
            if len(heights) > _AT_EDGE:
                break
            if all(line is not other for other in edge):
                edge.append(line)
    return [line for line in edge if line.depth <= _DEEPEST]


def _set_apart(repeated: list[Line], lines: Sequence[Line]) -> list[Line]:
    """The repeated lines of a page that are in no block with a line that stays."""
    usual = leading(lines)
    while True:
        gone = {id(line) for line in repeated}
        staying = [line for line in lines if id(line) not in gone]
        apart = [line for line in repeated if not any(_is_next_to(line, other, usual) for other in staying)]
        if len(apart) == len(repeated):
            return apart
        repeated = apart


def _is_next_to(line: Line, other: Line, usual: float) -> bool:
    """Whether ``other`` is the line above or below ``line`` in a block of this leading."""
    # short paragraphs make the usual distance that of two paragraphs, and a head may stand as near
    widest = min(WIDE_STEP * max(usual, line.size), _DOUBLE_SPACED * line.size)
    return _HEIGHT < abs(line.baseline - other.baseline) <= widest


def _keys(line: Line, page: int) -> Iterator[str]:
    """What a line is the same by: a page number in it, taken relative to the page's, or its words."""
    text = " ".join(line.text.split()).lower()
    for match in _NUMBER.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        offset = _value(match.group()) - page
        if _PAGE_WORDS.fullmatch(before + " " + after) or _stands_apart(line, before, after):
            yield f"{_COUNTING}{before}\0{offset}\0{after}"
            if not before or not after:
                yield f"{_COUNTING_ALONE}{offset}"
    if any(character.isalpha() for character in text):
        yield text


def _stands_apart(line: Line, before: str, after: str) -> bool:
    """Whether the number between these is the line's first or last word and set off from the rest."""
    if not before:
        return line.first_gap > _APART * line.size or after.lstrip()[:1] in _SEPARATORS
    if not after:
        return line.last_gap > _APART * line.size or before.rstrip()[-1:] in _SEPARATORS
    return False


def _value(number: str) -> int:
    if number.isdigit():
        return int(number)
    digits = [_ROMAN[letter] for letter in number]
    return sum(-d if d < max(digits[i:]) else d for i, d in enumerate(digits))
