"""Running heads, feet and page numbers: found by their sameness, so that they can be left out.

They would stand in the middle of every sentence that goes on over the page. A line is one if
the same words stand at the same height, at the edge of the text, on three pages or more; a
number in it may count the pages, but only with them: "Chapter 1" and "Chapter 2" at the top of
pages 3 and 20 are no page numbers. Where the words change with the chapter, the number at the
line's end is enough, if it counts for longer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.document_formats.pdf_lines import Line

#: Lines looked at from each edge of a page.
_AT_EDGE = 2
#: Pages on which a line must stand; more where only its number is the same.
_PAGES, _PAGES_BY_NUMBER = 3, 5
#: Height within which two lines are at the same place, in points.
_HEIGHT = 3.0

#: Begins the key of a number without its words.
_BY_NUMBER = "\0"
#: Stands before a number that is taken relative to the page's.
_OFFSET = "\1"
_NUMBER = re.compile(r"\d{1,5}|\b[ivxlc]{1,7}\b")
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
                for key in _keys(line.text, number):
                    self._seen[key].append((number, line.baseline))

    def without(self, number: int, lines: Sequence[Line], *, keep_first: bool = True) -> list[Line]:
        """A page's lines without its running heads and feet; their order stays.

        Args:
            number: of the page, from 0.
            lines: of the page.
            keep_first: keeps words that repeat where they stand for the first time, so that
                nothing the document says is lost.
        """
        gone = {id(line) for line in _edge_lines(lines) if self._is_furniture(number, line, keep_first)}
        return [line for line in lines if id(line) not in gone]

    def _is_furniture(self, number: int, line: Line, keep_first: bool) -> bool:
        for key in _keys(line.text, number):
            pages = {page for page, height in self._seen[key] if abs(height - line.baseline) < _HEIGHT}
            needed = _PAGES_BY_NUMBER if key.startswith(_BY_NUMBER) else _PAGES
            if len(pages) >= needed:
                return _OFFSET in key or not keep_first or number != min(pages)
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
    return edge


def _keys(text: str, page: int) -> list[str]:
    """What a line says, as it is and with each of its numbers taken relative to the page's.

    A number at either end also stands for itself, without the words.
    """
    text = " ".join(text.split()).lower()
    keys = [text] if any(character.isalpha() for character in text) else []
    for match in _NUMBER.finditer(text):
        offset = f"{_OFFSET}{_value(match.group()) - page}"
        keys.append(f"{text[: match.start()]}{offset}{text[match.end() :]}")
        if match.start() == 0 or match.end() == len(text):
            keys.append(_BY_NUMBER + offset)
    return keys


def _value(number: str) -> int:
    if number.isdigit():
        return int(number)
    digits = [_ROMAN[letter] for letter in number]
    return sum(-d if d < max(digits[i:]) else d for i, d in enumerate(digits))
