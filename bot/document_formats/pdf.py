"""PDF through PDFium, the library that Chrome shows PDFs with (pypdfium2).

Gives a section for each page, labelled with the number printed in the file's own page labels
where it has them, and text that reads on: words hyphenated at line ends are whole again, lines
of a paragraph are one, running heads are left out. Letters and their places come from PDFium;
what they mean for the text is decided in ``pdf_lines`` and ``pdf_furniture``.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from bot.document_formats.builder import Extract, tile, too_long
from bot.document_formats.cleaning import clean_label, clean_prose
from bot.document_formats.limits import Limits
from bot.document_formats.pdf_furniture import without_furniture
from bot.document_formats.pdf_lines import (
    Joint,
    Line,
    in_reading_order,
    joined,
    joints,
    page_joint,
    right_edge,
    words,
)
from bot.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument

#: PDFium's mark for a hyphen at the end of a line.
_HYPHEN = "\ufffe"
_BREAKS = re.compile(r"\r\n|\r|\n|(?<=\ufffe)")
_FIXED_NAME = re.compile(r"mono|courier|cmtt|sftt|lmtt|consol|typewriter|menlo|inconsol|nimbusmon", re.I)
_FIXED_PITCH = 1  # bit of the font flags, PDF 32000-1:2008, table 123
_LEADERS = re.compile(r"(?:\s?[.…·]){5,}\s?")
_UNREADABLE = re.compile("[\ufffd\ue000-\uf0b6\uf0b8-\uf8ff]")
#: Share of characters without a meaning above which a text is not one.
_MOST_UNREADABLE = 0.3

#: Distance between two letters that separates words, as a share of the type's size.
_WORD_GAP = 0.18

#: Page errors of PDFium that mean a password (public/fpdfview.h).
_LOCKED = (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)


def read_pdf(data: bytes, name: str, limits: Limits, progress: Callable[[float], None]) -> Extract:
    """Text and pages.

    Raises:
        EncryptedDocument: if it opens with a password only.
        DocumentTooLarge: past the bounds on pages or characters.
        EmptyDocument: if its pages are pictures, or its letters have no meaning.
        DamagedDocument: if PDFium cannot open it.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in _LOCKED:
            raise EncryptedDocument("document.encrypted") from error
        raise DamagedDocument("document.damaged") from error
    n_pages = len(document)
    if n_pages > limits.pages:
        raise DocumentTooLarge("document.too_many_pages", limit=limits.pages, pages=n_pages)
    pages: list[list[Line]] = []
    labels: list[str] = []
    n_characters = n_damaged = 0
    for i in range(n_pages):
        try:
            page = document[i]
            lines = _page_lines(page)
            page.close()
        except pypdfium2.PdfiumError:
            lines, n_damaged = [], n_damaged + 1  # one bad page does not spoil the rest
        n_characters += sum(len(line.text) for line in lines)
        if n_characters > limits.characters:
            raise too_long(limits)
        pages.append(lines)
        labels.append(clean_label(document.get_page_label(i)) or str(i + 1))
        progress((i + 1) / n_pages)
    if n_pages == 0 or n_damaged == n_pages:
        raise DamagedDocument("document.damaged")
    return _extract(pages, labels, limits)


def _extract(pages: Sequence[Sequence[Line]], labels: Sequence[str], limits: Limits) -> Extract:
    whole = "".join(line.text for page in pages for line in page)
    if not whole.strip():
        raise EmptyDocument("document.scanned")
    if len(_UNREADABLE.findall(whole)) > _MOST_UNREADABLE * len(whole):
        raise EmptyDocument("document.unreadable_letters")
    texts = _page_texts(without_furniture(pages))
    starts, length = [], 0
    for label, text in zip(labels, texts, strict=True):
        starts.append((label, length))
        length += len(text)
    if length > limits.characters:
        raise too_long(limits)
    text = "".join(texts)
    if not text.strip():
        raise EmptyDocument("document.scanned")
    return Extract(text, tile(starts, length))


