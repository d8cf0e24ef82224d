"""One PDF page to lines: what PDFium says of its letters and where they stand (pypdfium2)."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from bot.document_formats.cleaning import clean_prose
from bot.document_formats.pdf_lines import Line, in_reading_order

#: PDFium's mark for a hyphen at the end of a line.
_HYPHEN = "\ufffe"
_BREAKS = re.compile(r"\r\n|\r|\n|(?<=\ufffe)")
_FIXED_NAME = re.compile(r"mono|courier|cmtt|sftt|lmtt|consol|typewriter|menlo|inconsol|nimbusmon", re.I)
_FIXED_PITCH = 1  # bit of the font flags, PDF 32000-1:2008, table 123
_LEADERS = re.compile(r"(?:\s?[.…·]){5,}\s?")
#: Distance between two letters that separates words, as a share of the type's size.
_WORD_GAP = 0.18
#: Letters of a page that are asked whether they have a meaning.
_SAMPLES = 25


@dataclass(frozen=True)
class PageText:
    """What stands on a page.

    Attributes:
        lines: in the order they are read.
        n_sampled: letters that were asked whether the file says which characters they are.
        n_unnamed: those of them of which it does not.
    """

    lines: list[Line]
    n_sampled: int = 0
    n_unnamed: int = 0


def read_page(page: pypdfium2.PdfPage) -> PageText:
    """The lines of a page in reading order; text at an angle to the rest comes last.

    Raises:
        pypdfium2.PdfiumError: if PDFium cannot read the page.
    """
    text_page = page.get_textpage()
    box = page.get_bbox()
    try:
        characters = _characters(text_page)
        found = []
        begin = 0
        for end in [*(match.end() for match in _BREAKS.finditer(characters)), len(characters)]:
            line = _line(text_page, box, characters, begin, end)
            begin = end
            if line is not None:
                found.append(line)
        n_sampled, n_unnamed = _count_unnamed(text_page, characters)
    finally:
        text_page.close()
    angles = Counter(angle for angle, _ in found)
    upright = angles.most_common(1)[0][0] if angles else 0
    straight = in_reading_order([line for angle, line in found if angle == upright])
    if upright == 0:
        straight = _inside(straight, page.get_cropbox())
    lines = straight + [line for angle, line in found if angle != upright]
    return PageText(lines, n_sampled, n_unnamed)


def _inside(lines: Sequence[Line], box: tuple[float, float, float, float]) -> list[Line]:
    """The lines that can be seen: printers' marks and leftovers stand outside the page."""
    left, bottom, right, top = box
    return [
        line
        for line in lines
        if bottom <= line.baseline + line.size
        and line.baseline <= top
        and left <= line.right
        and line.left <= right
    ]


