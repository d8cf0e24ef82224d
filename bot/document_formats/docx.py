"""Word documents (.docx): paragraphs, headings, tables and notes, read as a stream.

The text part is parsed by events (lxml), so that its size and nesting cost little. Read: text
as the author left it, that is insertions and not deletions; text boxes once; equations as one
line; footnotes and endnotes after the text. A list's items begin with a dash, as those of web
pages do. Not read: hidden text, headers, footers, comments, numbers that Word computes for lists
and headings.

Why not with python-docx (1.2), the format's usual library, which writes and edits well: what it
gives as a document's text lacks tracked insertions, content controls, smart tags, text boxes and
notes, and a quote from a contract without them may say the opposite. It opens no document with
macros, none of the "strict" variety and none with a link to a picture that is not there, which
Word itself leaves behind, and holds a document's whole tree, ten times its XML, in memory. It is
what this reader is tested against: all that it reads has to be here, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from bot.document_formats.archive import Archive, main_part, resolve
from bot.document_formats.builder import Block, Extract, Kind, TextBuilder
from bot.document_formats.docx_names import CHARACTERS, SKIPPED, TEXTS, attribute, local_name, symbol
from bot.document_formats.docx_styles import NO_LIST, OUTLINE_LEVELS, Styles, is_on, read_styles
from bot.document_formats.limits import Limits
from bot.document_formats.rows import TableRows
from bot.errors import DamagedDocument, DocumentTooLarge

_CHUNK = 1 << 16
_NOTES = (("footnotes", "Footnotes"), ("endnotes", "Endnotes"))


def read_docx(archive: Archive, name: str, limits: Limits, progress: Callable[[float], None]) -> Extract:
    """A document's text, with a section for each heading.

    Raises:
        DamagedDocument: if a part is missing or not well-formed, or declares entities.
        DocumentTooLarge, EmptyDocument, EncryptedDocument: as every reader.
    """
    part = main_part(archive)
    relations = _relations(archive, part)
    styles = read_styles(archive, relations.get("styles"))
    builder = TextBuilder(limits)
    builder.add_all(_blocks(archive.read(part), styles, limits, progress))
    for kind, label in _NOTES:
        notes = relations.get(kind)
        if notes is not None:
            for i, block in enumerate(_blocks(archive.read(notes), styles, limits)):
                if i == 0:
                    builder.begin_section(label)
                builder.add(block)
    return builder.finish(title=name)


def _relations(archive: Archive, part: str) -> dict[str, str]:
    """Kind of relation ("styles", "footnotes") to the name of the related part."""
    folder, _, file = part.rpartition("/")
    relations = f"{folder}/_rels/{file}.rels"
    if relations not in archive:
        return {}
    found = {
        str(relation.get("Type", "")).rsplit("/", 1)[-1]: resolve(part, str(relation.get("Target", "")))
        for relation in archive.read_xml(relations)
        if relation.get("TargetMode") != "External"
    }
    return {kind: target for kind, target in found.items() if target in archive}


def _blocks(
    xml: bytes,
    styles: Styles,
    limits: Limits,
    progress: Callable[[float], None] | None = None,
) -> list[Block]:
    """Blocks of a text part."""
    target = _Part(styles, limits)
    parser = etree.XMLParser(
        target=target, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    try:
        for begin in range(0, len(xml), _CHUNK):
            parser.feed(xml[begin : begin + _CHUNK])
            if progress is not None:
                progress(begin / len(xml))
        parser.close()
    except etree.LxmlError as error:
        raise DamagedDocument("document.damaged") from error
    return target.blocks


@dataclass
class _Paragraph:
    text: list[str] = field(default_factory=list)
    kind: Kind = "paragraph"
    is_hidden: bool = False  # by its style


@dataclass
class _Table:
    """A table that is being read: its rows so far, and the open one's cells."""

    rows: TableRows = field(default_factory=TableRows)
    cells: list[list[Block]] = field(default_factory=list)
    is_header: bool = False


