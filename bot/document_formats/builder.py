"""From blocks to a document's text and the sections that tile it.

Formats differ in how they find paragraphs, headings and table rows; how these become text is
decided here, once: an empty line between blocks, a line each for the rows of a table and the
items of a list, a new section at each heading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.document_formats.cleaning import clean, clean_label, clean_prose
from bot.document_formats.limits import Limits
from bot.errors import DocumentTooLarge, EmptyDocument

Kind = Literal["paragraph", "heading", "item", "row", "verbatim"]


@dataclass(frozen=True)
class Block:
    """A stretch of text that a reader sees as one.

    Attributes:
        text: as found; it is normalised when the block is added.
        kind: ``verbatim`` keeps its spaces and lines, every other kind is prose.
        anchors: names that links inside the file use for this place.
    """

    text: str
    kind: Kind = "paragraph"
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A page or section: its label and its characters in the text."""

    label: str
    start: int
    end: int


@dataclass(frozen=True)
class Extract:
    """What a file says: its text, and sections that cover all of it in order, or none."""

    text: str
    sections: tuple[Section, ...] = ()


class TextBuilder:
    """Puts blocks together and notes where sections begin, within the bounds.

    Example:
        builder = TextBuilder(limits)
        builder.begin_section("1 Scope")
        builder.add(Block("1 Scope", "heading"))
        extract = builder.finish(title="contract")
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parts: list[str] = []
        self._length = 0
        self._last: Kind | None = None
        self._starts: list[tuple[str, int]] = []

    def begin_section(self, label: str) -> None:
        """Whatever is added next begins a section."""
        label = clean_label(label)
        if label:
            self._starts.append((label, -1))
            if len(self._starts) > self._limits.sections:
                raise DocumentTooLarge("document.too_many_sections", limit=self._limits.sections)

    def add(self, block: Block) -> None:
        """Append a block; an empty one is nothing.

        Raises:
            DocumentTooLarge: past the bound on characters.
        """
        text = clean(block.text).strip("\n") if block.kind == "verbatim" else clean_prose(block.text)
        if not text.strip():
            return
        if self._last is not None:
            together = block.kind == self._last and block.kind in ("row", "item")
            self.append_raw("\n" if together else "\n\n")
        for i in range(len(self._starts) - 1, -1, -1):
            label, start = self._starts[i]
            if start >= 0:
                break
            self._starts[i] = (label, self._length)
        self.append_raw(text)
        self._last = block.kind

    def add_all(self, blocks: Iterable[Block], *, headings_are_sections: bool = True) -> None:
        """Append blocks; each heading begins a section, unless told otherwise."""
        for block in blocks:
            if headings_are_sections and block.kind == "heading":
                self.begin_section(block.text)
            self.add(block)

    def append_raw(self, text: str) -> None:
        """Append text that is already normalised."""
        self._length += len(text)
        if self._length > self._limits.characters:
            raise too_long(self._limits)
        self._parts.append(text)

    def finish(self, title: str = "") -> Extract:
        """The text and its sections.

        Args:
            title: label of what stands before the first section.

        Raises:
            EmptyDocument: if nothing but space was added.
        """
        text = "".join(self._parts)
        if not text.strip():
            raise EmptyDocument("document.empty")
        starts = [(label, start) for label, start in self._starts if start >= 0]
        if starts and starts[0][1] > 0:
            starts.insert(0, (clean_label(title) or starts[0][0], 0))
        # Headings without text between them begin at the same place: the last one names it.
        return Extract(text, tile(starts, len(text)))


def tile(starts: Iterable[tuple[str, int]], length: int) -> tuple[Section, ...]:
    """Sections from (label, start) pairs in order: each ends where the next begins.

    Of several that begin at the same character only the last one counts.
    """
    last_at = {start: label for label, start in starts if start < length}
    ordered = sorted(last_at)
    ends = [*ordered[1:], length] if ordered else []
    return tuple(Section(last_at[start], start, end) for start, end in zip(ordered, ends, strict=True))


def too_long(limits: Limits) -> DocumentTooLarge:
    """The error for a text past the bound on characters."""
    return DocumentTooLarge("document.too_long", limit=limits.characters)
