"""Lines of a PDF page to paragraphs. Pure: no PDF library, only where lines stand.

A PDF knows no paragraphs, only letters at places. Sentences are mended by asking of each line
what a typesetter would have: could the next line's first word have stood here? If not, the
line ended because it was full, and the paragraph goes on. Coordinates are in points (1/72 inch)
with y upwards, as in the PDF.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from statistics import median


@dataclass(frozen=True)
class Line:
    """A printed line.

    Attributes:
        text: its characters, without the hyphen where ``hyphenated``.
        left, right: of the ink, in points.
        baseline: height above the page's lower edge, in points.
        size: of the type, in points.
        first_word: width of the first word, in points.
        first_gap, last_gap: space after the first and before the last word, in points.
        fixed: whether the type is monospaced, as code is.
        hyphenated: whether it ends in a hyphen that may only mark the line's end.
        depth: from the nearer of the page's upper and lower edge, as a share of its height.
    """

    text: str
    left: float
    right: float
    baseline: float
    size: float
    first_word: float
    first_gap: float = 0.0
    last_gap: float = 0.0
    fixed: bool = False
    hyphenated: bool = False
    depth: float = 0.5


class Joint(Enum):
    """What stands between two lines."""

    SAME_PARAGRAPH = "flow"
    NEW_LINE = "line"
    NEW_PARAGRAPH = "paragraph"


_LIST_MARKER = re.compile(r"(?:[•◦▪‣⁃∙·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxlc]{1,5})[.)]|\[\w{1,6}\])\s")
_CONTENTS_LINE = re.compile(r"…\s?[\divxlcIVXLC]+$")
_SENTENCE_END = re.compile(r"[.!?:;。！？][\"'”’»)\]]*$")
_LAST_NUMBER = re.compile(r"\d\S*$")
#: Distance of two lines from which on they are no block, as a multiple of the usual one.
WIDE_STEP = 1.35
#: Width of the narrowest column in which text is set, as a multiple of the type's size.
_NARROWEST = 10
#: Space between two cells of a table's row at least, as a multiple of the type's size.
_CELL_GAP = 1.5


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Lines in the order they are read.

    The order of the file is kept where it is plausible, which it nearly always is: it knows about
    columns and boxes what can't be seen. Where lines keep jumping up the page it is not, and they
    are sorted from the top.
    """
    jumps = sum(
        1
        for above, below in pairwise(lines)
        if below.baseline > above.baseline + above.size and below.left < above.right
    )
    if jumps <= max(3, len(lines) // 5):
        return list(lines)
    return sorted(lines, key=lambda line: (-round(line.baseline), line.left))


def joints(lines: Sequence[Line]) -> list[Joint]:
    """What stands between each two consecutive lines of a page, one less than the lines."""
    usual = leading(lines)
    edges = _right_edges(lines)
    rows, places = side_by_side(lines)
    found = []
    for i in range(len(lines) - 1):
        above, below = lines[i], lines[i + 1]
        joint = _joint(above, below, edges[i], usual, lines[i - 1] if i else None)
        in_row = places[i] == places[i + 1] or _breaks_word(above, below)
        if joint is Joint.SAME_PARAGRAPH and not in_row and _ends_row(rows, places[i]):
            joint = Joint.NEW_LINE
        found.append(joint)
    return found


def page_joint(last: Line, first: Line, edge: float) -> Joint:
    """What stands between the last line of a page and the first of the next.

    Args:
        last, first: these lines, each with what stands beside it.
        edge: right edge of the last line's column, in points.
    """
    if last.fixed or first.fixed or not _same_size(last, first) or _LIST_MARKER.match(first.text):
        return Joint.NEW_PARAGRAPH
    if _are_rows(last, first):
        return Joint.NEW_PARAGRAPH
    if _breaks_word(last, first):
        return Joint.SAME_PARAGRAPH
    goes_on = first.text[:1].islower() or not _SENTENCE_END.search(last.text)
    if _is_full(last, first, edge) and goes_on:
        return Joint.SAME_PARAGRAPH
    return Joint.NEW_PARAGRAPH


def side_by_side(lines: Sequence[Line]) -> tuple[list[Line], list[int]]:
    """What stands side by side, as cells do, as one line; and for each line which of these it is in."""
    rows: list[Line] = []
    places = []
    for i, line in enumerate(lines):
        if i and _is_beside(lines[i - 1], line):
            row = rows[-1]
            gap = line.left - row.right
            rows[-1] = replace(
                row,
                text=f"{row.text} {line.text}",
                right=line.right,
                first_gap=row.first_gap or gap,
                last_gap=line.last_gap or gap,
                hyphenated=line.hyphenated,
            )
        else:
            rows.append(line)
        places.append(len(rows) - 1)
    return rows, places


def right_edge(lines: Sequence[Line]) -> float:
    """Right edge of the last line's column."""
    return _right_edges(lines)[-1]


def leading(lines: Sequence[Line]) -> float:
    """The usual distance of a page's baselines, in points; 0 for a single line."""
    steps = [
        above.baseline - below.baseline
        for above, below in pairwise(lines)
        if 0.6 * above.size < above.baseline - below.baseline < 2.5 * above.size
    ]
    return median(steps) if steps else 0.0


def _joint(above: Line, below: Line, edge: float, usual: float, before: Line | None) -> Joint:
    step = above.baseline - below.baseline
    if _is_beside(above, below):
        return Joint.SAME_PARAGRAPH  # a superscript, or the next cell of a table's row
    if step < -above.size or below.left > above.right + above.size:
        return page_joint(above, below, edge)  # the head of the next column
    if step > WIDE_STEP * max(usual, above.size) or not _same_size(above, below):
        return Joint.NEW_PARAGRAPH
    if above.fixed and below.fixed:
        return Joint.NEW_LINE
    if _breaks_word(above, below):
        return Joint.SAME_PARAGRAPH
    if _LIST_MARKER.match(below.text) or any(_CONTENTS_LINE.search(line.text) for line in (above, below)):
        return Joint.NEW_LINE
    ended = _SENTENCE_END.search(above.text) is not None
    indent = below.left - above.left
    if indent > 0.7 * above.size and ended and not _LIST_MARKER.match(above.text):
        return Joint.NEW_PARAGRAPH
    if indent < -0.7 * above.size and ended:
        return Joint.NEW_LINE  # back from an indented block
    if _is_full(above, below, edge) or _same_right(above, before) or _same_right(above, below):
        return Joint.SAME_PARAGRAPH
    wide = max(_NARROWEST * above.size, min(0.5 * (edge - above.left), 20 * above.size))
    if (
        above.right - above.left > wide
        and not ended
        and below.text[:1].islower()
        and indent > -0.7 * above.size
    ):
        return Joint.SAME_PARAGRAPH
    return Joint.NEW_LINE


def _is_beside(line: Line, other: Line) -> bool:
    """Whether ``other`` goes on at the height of ``line``."""
    height = abs(line.baseline - other.baseline)
    return height < 0.6 * min(line.size, other.size) and other.left > line.left


def _ends_row(rows: Sequence[Line], place: int) -> bool:
    """Whether this row is one of a table, and the sentence ends with it however far it reaches."""
    row = rows[place]
    if place + 1 < len(rows) and _are_rows(row, rows[place + 1]):
        return True
    return place > 0 and _is_wide(row.last_gap, row) and _are_rows(rows[place - 1], row)


def _breaks_word(above: Line, below: Line) -> bool:
    """Whether a word may go on from one line to the next."""
    if above.hyphenated:
        return True
    return above.text.endswith(("-", "‐")) and above.text[-2:-1].isalpha() and below.text[:1].islower()


def _are_rows(above: Line, below: Line) -> bool:
    """Whether two lines are rows of a table: they have gaps that stand between no words of a sentence."""
    rows = (above, below)
    if not all(_is_wide(max(row.first_gap, row.last_gap), row) for row in rows):
        return False
    # Few long words of a justified column stand as far apart, but the gaps of each line are alike.
    spread = all(abs(row.first_gap - row.last_gap) < 0.2 * row.size for row in rows)
    if not spread or not _same_right(above, below):
        return True
    return all(row.text.count(" ") == 1 for row in rows) and any(
        _LAST_NUMBER.search(row.text) for row in rows
    )


def _is_wide(gap: float, line: Line) -> bool:
    return gap > _CELL_GAP * line.size


def _is_full(above: Line, below: Line, edge: float) -> bool:
    """Whether the first word of ``below`` would not have fitted at the end of ``above``."""
    too_short = above.right - above.left < _NARROWEST * above.size
    return not too_short and edge - above.right < below.first_word + 0.2 * above.size


def _same_right(line: Line, other: Line | None) -> bool:
    """Whether two neighbouring lines of one block end at the same place, as justified lines do."""
    return (
        other is not None
        and abs(line.right - other.right) < 1.0
        and abs(line.left - other.left) < 3 * line.size
        and line.right - line.left > _NARROWEST * line.size
    )


def _same_size(above: Line, below: Line) -> bool:
    return abs(above.size - below.size) <= 0.08 * max(above.size, below.size)


def _right_edges(lines: Sequence[Line]) -> list[float]:
    """For each line the right edge of its column."""
    gutter = _gutter(lines)
    if gutter is None:
        edge = max((line.right for line in lines), default=0.0)
        return [edge] * len(lines)
    left_edge = max((line.right for line in lines if line.right <= gutter), default=gutter)
    page_edge = max(line.right for line in lines)
    return [left_edge if line.right <= gutter else page_edge for line in lines]


def _gutter(lines: Sequence[Line]) -> float | None:
    """Where the space between two columns runs, or None on a page of one column."""
    if len(lines) < 10:
        return None
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    middle = (left + 0.35 * (right - left), left + 0.65 * (right - left))
    candidates = {round(line.left) - 2 for line in lines if middle[0] < line.left < middle[1]}
    for x in sorted(candidates):
        n_left = sum(1 for line in lines if line.right <= x)
        n_right = sum(1 for line in lines if line.left >= x)
        if min(n_left, n_right) >= 0.25 * len(lines) and n_left + n_right >= 0.7 * len(lines):
            return float(x)
    return None