def _count_unnamed(text_page: pypdfium2.PdfTextPage, characters: str) -> tuple[int, int]:
    """Letters asked, and letters of which the file does not say which characters they are."""
    inked = [i for i, character in enumerate(characters) if not character.isspace()]
    samples = inked[:: max(1, len(inked) // _SAMPLES)]
    return len(samples), sum(pdfium.FPDFText_HasUnicodeMapError(text_page.raw, i) == 1 for i in samples)


def _characters(text_page: pypdfium2.PdfTextPage) -> str:
    """All characters, so that the index of each is PDFium's own."""
    n_characters = text_page.count_chars()
    text = text_page.get_text_range() if n_characters else ""
    if len(text) == n_characters:
        return text
    # Characters beyond the first plane, or that PDFium leaves out of strings.
    codes = (pdfium.FPDFText_GetUnicode(text_page.raw, i) for i in range(n_characters))
    return "".join(chr(code) if 0 < code < 0x110000 else " " for code in codes)


def _line(
    text_page: pypdfium2.PdfTextPage,
    box: tuple[float, float, float, float],
    characters: str,
    begin: int,
    end: int,
) -> tuple[int, Line] | None:
    """The line of characters begin to end, and its angle in degrees; None for an empty one."""
    raw = characters[begin:end]
    hyphenated = raw.endswith(_HYPHEN)
    inked = [i for i in range(begin, end) if not characters[i].isspace() and characters[i] != _HYPHEN]
    if not inked or not clean_prose(raw):
        return None
    first, last = inked[0], inked[-1]
    # Where words begin and end, as places in ``inked``.
    ends = [i for i in range(len(inked) - 1) if inked[i + 1] != inked[i] + 1]
    place = _Place(text_page, first)
    left = place.along(first)[0]
    gaps = [place.along(inked[i + 1])[0] - place.along(inked[i])[1] for i in ends[:1] + ends[-1:]]
    samples = (first, inked[len(inked) // 2], last)
    raw = _with_spaces(text_page, raw, begin, inked) if place.angle == 0 else raw
    return place.angle, Line(
        text=clean_prose(_LEADERS.sub(" … ", raw)).replace("\n", " "),
        left=left,
        right=place.along(last)[1],
        baseline=place.baseline,
        size=median(place.size(i) for i in samples),  # the first letter may be a footnote's number
        first_word=max(0.0, place.along(inked[ends[0]] if ends else last)[1] - left),
        first_gap=gaps[0] if gaps else 0.0,
        last_gap=gaps[-1] if gaps else 0.0,
        fixed=all(_is_fixed(text_page, i) for i in samples),
        hyphenated=hyphenated,
        depth=place.depth(box),
    )


def _with_spaces(text_page: pypdfium2.PdfTextPage, raw: str, begin: int, inked: Sequence[int]) -> str:
    """A line's characters with the spaces that PDFium misses.

    It overlooks those that are made by moving on within a word's drawing, as some typesetters do
    after letters that are kerned. Where nearly every letter stands apart, the line is spaced out
    for emphasis and nothing is missing.
    """
    box = pdfium.FS_RECTF()
    get, handle = pdfium.FPDFText_GetLooseCharBox, text_page.raw
    missing, n_pairs = [], 0
    previous, right = -2, 0.0
    for i in inked:
        get(handle, i, box)
        if i == previous + 1:
            n_pairs += 1
            if box.left - right > 0.15:
                missing.append((i, box.left - right))
        previous, right = i, box.right
    if not missing:
        return raw
    size = float(pdfium.FPDFText_GetFontSize(handle, inked[len(inked) // 2]))
    wide = [i for i, gap in missing if gap > _WORD_GAP * size]
    if len(wide) > n_pairs // 2:
        return raw
    cuts = [0, *(i - begin for i in wide), len(raw)]
    return " ".join(raw[cut:until] for cut, until in pairwise(cuts))


class _Place:
    """Where a line's letters stand, turned so that the line runs from left to right."""

    def __init__(self, text_page: pypdfium2.PdfTextPage, first: int) -> None:
        self._raw = text_page.raw
        clockwise = float(pdfium.FPDFText_GetCharAngle(self._raw, first))
        self.angle = round(-math.degrees(clockwise)) % 360 if clockwise >= 0 else 0
        self._cos, self._sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        x, y = ctypes.c_double(), ctypes.c_double()
        pdfium.FPDFText_GetCharOrigin(self._raw, first, x, y)
        self.baseline = self._turned(x.value, y.value)[1]

    def size(self, index: int) -> float:
        """Size of a character's type, in points."""
        return float(pdfium.FPDFText_GetFontSize(self._raw, index))

    def depth(self, box: tuple[float, float, float, float]) -> float:
        """How far the line is from the nearer edge of a page with this box, as a share of its height."""
        left, bottom, right, top = box
        corners = [self._turned(x, y)[1] for x in (left, right) for y in (bottom, top)]
        below, above = self.baseline - min(corners), max(corners) - self.baseline
        return max(0.0, min(below, above)) / max(1.0, below + above)

    def along(self, index: int) -> tuple[float, float]:
        """From where to where a character's ink reaches along the line, in points."""
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        pdfium.FPDFText_GetCharBox(self._raw, index, left, right, bottom, top)
        if self.angle == 0:
            return left.value, right.value
        corners = [self._turned(x.value, y.value)[0] for x in (left, right) for y in (bottom, top)]
        return min(corners), max(corners)

    def _turned(self, x: float, y: float) -> tuple[float, float]:
        return x * self._cos + y * self._sin, y * self._cos - x * self._sin


def _is_fixed(text_page: pypdfium2.PdfTextPage, index: int) -> bool:
    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text_page.raw, index, name, len(name), flags)
    if flags.value & _FIXED_PITCH:
        return True
    return _FIXED_NAME.search(name.value.decode("utf-8", "replace")) is not None
