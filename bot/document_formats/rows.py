"""Rows of tables as lines of text: "cell | cell", with the names of their columns where there are.

A row is searched, read and quoted alone. "Family | 390 euros | yes" says little by itself, and a
reader trained on sentences finds nothing in it: so where a table's first row holds names, each
later row carries them, "Category: Family | Yearly fee: 390 euros | Berth included: yes".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.document_formats.builder import Block

#: Between the cells of a table's row.
CELL_SEPARATOR = " | "
#: A cell with more blocks or characters than these holds a page's layout, not a value.
_CELL_BLOCKS, _CELL_CHARACTERS = 3, 600
#: Columns from which on a first row that looks like names is taken for them. A form has two columns,
#: and its first row is as good as its others.
_NAMED_COLUMNS = 3
_NUMBER = re.compile(r"[\s\d.,:/%€$£+-]+")
_LONGEST_NAME = 60


class TableRows:
    """Turns the rows of one table of a document into blocks, in order.

    Example:
        rows = TableRows()
        blocks = rows.blocks([[Block("Item")], [Block("Price")]], header=True)
    """

    def __init__(self) -> None:
        self._n_rows = 0
        self._first: list[str] = []
        self._names: list[str] | None = None

    def blocks(self, cells: Sequence[Sequence[Block]], *, header: bool = False) -> list[Block]:
        """The next row: one line, or where the table only arranges a page, the blocks themselves.

        Args:
            cells: the blocks in each.
            header: whether the file says that the row holds the columns' names.
        """
        if any(
            len(cell) > _CELL_BLOCKS or sum(len(block.text) for block in cell) > _CELL_CHARACTERS
            for cell in cells
        ):
            return [block for cell in cells for block in cell]
        values = [" ".join(" ".join(block.text.split()) for block in cell) for cell in cells]
        if not any(values):
            return []
        anchors = tuple(anchor for cell in cells for block in cell for anchor in block.anchors)
        return [Block(self._line(values, header), "row", anchors)]

    def _line(self, values: list[str], header: bool) -> str:
        self._n_rows += 1
        if header:
            self._names = values if len(values) > 1 and all(values) else None
            return CELL_SEPARATOR.join(values)
        if self._n_rows == 1:
            self._first = values
        elif self._n_rows == 2 and self._names is None and len(self._first) >= _NAMED_COLUMNS:
            self._names = self._first if are_names(self._first, values) else None
        # A row of another length has cells that span columns: which, nobody knows here.
        fits = self._names is not None and len(values) == len(self._names)
        return row_line(values, self._names if fits else None)


def row_line(values: Sequence[str], names: Sequence[str] | None) -> str:
    """A row as a line; empty cells are left out where the others have names.

    Args:
        values: its cells.
        names: of the columns, at least as many; None without.
    """
    if names is None:
        return CELL_SEPARATOR.join(values)
    pairs = zip(names, values, strict=False)
    return CELL_SEPARATOR.join(f"{name[:_LONGEST_NAME]}: {value}" for name, value in pairs if value)


def are_names(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a table's first row, seen beside its second, holds the names of its columns."""
    return (
        len(first) > 1
        and len(second) <= len(first)
        and all(first)
        and len(set(first)) == len(first)
        and not any(_NUMBER.fullmatch(cell) for cell in first)
    )
