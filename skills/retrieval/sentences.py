"""Where sentences begin and end. Text in, character offsets out; knows nothing of documents.

Segmentation is the ``sentencex`` library's, by language (abbreviations, initials, decimals).
This module feeds it one block of running text at a time, because lists, tables and headings
end without a full stop, and maps its pieces back to offsets, which are never approximate:
``text[start:end]`` is the sentence, verbatim.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import sentencex

Span = tuple[int, int]

#: The library's cost grows faster than the text in odd cases: no more than this at a time.
MAX_BLOCK_CHARS = 20_000
#: How far around an answer the edges of its block are looked for.
REACH_CHARS = 2_000

# White space beyond ASCII and lone surrogates, which the library cannot take, by one space each.
_TO_SPACE = {
    c: " " for c in [*range(0x80, 0x3001), *range(0xD800, 0xE000)] if chr(c).isspace() or c >= 0xD800
}
_MAY_BREAK = re.compile(r"[\r\n\f\v\x1c-\x1e\u2029]")
_NEW_BLOCK = re.compile(
    r"""
      (?:\r\n?|\n)[^\S\r\n]*(?:\r\n?|\n)\s*              # a blank line
    | [\f\v\x1c-\x1e\u2029]\s*                            # a page break
    | (?:\r\n?|\n)[^\S\r\n]*(?=[-*+•◦‣▪–—·|#>]\s          # a list item, a row, a heading, a quote
                              |\d{1,3}[.)]\s|\(?[a-zA-Z]\)\s)
    | (?:\r\n?|\n)(?=[^\r\n]*(?:\t|\s\|\s|\S[ ]{3,}\S))    # a row of a table
    """,
    re.VERBOSE,
)
# After these a number or a small letter goes on with the same sentence.
_GOES_ON = re.compile(
    r"\b(?:no|nos|vol|para|paras|art|arts|sec|sect|ch|cl|fig|figs|eq|app|approx|ca|cf|ed|eds|p|pp|pt|tab|"
    r"al|etc|i\.e|e\.g|v|vs|tel|fax|ext|ref|max|min|avg|est|incl|excl|apt|dept|temp|qty|hrs|mins|nr|str|inkl|"
    r"zzgl|bzw|mind|г|гг|стр|ст|п|пп|рис|табл|гл|т|д|др|тел|макс|мин|вкл|ул)\.[\s)]*$",
    re.IGNORECASE,
)
_MARKER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z])[.)]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_LATIN = re.compile(r"[A-Za-z]")


def sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Sentences of a stretch of text: every non-blank character of it is in exactly one.

    Args:
        text: any text.
        start: first character of the stretch.
        end: one past its last; None is the end of the text.

    Returns:
        spans in order, without overlap, without white space at their edges.
    """
    end = len(text) if end is None else end
    return [span for block in _blocks(text, start, end) for span in _sentences_of_block(text, *block)]


def sentence_around(text: str, start: int, end: int, max_chars: int = 400) -> Span:
    """The sentence around an answer, or the sentences where it spans several, or its line in a list.

    A sentence longer than ``max_chars`` is shortened to whole words around the answer; the answer
    itself is never cut, even where it alone is longer.

    Args:
        text: the whole document's.
        start: first character of the answer.
        end: one past its last.
        max_chars: characters of what is returned at the most.

    Returns:
        first character and one past the last: ``result[0] <= start < end <= result[1]``.

    Raises:
        ValueError: if the answer is not inside the text.
    """
    if not 0 <= start < end <= len(text):
        raise ValueError(f"expected an answer inside {len(text)} characters, got {start} to {end}")
    low, high = max(0, start - REACH_CHARS), min(len(text), end + REACH_CHARS)
    first, last = start, end
    for sentence in sentences(text, low, high):
        if sentence[0] < end and sentence[1] > start:
            first, last = min(first, sentence[0]), max(last, sentence[1])
    if last - first > max_chars:
        first, last = _shorten(text, (first, last), (start, end), max_chars)
    return first, last


def in_one_block(text: str, start: int, end: int) -> Span:
    """The part of a stretch before the first paragraph, list item, row or page that begins in it.

    Returns:
        the stretch itself where nothing begins in it; without white space at its edges.
    """
    line_end = text.find("\n", end, end + REACH_CHARS)  # a row is known by what may follow the stretch
    for match in _NEW_BLOCK.finditer(text, start, line_end if line_end >= 0 else end + REACH_CHARS):
        if match.end() >= end:
            break
        if not text[start : match.start()].isspace() and match.start() > start:
            return trim(text, start, match.start())
    return start, end


