"""CSV and TSV: a line of text for each row, a section for every hundred.

Where the first row holds names, each cell is written with its name ("Born: 1867 | Died: 1934"):
a row is searched and quoted alone, and without them nobody could tell what its cells mean.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

from bot.document_formats.builder import Block, Extract, TextBuilder
from bot.document_formats.encoding import decode
from bot.document_formats.limits import Limits
from bot.document_formats.rows import CELL_SEPARATOR, are_names, row_line
from bot.errors import DamagedDocument

ROWS_A_SECTION = 100

#: The comma last: it stands in numbers and names too, so of two that cut alike it is the other.
_DELIMITERS = ";\t|,"
#: The line with which a file tells Excel its delimiter.
_TOLD = re.compile(r'"?sep=([,;|:^~\t])"?[ \t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_SAMPLE_CHARACTERS, _SAMPLE_ROWS = 20_000, 20


def read_table(data: bytes, name: str, limits: Limits) -> Extract:
    """Rows as lines, cells separated by " | ".

    Raises:
        DamagedDocument: if the quoting cannot be followed.
        DocumentTooLarge, EmptyDocument, UnsupportedDocument: as every reader.
    """
    text = decode(data)
    told = _TOLD.match(text)
    delimiter = told[1] if told else _delimiter(text)
    text = text[told.end() :] if told else text
    builder = TextBuilder(limits)
    csv.field_size_limit(limits.characters)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for n, row in enumerate(_lines(rows)):
            if n % ROWS_A_SECTION == 0:
                builder.begin_section(f"rows {n + 1}–{n + ROWS_A_SECTION}")
            builder.add(Block(row, "row"))
    except csv.Error as error:
        raise DamagedDocument("document.damaged") from error
    return builder.finish()


def _lines(rows: Iterator[list[str]]) -> Iterator[str]:
    """One line for each row that holds anything, the names put into each where there are names."""
    filled = (row for row in ([" ".join(cell.split()) for cell in row] for row in rows) if any(row))
    first = next(filled, None)
    if first is None:
        return
    second = next(filled, None)
    yield CELL_SEPARATOR.join(first)
    if second is None:
        return
    names = first if are_names(first, second) else None
    yield _line(second, names)
    for row in filled:
        yield _line(row, names)


def _line(row: list[str], names: list[str] | None) -> str:
    return row_line(row, names if names is not None and len(row) <= len(names) else None)


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first rows into the same number of cells, most cells winning.

    A comma only where no other cuts all of them alike: "1,50;2,50" are two numbers, not three.
    """
    best, best_score = ",", (False, 0.0, 0)
    sample = text[:_SAMPLE_CHARACTERS]
    for delimiter in _DELIMITERS:
        try:
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
            rows = list(islice(reader, _SAMPLE_ROWS))
        except csv.Error:
            continue
        if len(sample) < len(text) and 1 < len(rows) < _SAMPLE_ROWS:
            rows.pop()  # cut off with the sample
        counts = [len(row) for row in rows if row]
        usual = max(set(counts), key=counts.count, default=0)
        share = counts.count(usual) / max(1, len(counts))
        score = (share == 1.0 and delimiter != ",", share, usual)
        if usual > 1 and score > best_score:
            best, best_score = delimiter, score
    return best
