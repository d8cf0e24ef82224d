"""Bytes to characters: which encoding a text file is in, and whether it is text at all."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress

from bot.errors import UnsupportedDocument

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Bytes that the detectors look at. Detection is slow; what an encoding looks like shows early.
_SAMPLE = 64 * 1024
#: Share of control characters above which a sample is not text.
_MOST_CONTROLS = 0.02
#: Share of damaged characters below which a file is UTF-8 with flaws rather than something else.
_MOST_FLAWS = 0.02

_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\v\f\r\x1b") + b"\x7f"
_NO_TEXT = "\ufffd" + _CONTROLS.decode("ascii")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_DECLARED = re.compile(
    rb"""<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]{1,40})|<meta[^>]*\bcharset\s*=\s*["']?\s*([\w.:-]{1,40})""",
    re.IGNORECASE,
)


def decode(data: bytes, *, declared: str | None = None) -> str:
    """Text of a file whose encoding nobody has told for certain.

    In this order: a byte order mark; UTF-8 where the bytes are valid as such; UTF-16 without a
    mark, by its zeros; what the file declares; what its letters look like.

    Args:
        data: the whole file.
        declared: an encoding that the file names itself, such as HTML's charset.

    Raises:
        UnsupportedDocument: if these are not characters in any encoding known here.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _readable(data[len(mark) :].decode(encoding, errors="replace"))
    wide = _utf16_by_zeros(data[:_SAMPLE])
    if wide:
        return _readable(data.decode(wide, errors="replace"))
    if looks_binary(data[:_SAMPLE]):
        raise UnsupportedDocument("document.unsupported")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if declared and _is_text_encoding(declared):
        with suppress(UnicodeError):  # some take no errors="replace"
            return data.decode(declared, errors="replace")
    flawed = data.decode("utf-8", errors="replace")
    n_flaws = flawed.count("\ufffd")
    n_letters = len(flawed) - len(flawed.encode("ascii", "ignore"))  # beyond ASCII
    if n_flaws <= _MOST_FLAWS * n_letters:
        return flawed
    return data.decode(_detect(data), errors="replace")


def declared_encoding(data: bytes) -> str | None:
    """The encoding that an HTML or XML file names in its first lines, or None."""
    match = _DECLARED.search(data[:2048])
    return (match.group(1) or match.group(2)).decode("ascii") if match else None


def looks_binary(head: bytes) -> bool:
    """Whether the first bytes of a file cannot be text in an encoding of one byte or UTF-8."""
    if not head:
        return False
    n_controls = len(head) - len(head.translate(None, delete=_CONTROLS))
    return b"\0" in head or n_controls > _MOST_CONTROLS * len(head)


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file can be text in any encoding that :func:`decode` takes."""
    marked = any(head.startswith(mark) for mark, _ in _BYTE_ORDER_MARKS)
    return marked or bool(_utf16_by_zeros(head)) or not looks_binary(head)


def _readable(text: str) -> str:
    """The text, unless what was taken for UTF-16 or -32 turns out to be none.

    Raises:
        UnsupportedDocument: if so.
    """
    sample = text[:_SAMPLE]
    n_bad = sum(sample.count(character) for character in _NO_TEXT)
    if n_bad > _MOST_CONTROLS * len(sample):
        raise UnsupportedDocument("document.unsupported")
    return text


def _utf16_by_zeros(head: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a zero in every other byte and hardly any elsewhere."""
    if len(head) < 4:
        return None
    even, odd = head[0::2], head[1::2]
    zeros_even, zeros_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if zeros_odd > 0.4 and zeros_even < 0.02:
        return "utf-16-le"
    if zeros_even > 0.4 and zeros_odd < 0.02:
        return "utf-16-be"
    return None


def _is_text_encoding(name: str) -> bool:
    try:
        "".encode(name)  # refuses codecs that do not turn text into bytes, such as "hex"
    except (LookupError, UnicodeError, TypeError):
        return False
    return True


def _detect(data: bytes) -> str:
    from charset_normalizer import from_bytes

    # The part with letters beyond ASCII tells; a long English preamble does not.
    first = _BEYOND_ASCII.search(data)
    begin = max(0, first.start() - 1024) if first else 0
    best = from_bytes(data[begin : begin + _SAMPLE]).best()
    return best.encoding if best is not None else "cp1252"
