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
from collections.abc import Sequence

from bot.document_formats.pdf_lines import Line

#: Lines looked at from each edge of a page.
_AT_EDGE = 2
#: Pages on which a line must stand; more where only its number is the same.
_PAGES, _PAGES_BY_NUMBER = 3, 5
#: Height within which two lines are at the same place, in points.
_HEIGHT = 3.0

#: Begins the key of a number without its words.
_BY_NUMBER = "\0"
_NUMBER = re.compile(r"\d{1,5}|\b[ivxlc]{1,7}\b")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without their running heads and feet; the order of lines stays."""
    seen: dict[str, list[tuple[int, float]]] = defaultdict(list)
    candidates: list[list[tuple[Line, list[str]]]] = []
    for number, lines in enumerate(pages):
        edge = [(line, _keys(line.text, number)) for line in _edge_lines(lines)]
        candidates.append(edge)
        for line, keys in edge:
            for key in keys:
                seen[key].append((number, line.baseline))
    kept = []
    for lines, edge in zip(pages, candidates, strict=True):
        furniture = {
            id(line) for line, keys in edge if any(_repeats(key, seen[key], line.baseline) for key in keys)
        }
        kept.append([line for line in lines if id(line) not in furniture])
    return kept


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
        offset = f"#{_value(match.group()) - page}"
        keys.append(f"{text[: match.start()]}{offset}{text[match.end() :]}")
        if match.start() == 0 or match.end() == len(text):
            keys.append(_BY_NUMBER + offset)
    return keys


def _repeats(key: str, places: list[tuple[int, float]], baseline: float) -> bool:
    n_pages = len({page for page, height in places if abs(height - baseline) < _HEIGHT})
    return n_pages >= (_PAGES_BY_NUMBER if key.startswith(_BY_NUMBER) else _PAGES)


def _value(number: str) -> int:
    if number.isdigit():
        return int(number)
    digits = [_ROMAN[letter] for letter in number]
    return sum(-d if d < max(digits[i:]) else d for i, d in enumerate(digits))
