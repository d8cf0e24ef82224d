"""A document to passages: stretches of about 125 words that a question can be put to.

Pure: a document in, offsets out. Passages hold whole sentences, begin at headings and
paragraphs where they can, and together hold every non-blank character of the document once,
so ``document.text[start:end]`` is a passage's text, with nothing normalised.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skills.dialog import Document, Page
from skills.retrieval.sentences import Span, sentences, split_long, trim
from skills.retrieval.structure import Block, Kind, blocks, heading_words

#: Sizes are in word pieces as a BERT tokenizer would make of English, about 1.35 a word. The
#: encoder reads 256 and the reader 317 beside a long question: a passage fits into both whole.
GOAL_PIECES = 170
MAX_PIECES = 240
#: A sentence longer than ``MAX_PIECES`` is cut into stretches of at most this many characters.
MAX_SENTENCE_CHARS = 900

_PIECE = re.compile(
    r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff]"  # scripts without spaces: a character each
    r"|[a-zA-Z0-9]{1,6}|[^\W_a-zA-Z0-9]{1,3}|[^\w\s]|_"
)
_SENTENCE_END = re.compile(r"[.!?…。！？:]['\"”’)\]]*$")

# What it costs to begin a passage there, against a passage of twice the goal's size costing 1.
_BEGIN_COST = {"sentence": 0.5, "block": 0.2, "page": 0.1, "heading": 0.0}
# What it costs to go on over such a place.
_CROSS_COST = {"sentence": 0.0, "block": 0.0, "page": 0.1, "heading": 0.4}
# A heading is no end of a passage.
_HEADING_LAST_COST = 2.0


@dataclass(frozen=True)
class PassageSpan:
    """A passage's place in its document.

    Attributes:
        start, end: its characters, without white space at the edges.
        page: label of the page on which it starts, or None.
        heading: the heading above it or at its beginning, or "".
    """

    start: int
    end: int
    page: str | None
    heading: str


@dataclass(frozen=True)
class _Unit:
    """What is never divided: a sentence, an item, a row, a heading."""

    start: int
    end: int
    n_pieces: int
    begins: str  # key of _BEGIN_COST
    kind: Kind


def split_document(document: Document) -> list[PassageSpan]:
    """Cut a document into passages.

    Returns:
        spans in order, without overlap, that hold every non-blank character of the text. Each
        has at most ``MAX_PIECES`` word pieces.
    """
    units = _units(document)
    found: list[PassageSpan] = []
    starts = [page.start for page in document.pages]
    heading, used = "", 0
    for first, last in _best_cuts(units):
        # the headings that stand above this passage or open it
        opening = first
        while opening <= last and units[opening].kind == "heading":
            opening += 1
        for unit in units[used:opening]:
            if unit.kind == "heading":
                heading = heading_words(document.text, Block(unit.start, unit.end, "heading"))
        used = max(used, opening)
        page = _page_at(document.pages, starts, units[first].start)
        label = page.label if page else None
        above = heading or (label if label and not label.isdecimal() else "")
        found.append(PassageSpan(units[first].start, units[last].end, label, above))
    return found


def count_pieces(text: str) -> int:
    """About how many word pieces a text has; at least 1 for any that is not blank."""
    return max(sum(1 for _ in _PIECE.finditer(text)), 1 if text.strip() else 0)


def _units(document: Document) -> list[_Unit]:
    units: list[_Unit] = []
    for start, end in _page_spans(document):
        begins = "page"
        for block in blocks(document.text, start, end):
            goes_on = begins == "page" and _goes_on(document.text, units, block)
            for sentence in _sentences(document.text, block):
                if goes_on:
                    sentence, begins = (units[-1].start, sentence[1]), units[-1].begins
                    units.pop()
                    goes_on = False
                for low, high in _bounded(document.text, *sentence):
                    n_pieces = count_pieces(document.text[low:high])
                    kind = block.kind
                    units.append(_Unit(low, high, n_pieces, "heading" if kind == "heading" else begins, kind))
                    begins = "sentence"
            begins = "block"
    return units


def _page_spans(document: Document) -> Iterator[Span]:
    """The document cut at its pages; what stands between two pages is a stretch of its own."""
    position = 0
    for page in document.pages:
        if position < page.start:
            yield position, page.start
        yield page.start, page.end
        position = page.end
    if position < len(document.text):
        yield position, len(document.text)


def _goes_on(text: str, units: Sequence[_Unit], block: Block) -> bool:
    """Whether a page's first paragraph is the rest of the sentence that the page before ends with."""
    if not units or units[-1].kind != "prose" or block.kind != "prose":
        return False
    last = units[-1]
    same_line = "\n" not in text[last.end : block.start]
    return (same_line or text[block.start].islower()) and not _SENTENCE_END.search(
        text, max(last.start, last.end - 8), last.end
    )


def _sentences(text: str, block: Block) -> list[Span]:
    if block.kind == "heading":
        return [(block.start, block.end)]
    return sentences(text, block.start, block.end)


def _bounded(text: str, start: int, end: int) -> list[Span]:
    """A sentence whole, or in stretches no larger than a passage where it alone is too long."""
    if end - start <= MAX_PIECES or count_pieces(text[start:end]) <= MAX_PIECES:
        return [(start, end)]
    pieces: list[Span] = []
    for low, high in split_long(text, start, end, MAX_SENTENCE_CHARS):
        if count_pieces(text[low:high]) <= MAX_PIECES:
            pieces.append((low, high))
        else:  # a script without spaces, or digits and signs: a piece may be a character
            pieces.extend(split_long(text, low, high, MAX_PIECES))
    return [p for p in (trim(text, *piece) for piece in pieces) if p[0] < p[1]]


def _best_cuts(units: Sequence[_Unit]) -> list[tuple[int, int]]:
    """First and last unit of each passage, chosen together so that the whole costs least.

    Dynamic programming over the ends of passages, as in breaking a paragraph into lines (Knuth
    & Plass 1981): greedy filling would leave scraps before every heading and page.
    """
    costs = [0.0] + [math.inf] * len(units)
    cuts = [0] * (len(units) + 1)
    for end in range(1, len(units) + 1):
        n_pieces, crossed = 0, 0.0
        last = _HEADING_LAST_COST if units[end - 1].kind == "heading" and end < len(units) else 0.0
        for first in range(end - 1, -1, -1):
            unit = units[first]
            n_pieces += unit.n_pieces
            if n_pieces > MAX_PIECES and first < end - 1:
                break
            size = (n_pieces / GOAL_PIECES - 1.0) ** 2
            cost = costs[first] + size + crossed + last + _BEGIN_COST[unit.begins]
            if cost < costs[end]:
                costs[end], cuts[end] = cost, first
            # headings in a row are one place
            if not (unit.begins == "heading" and first and units[first - 1].kind == "heading"):
                crossed += _CROSS_COST[unit.begins]
    found = []
    end = len(units)
    while end:
        found.append((cuts[end], end - 1))
        end = cuts[end]
    return found[::-1]


def _page_at(pages: Sequence[Page], starts: Sequence[int], position: int) -> Page | None:
    index = bisect_right(starts, position) - 1
    return pages[index] if index >= 0 and position < pages[index].end else None