class _Part:
    """Receives the parser's events."""

    def __init__(self, styles: Styles, limits: Limits) -> None:
        self.blocks: list[Block] = []
        self._styles = styles
        self._limits = limits
        self._depth = 0
        self._skipped_from = 0
        self._run = 0  # depth of the run that is open, 0 for none
        self._run_is_hidden = False
        self._in_text = False
        self._paragraphs: list[_Paragraph] = []  # a text box stands inside a paragraph
        self._tables: list[_Table] = []

    # What the parser calls.

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        # No office program writes one; it is where entities that swell are declared.
        raise DamagedDocument("document.damaged")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > self._limits.nesting:
            raise DocumentTooLarge("document.too_deep", limit=self._limits.nesting)
        name = local_name(tag)
        if self._skipped_from:
            return
        if name in SKIPPED or self._is_hidden(name):
            self._skipped_from = self._depth
        elif name == "p":
            self._paragraphs.append(_Paragraph())
        elif name in TEXTS:
            self._in_text = True
        elif name == "r":
            self._run = self._depth
            self._run_is_hidden = bool(self._paragraphs) and self._paragraphs[-1].is_hidden
        elif self._run and self._depth == self._run + 2 and name in ("rStyle", "vanish"):
            self._hide_run(name, attributes)
        elif name == "tbl":
            self._tables.append(_Table())
        elif name == "tc" and self._tables:
            self._tables[-1].cells.append([])
        elif name == "tblHeader" and self._tables:
            self._tables[-1].is_header = is_on(attributes)
        elif self._paragraphs:
            self._in_paragraph(name, attributes)

    def end(self, tag: str) -> None:
        depth, self._depth = self._depth, self._depth - 1
        if self._skipped_from:
            if depth == self._skipped_from:
                self._skipped_from = 0
            return
        name = local_name(tag)
        if name in TEXTS:
            self._in_text = False
        elif name == "r":
            self._run = 0
        elif name == "p" and self._paragraphs:
            paragraph = self._paragraphs.pop()
            text = "".join(paragraph.text)
            if paragraph.kind == "item" and text.strip():
                text = f"- {text.lstrip()}"
            self._emit(Block(text, paragraph.kind))
        elif name == "tr" and self._tables:
            self._end_row()
        elif name == "tbl" and self._tables:
            self._end_row()
            self._tables.pop()

    def data(self, data: str) -> None:
        if self._in_text and not self._skipped_from and self._paragraphs:
            self._paragraphs[-1].text.append(data)

    def comment(self, text: str) -> None:
        pass

    def pi(self, target: str, data: str | None = None) -> None:
        pass

    def close(self) -> None:
        pass

    # Paragraphs.

    def _hide_run(self, name: str, attributes: Mapping[str, str]) -> None:
        """What the open run's own properties say of its being hidden.

        The styles of paragraph and run undo each other, and its own property comes after both
        (ECMA-376-1, 17.7.3). What was so before a tracked change, and a paragraph mark's, stand elsewhere.
        """
        if name == "vanish":
            self._run_is_hidden = is_on(attributes)
        elif attribute(attributes, "val") in self._styles.hidden:
            self._run_is_hidden = not self._run_is_hidden

    def _is_hidden(self, name: str) -> bool:
        """Whether an element that begins is a part of a hidden run, its properties aside."""
        return bool(self._run) and self._depth == self._run + 1 and name != "rPr" and self._run_is_hidden

    def _in_paragraph(self, name: str, attributes: Mapping[str, str]) -> None:
        paragraph = self._paragraphs[-1]
        if name in CHARACTERS:
            if not self._is_tab_stop(attributes):
                paragraph.text.append(CHARACTERS[name])
        elif name == "sym":
            paragraph.text.append(symbol(attribute(attributes, "char")))
        elif name == "pStyle":
            style = attribute(attributes, "val")
            paragraph.kind = self._styles.kinds.get(style, "paragraph")
            paragraph.is_hidden = style in self._styles.hidden
        elif name == "outlineLvl":
            if attribute(attributes, "val") in OUTLINE_LEVELS:
                paragraph.kind = "heading"
            elif paragraph.kind == "heading":
                paragraph.kind = "paragraph"
        elif name == "numId" and paragraph.kind != "heading":
            paragraph.kind = "paragraph" if attribute(attributes, "val") == NO_LIST else "item"

    @staticmethod
    def _is_tab_stop(attributes: Mapping[str, str]) -> bool:
        """Whether a ``tab`` defines a position, in a paragraph's properties, rather than goes to one."""
        return bool(attribute(attributes, "pos"))

    def _emit(self, block: Block) -> None:
        if not block.text.strip():
            return
        for table in reversed(self._tables):
            if table.cells:
                table.cells[-1].append(block)
                return
        self.blocks.append(block)

    def _end_row(self) -> None:
        table = self._tables[-1]
        blocks = table.rows.blocks(table.cells, header=table.is_header)
        table.cells, table.is_header = [], False
        for block in blocks:
            self._emit(block)
