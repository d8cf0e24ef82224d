"""How text is normalised: once, when a file is read, and never again.

Quotes are compared with the text that leaves here, so every rule serves one of two ends: a
quote reads the way the page does, and a word is found the way people type it.

* Line ends are ``\\n``; so are vertical tabs, form feeds and Unicode's own separators.
* Unicode normal form C: a letter and its accent are one character where there is one.
  Not KC, which would turn "m²" into "m2" and "½" into "1⁄2".
* Typographic ligatures are spelt out ("ﬁ" is "fi"), Arabic presentation forms are letters.
* What cannot be seen is dropped: control characters, soft hyphens, zero-width spaces, byte
  order marks, and the direction overrides and tag characters with which a text can show
  something else than it says. Joiners stay: Persian, Hindi and emoji need them.
* Of the accents stacked on one letter the first 30 stay, as in the Stream-Safe Text Format
  (UAX #15): no language has more, and ordering them takes time with the square of their number.
* Surrogate pairs become their character, and half of one U+FFFD: the text can always be encoded.
"""

from __future__ import annotations

import re
import unicodedata

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(r"[^\S\n]+")
_SPACED_LINE_ENDS = re.compile(r" ?\n ?")
_MANY_LINE_ENDS = re.compile(r"\n{3,}")
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")
_MOST_STACKED = 30

_INVISIBLE = (
    *range(0x00, 0x09),
    *range(0x0E, 0x20),
    *range(0x7F, 0xA0),
    0xAD,  # soft hyphen
    0x180E,
    0x200B,  # zero-width space
    *range(0x202A, 0x202F),  # embeddings and overrides of direction
    0x2060,  # word joiner
    *range(0x2066, 0x206A),  # isolates of direction
    0xFEFF,  # byte order mark
    *range(0xFFF9, 0xFFFC),  # interlinear annotation
    0xFFFE,
    0xFFFF,
    *range(0xE0000, 0xE0080),  # tags
)
_PRESENTATION_FORMS = (
    *range(0xFB00, 0xFB07),  # Latin
    *range(0xFB13, 0xFB18),  # Armenian
    *range(0xFB50, 0xFDFC),  # Arabic
    *range(0xFE70, 0xFEFD),
)


def _translation() -> dict[int, str | None]:
    table: dict[int, str | None] = dict.fromkeys(_INVISIBLE)
    for code in _PRESENTATION_FORMS:
        letters = unicodedata.normalize("NFKC", chr(code))
        if letters != chr(code) and not letters.startswith(" "):
            table[code] = letters
    for code in (0x344, 0xF73, 0xF75, 0xF81):  # two accents in one, which normal form C always parts
        table[code] = unicodedata.normalize("NFC", chr(code))
    table[0xF0B7] = "•"  # the bullet of the Symbol font, by far the most frequent private character
    return table


_TABLE = _translation()


def _stacks(accents: str) -> re.Pattern[str]:
    return re.compile(f"([{accents}]{{{_MOST_STACKED}}})[{accents}]+")


_ACCENTS = "".join(c for c in map(chr, range(0x300, 0x20000)) if unicodedata.combining(c))
_STACKS = _stacks(_ACCENTS)
#: Searched for several times as fast, and enough for nearly every text.
_STACKS_IN_BMP = _stacks(_BEYOND_BMP.sub("", _ACCENTS))


def clean(text: str) -> str:
    """Normalise text whose lines and spaces carry meaning: source code, verse, logs."""
    text = _LINE_ENDS.sub("\n", text)
    if _SURROGATES.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.translate(_TABLE)
    if text.isascii():
        return text
    stacks = _STACKS if _BEYOND_BMP.search(text) else _STACKS_IN_BMP
    text = unicodedata.normalize("NFC", stacks.sub(r"\1", text))
    # again: a letter that is parted from an accent of its own adds to the stack
    return stacks.sub(r"\1", text)


def clean_prose(text: str) -> str:
    """Normalise text whose spaces mean nothing: as :func:`clean`, and one space between words.

    Line breaks stay, at most one empty line between two; nothing stands at either end.
    """
    text = _SPACES.sub(" ", clean(text))
    return _MANY_LINE_ENDS.sub("\n\n", _SPACED_LINE_ENDS.sub("\n", text)).strip()


def clean_label(text: str, longest: int = 120) -> str:
    """A heading or page label as one line of at most ``longest`` characters."""
    label = " ".join(clean(text).split())
    return label if len(label) <= longest else label[: longest - 1].rstrip() + "…"
