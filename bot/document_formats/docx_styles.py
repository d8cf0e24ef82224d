"""What the styles of a Word document say of its text: headings, lists, and what is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bot.document_formats.archive import Archive
from bot.document_formats.builder import Kind
from bot.document_formats.docx_names import WORD, attribute, local_name

#: Outline levels that make a heading: Word's "Heading 1" to "Heading 9".
OUTLINE_LEVELS = frozenset("012345678")
#: The number of a list that takes a paragraph out of its style's list.
NO_LIST = "0"
#: How a property that is there is said to be off.
_OFF = frozenset({"0", "false", "off"})

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Styles:
    """By id of the style, each by itself or by what it is based on."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


def is_on(attributes: Mapping[str, str]) -> bool:
    """Whether a property that is there is on, as it is where nothing else is said."""
    return attribute(attributes, "val") not in _OFF


def read_styles(archive: Archive, part: str | None) -> Styles:
    """The styles of a document; none without the part that defines them."""
    if part is None:
        return Styles()
    kinds: dict[str, Kind] = {}
    hidden: dict[str, bool] = {}
    parents: dict[str, str] = {}
    for style in archive.read_xml(part).iter(*(f"{word}style" for word in WORD)):
        identifier = attribute(style.attrib, "styleId")
        for element in style.iter():
            tag = local_name(element.tag)
            value = attribute(element.attrib, "val")
            if tag == "basedOn":
                parents[identifier] = value
            elif tag == "outlineLvl":
                kinds[identifier] = "heading" if value in OUTLINE_LEVELS else "paragraph"
            elif tag == "name" and value.lower() == "title":
                kinds[identifier] = "heading"
            elif tag == "numId" and value != NO_LIST:
                kinds.setdefault(identifier, "item")  # a heading with a number stays one
            elif tag == "vanish":
                hidden[identifier] = is_on(element.attrib)
    known = {*kinds, *hidden, *parents}
    return Styles(
        {style: _inherited(style, kinds, parents, "paragraph") for style in known},
        frozenset(style for style in known if _inherited(style, hidden, parents, False)),
    )


def _inherited(
    style: str, values: Mapping[str, _Value], parents: Mapping[str, str], otherwise: _Value
) -> _Value:
    seen = set()
    while style not in seen:
        seen.add(style)
        if style in values:
            return values[style]
        style = parents.get(style, "")
    return otherwise
