"""HTML to blocks, without ever building a tree: nesting costs a counter, not a stack.

lxml's parser (libxml2) reports elements as they come and repairs what is broken. What a reader
of the page cannot see is left out: scripts, styles, templates, hidden elements; so is a
page's navigation, which answers nothing. Tables keep a line for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from bot.document_formats.builder import Block, Extract, Kind, TextBuilder
from bot.document_formats.encoding import declared_encoding, decode
from bot.document_formats.limits import Limits
from bot.document_formats.rows import TableRows
from bot.errors import DamagedDocument, DocumentTooLarge

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
# fmt: off
_UNSEEN = frozenset({
    "script", "style", "template", "noscript", "head", "iframe", "object", "embed", "select", "textarea",
    "button", "nav", "svg", "annotation", "annotation-xml", "audio", "video", "canvas",
})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr",
    "html", "legend", "li", "main", "menu", "ol", "p", "pre", "section", "summary", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "ul",
})
# fmt: on
_CELLS = frozenset({"td", "th"})
_CHUNK = 1 << 16


def read_html(data: bytes, name: str, limits: Limits, progress: Callable[[float], None]) -> Extract:
    """A page's text, with a section for each heading.

    Raises:
        DocumentTooLarge: past the bounds on nesting or characters.
        DamagedDocument, EmptyDocument, UnsupportedDocument: as every reader.
    """
    blocks, title = html_blocks(decode(data, declared=declared_encoding(data)), limits, progress)
    builder = TextBuilder(limits)
    builder.add_all(blocks)
    return builder.finish(title=title or name)


def html_blocks(
    markup: str, limits: Limits, progress: Callable[[float], None] | None = None
) -> tuple[list[Block], str]:
    """Blocks of a page and its title ("" without one).

    Raises:
        DocumentTooLarge: past the bound on nesting.
        DamagedDocument: if the parser gives up.
    """
    target = _Page(limits)
    # Bytes in a known encoding: a page's own claim about its encoding no longer counts.
    parser = etree.HTMLParser(target=target, encoding="utf-8", huge_tree=True, no_network=True)
    try:
        for begin in range(0, len(markup), _CHUNK):
            parser.feed(markup[begin : begin + _CHUNK].encode("utf-8", "replace"))
            if progress is not None:
                progress(begin / len(markup))
        if markup:
            parser.close()
    except etree.LxmlError as error:
        # A page of nothing but comments is no error to a reader: it is empty.
        if target.n_elements:
            raise DamagedDocument("document.damaged") from error
    return target.blocks, " ".join("".join(target.title).split())


@dataclass
class _Table:
    """A table that is being read.

    Attributes:
        rows: what has become of the rows before.
        cells: of the open row, each a list of blocks.
        is_header: whether all of these name columns.
        in_cell: whether the last one is still open.
    """

    rows: TableRows = field(default_factory=TableRows)
    cells: list[list[Block]] = field(default_factory=list)
    is_header: bool = True
    in_cell: bool = False


class _Page:
    """Receives the parser's events."""

    def __init__(self, limits: Limits) -> None:
        self.blocks: list[Block] = []
        self.title: list[str] = []
        self.n_elements = 0
        self._limits = limits
        self._open: list[str] = []  # names of the open elements
        self._unseen_from = 0  # depth of the element that hides what is in it, 0 for none
        self._in_title = False
        self._text: list[str] = []
        self._kind: Kind = "paragraph"
        self._anchors: list[str] = []
        self._lists: list[int] = []  # for each open list the next number, 0 for bullets
        self._marker = ""
        self._verbatim = 0
        self._tables: list[_Table] = []

    # What the parser calls.

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.n_elements += 1
        self._open.append(tag)
        if len(self._open) > self._limits.nesting:
            raise DocumentTooLarge("document.too_deep", limit=self._limits.nesting)
        if tag == "title" and not self.title:
            self._in_title = True
        if self._unseen_from:
            return
        if tag in _UNSEEN or _is_hidden(attributes):
            self._unseen_from = len(self._open)
            return
        is_block = tag in _BLOCKS or tag in _HEADINGS
        if is_block:
            self._flush()  # before its names are noted: what stands before it is not what they name
        for key in ("id", "name"):
            if attributes.get(key):
                self._anchors.append(attributes[key])
        if tag == "br":
            self._text.append("\n")
        elif is_block:
            self._begin_block(tag, attributes)

    def end(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        depth = len(self._open)
        if self._open:
            self._open.pop()
        if self._unseen_from:
            if depth <= self._unseen_from:
                self._unseen_from = 0
            return
        if tag in _BLOCKS or tag in _HEADINGS:
            self._flush()
            self._end_block(tag)

    def data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._unseen_from:
            # A line end inside a paragraph is a space; <br> has appended its own.
            self._text.append(data if self._verbatim else data.replace("\n", " ").replace("\r", " "))

    def comment(self, text: str) -> None:
        pass

    def pi(self, target: str, data: str | None = None) -> None:
        pass

    def close(self) -> None:
        self._flush()
        while self._tables:
            self._end_row(self._tables.pop())

    # Blocks.

    def _begin_block(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _HEADINGS:
            self._kind = "heading"
        elif tag == "pre":
            self._verbatim += 1
        elif tag in ("ul", "menu"):
            self._lists.append(0)
        elif tag == "ol":
            self._lists.append(_whole_number(attributes.get("start"), 1))
        elif tag == "li":
            self._kind = "item"
            self._marker = "- "
            if self._lists and self._lists[-1]:
                self._marker = f"{self._lists[-1]}. "
                self._lists[-1] += 1
        elif tag == "table":
            self._tables.append(_Table())
        elif tag in _CELLS and self._tables:
            self._tables[-1].cells.append([])
            self._tables[-1].is_header &= tag == "th"
            self._tables[-1].in_cell = True

    def _end_block(self, tag: str) -> None:
        self._kind = "item" if self._lists and tag not in ("ul", "ol", "menu", "li") else "paragraph"
        if tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        elif tag in ("ul", "ol", "menu") and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._marker = ""
        elif tag in _CELLS and self._tables:
            self._tables[-1].in_cell = False
        elif tag == "tr" and self._tables:
            self._end_row(self._tables[-1])
        elif tag == "table" and self._tables:
            self._end_row(self._tables.pop())

    def _flush(self) -> None:
        """End the block that is being read."""
        text = "".join(self._text)
        self._text.clear()
        if not text.strip():
            return
        kind: Kind = "verbatim" if self._verbatim else self._kind
        marker, self._marker = (self._marker, "") if kind == "item" else ("", self._marker)
        self._emit(Block(marker + (text if self._verbatim else text.strip()), kind, tuple(self._anchors)))
        self._anchors.clear()

    def _emit(self, block: Block) -> None:
        for table in reversed(self._tables):
            if table.in_cell:
                table.cells[-1].append(block)
                return
        self.blocks.append(block)

    def _end_row(self, table: _Table) -> None:
        blocks = table.rows.blocks(table.cells, header=table.is_header)
        table.cells, table.is_header, table.in_cell = [], True, False
        for block in blocks:
            self._emit(block)


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style", "").replace(" ", "").lower()
    return "display:none" in style or "visibility:hidden" in style


def _whole_number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else otherwise
