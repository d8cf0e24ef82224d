"""What the elements of a Word document are called, and which of them stand for text."""

from __future__ import annotations

from collections.abc import Mapping

WORD = (
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}",
    "{http://purl.oclc.org/ooxml/wordprocessingml/main}",  # the "strict" variety
)
_MATH = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/math}",
    "{http://purl.oclc.org/ooxml/officeDocument/math}",
)
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
#: Elements with text that is no longer, or a second time, in the document, or with the
#: properties that a paragraph had before a tracked change.
SKIPPED = frozenset({"del", "moveFrom", "pPrChange", _FALLBACK})
TEXTS = frozenset({"t", *(f"{math}t" for math in _MATH)})
#: Elements that stand for a character; without those of an equation 1/2 and 10^5 would be 12 and 105.
CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
CHARACTERS |= {
    math + part: sign for math in _MATH for part, sign in (("den", "/"), ("sup", "^"), ("sub", "_"))
}


def local_name(tag: object) -> str:
    """A WordprocessingML element's name without its namespace; others keep theirs."""
    if not isinstance(tag, str):  # a comment
        return ""
    for word in WORD:
        if tag.startswith(word):
            return tag[len(word) :]
    return tag


def attribute(attributes: Mapping[str, str], name: str) -> str:
    """A WordprocessingML attribute, "" without it."""
    for word in WORD:
        value = attributes.get(word + name)
        if value is not None:
            return str(value)
    return ""


def symbol(code: str) -> str:
    """The character of a symbol font, written as four hex digits."""
    try:
        value = int(code, 16)
    except ValueError:
        return ""
    # 0xF020 to 0xF0FF are places in the symbol font itself; only its bullet is known by sight.
    return chr(value) if value < 0xD800 or value == 0xF0B7 else ""