def _page_texts(pages: Sequence[Sequence[Line]]) -> list[str]:
    """Each page's text with what leads over to the next page; never empty."""
    vocabulary = words(line for page in pages for line in page)
    texts = []
    for number, lines in enumerate(pages):
        if not lines:
            texts.append("\n")
            continue
        parts = [
            _piece(line, below, joint, vocabulary)
            for line, below, joint in zip(lines, lines[1:], joints(lines), strict=False)
        ]
        last = lines[-1]
        first = pages[number + 1][0] if number + 1 < len(pages) and pages[number + 1] else None
        if first is None:
            parts.append(_piece(last, last, Joint.NEW_LINE, vocabulary))
        else:
            parts.append(_piece(last, first, page_joint(last, first, right_edge(lines)), vocabulary))
        texts.append("".join(parts))
    return texts


def _piece(line: Line, below: Line, joint: Joint, vocabulary: Counter[str]) -> str:
    """A line's text and what goes between it and the next."""
    if joint is Joint.SAME_PARAGRAPH:
        return joined(line.text, below.text, line.hyphenated, vocabulary)
    return line.text + ("-" if line.hyphenated else "") + ("\n" if joint is Joint.NEW_LINE else "\n\n")


def _page_lines(page: pypdfium2.PdfPage) -> list[Line]:
    """The lines of a page in reading order; text at an angle to the rest comes last."""
    text_page = page.get_textpage()
    try:
        characters = _characters(text_page)
        box = page.get_cropbox()
        found = []
        begin = 0
        for end in [*(match.end() for match in _BREAKS.finditer(characters)), len(characters)]:
            line = _line(text_page, characters, begin, end)
            begin = end
            if line is not None:
                found.append(line)
    finally:
        text_page.close()
    angles = Counter(angle for angle, _ in found)
    upright = angles.most_common(1)[0][0] if angles else 0
    if upright == 0:
        left, bottom, right, top = box
        found = [
            (angle, line)
            for angle, line in found
            if bottom <= line.baseline + line.size
            and line.baseline <= top
            and left <= line.right
            and line.left <= right
        ]
    straight = in_reading_order([line for angle, line in found if angle == upright])
    return straight + [line for angle, line in found if angle != upright]


def _characters(text_page: pypdfium2.PdfTextPage) -> str:
    """All characters, so that the index of each is PDFium's own."""
    n_characters = text_page.count_chars()
    text = text_page.get_text_range() if n_characters else ""
    if len(text) == n_characters:
        return text
    # Characters beyond the first plane, or that PDFium leaves out of strings.
    codes = (pdfium.FPDFText_GetUnicode(text_page.raw, i) for i in range(n_characters))
    return "".join(chr(code) if 0 < code < 0x110000 else " " for code in codes)


def _line(text_page: pypdfium2.PdfTextPage, characters: str, begin: int, end: int) -> tuple[int, Line] | None:
    """The line of characters begin to end, and its angle in degrees; None for an empty one."""
    raw = characters[begin:end]
    hyphenated = raw.endswith(_HYPHEN)
    inked = [i for i in range(begin, end) if not characters[i].isspace() and characters[i] != _HYPHEN]
    if not inked or not clean_prose(raw):
        return None
    first, last = inked[0], inked[-1]
    word_end = next((i for i in range(first, end) if characters[i].isspace()), end) - 1
    place = _Place(text_page, first)
    left = place.along(first)[0]
    raw = _with_spaces(text_page, raw, begin, inked) if place.angle == 0 else raw
    samples = (first, inked[len(inked) // 2], last)
    return place.angle, Line(
        text=clean_prose(_LEADERS.sub(" … ", raw)).replace("\n", " "),
        left=left,
        right=place.along(last)[1],
        baseline=place.baseline,
        size=median(place.size(i) for i in samples),  # the first letter may be a footnote's number
        first_word=max(0.0, place.along(min(word_end, last))[1] - left),
        fixed=all(_is_fixed(text_page, i) for i in samples),
        hyphenated=hyphenated,
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
        radians = float(pdfium.FPDFText_GetCharAngle(self._raw, first))
        self.angle = round(math.degrees(radians)) % 360 if radians >= 0 else 0
        self._cos, self._sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        x, y = ctypes.c_double(), ctypes.c_double()
        pdfium.FPDFText_GetCharOrigin(self._raw, first, x, y)
        self.baseline = self._turned(x.value, y.value)[1]

    def size(self, index: int) -> float:
        """Size of a character's type, in points."""
        return float(pdfium.FPDFText_GetFontSize(self._raw, index))

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