def split_long(text: str, start: int, end: int, max_chars: int) -> list[Span]:
    """Cut a stretch into pieces of at most ``max_chars``, at white space wherever there is any.

    Returns:
        spans in order that hold every non-blank character of the stretch.
    """
    pieces = []
    while end - start > max_chars:
        cut = _last_gap(text, start + max_chars // 2, start + max_chars)
        pieces.append((start, cut))
        start = cut
    pieces.append((start, end))
    return [span for piece in pieces if (span := trim(text, *piece))[0] < span[1]]


def trim(text: str, start: int, end: int) -> Span:
    """A span without the white space at its edges; empty (``start == end``) where it is all blank."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _blocks(text: str, start: int, end: int) -> Iterator[Span]:
    """Stretches of running text: paragraphs, list items, rows, each bounded in length."""
    breaks = _NEW_BLOCK.finditer(text, start, end) if _MAY_BREAK.search(text, start, end) else ()
    edges = [start, *(m.end() for m in breaks), end]
    for low, high in pairwise(edges):
        while high - low > MAX_BLOCK_CHARS:
            cut = _last_gap(text, low + MAX_BLOCK_CHARS // 2, low + MAX_BLOCK_CHARS)
            yield low, cut
            low = cut
        if low < high:
            yield low, high


def _sentences_of_block(text: str, start: int, end: int) -> list[Span]:
    block = text[start:end]
    spans: list[Span] = []
    position = start
    for piece in _segment(block if block.isascii() else block.translate(_TO_SPACE)):
        span = trim(text, position, position + len(piece))
        position += len(piece)
        if span[0] == span[1]:
            continue
        if spans and _belongs_to_previous(text, spans[-1], span):
            spans[-1] = (spans[-1][0], span[1])
        else:
            spans.append(span)
    return spans


def _belongs_to_previous(text: str, previous: Span, span: Span) -> bool:
    """Whether the library cut inside a sentence: after "vol." or a list's "2.", before ")" or "[2]"."""
    head = text[span[0] : span[1]]
    if _MARKER.fullmatch(text, *previous):
        return True
    if not any(c.isalnum() for c in head) or re.fullmatch(r"(?:\[\w{1,4}\])+", head):
        return True
    return (head[0].isdigit() or head[0].islower()) and bool(
        _GOES_ON.search(text, max(previous[0], previous[1] - 12), previous[1])
    )


def _segment(block: str) -> list[str]:
    """The library's pieces of a block, which joined are the block."""
    n_cyrillic = len(_CYRILLIC.findall(block))
    language = "ru" if n_cyrillic and n_cyrillic > len(_LATIN.findall(block)) else "en"
    try:
        pieces: list[str] = sentencex.segment(language, block)
    except BaseException as error:
        # a failure inside the library is no Exception; the block then stays one sentence
        if type(error).__name__ != "PanicException":
            raise
        return [block]
    return pieces if "".join(pieces) == block else [block]


def _shorten(text: str, span: Span, answer: Span, max_chars: int) -> Span:
    """Whole words of ``span`` around the answer; what is left over on one side goes to the other."""
    room = max(0, max_chars - (answer[1] - answer[0]))
    before, after = answer[0] - span[0], span[1] - answer[1]
    left = min(before, max(room // 2, room - after))
    right = min(after, room - left)
    first, last = answer[0] - left, answer[1] + right
    if first > span[0]:
        first = _next_word(text, first, answer[0])
    if last < span[1]:
        last = _last_gap(text, answer[1], last)
    first, last = trim(text, first, last)
    return min(first, answer[0]), max(last, answer[1])


def _next_word(text: str, position: int, limit: int) -> int:
    """First character of the first whole word at or after ``position``; ``limit`` without any."""
    while position < limit and not text[position - 1].isspace():
        position += 1
    return position


def _last_gap(text: str, low: int, high: int) -> int:
    """Where to cut between ``low`` and ``high``, as far right as possible: after white space, else
    wherever no combining mark is torn from its letter."""
    for position in range(high, low, -1):
        if position == len(text) or text[position].isspace() or text[position - 1].isspace():
            return position
    for position in range(high, low, -1):
        if not unicodedata.combining(text[position]) and text[position] not in "\u200d\ufe0f\n":
            return position
    return high if low == high else max(low, high)
