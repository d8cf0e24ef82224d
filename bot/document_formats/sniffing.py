"""Which format a file is in: by what its first bytes say, then by its name.

A name can be wrong and often is; ``%PDF-`` is not. The name decides only between formats that
are all plain text. Containers are told apart later, where they are opened (``archive.py``):
even a list of their files can be hostile.
"""

from __future__ import annotations

import re
from typing import Literal

from bot.document_formats.encoding import is_text
from bot.errors import EncryptedDocument, UnsupportedDocument

Format = Literal["pdf", "zip", "html", "markdown", "csv", "text"]

#: Bytes that decide.
HEAD = 4096

_HTML_NAMES = frozenset({".html", ".htm", ".xhtml", ".xht"})
_MARKDOWN_NAMES = frozenset({".md", ".markdown", ".mkd", ".mdown", ".mdwn"})
_CSV_NAMES = frozenset({".csv", ".tsv"})
_LAID_OUT_NAMES = frozenset({".pdf", ".docx", ".epub"})

#: First bytes that decide at once, and the code of the sentence that says what this is.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", "document.unsupported_image"),
    (b"\xff\xd8\xff", "document.unsupported_image"),
    (b"II*\x00", "document.unsupported_image"),
    (b"MM\x00*", "document.unsupported_image"),
    (b"\xff\xfb", "document.unsupported_media"),
    (b"\x1aE\xdf\xa3", "document.unsupported_media"),
    (b"\x1f\x8b", "document.unsupported_archive"),
    (b"\xfd7zXZ", "document.unsupported_archive"),
    (b"7z\xbc\xaf", "document.unsupported_archive"),
    (b"{\\rtf", "document.unsupported_office"),
    (b"%!PS", "document.unsupported_office"),
)
#: The same for first bytes that a plain text could begin with too.
_MAGIC_UNLESS_TEXT: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "document.unsupported_image"),
    (b"BM", "document.unsupported_image"),
    (b"8BPS", "document.unsupported_image"),
    (b"AT&TFORM", "document.unsupported_image"),  # DjVu: mostly scans
    (b"ID3", "document.unsupported_media"),
    (b"OggS", "document.unsupported_media"),
    (b"fLaC", "document.unsupported_media"),
    (b"BZh", "document.unsupported_archive"),
    (b"Rar!", "document.unsupported_archive"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of .doc, .xls, .ppt and of encrypted .docx
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_HTML_START = re.compile(r"<!doctype\s+html\b|<html\b", re.IGNORECASE)


def sniff(name: str, data: bytes) -> Format:
    """The format of a file.

    Args:
        name: the file's name; only its ending counts.
        data: the whole file.

    Raises:
        UnsupportedDocument: if it is binary and none of those that are read.
        EncryptedDocument: if it is an Office file behind a password.
    """
    head = data[:HEAD]
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(_OLE):
        if _ENCRYPTED_PACKAGE in data:
            raise EncryptedDocument("document.encrypted")
        raise UnsupportedDocument("document.unsupported_office")
    for magic, code in _MAGIC:
        if head.startswith(magic):
            raise UnsupportedDocument(code)
    if not is_text(head):
        raise UnsupportedDocument(_binary_kind(head))
    ending = suffix(name)
    if ending in _HTML_NAMES or _begins_like_html(head):
        return "html"
    if ending in _MARKDOWN_NAMES:
        return "markdown"
    return "csv" if ending in _CSV_NAMES else "text"


def keeps_lines(name: str) -> bool:
    """Whether the lines of a document's text are those of the file, as its name has it.

    What is laid out anew wherever it is opened (PDF, HTML, Markdown, .docx, EPUB) has none to be found by,
    and of a table (CSV) blank lines are dropped and a row that takes several lines is one.
    """
    return suffix(name) not in _HTML_NAMES | _MARKDOWN_NAMES | _CSV_NAMES | _LAID_OUT_NAMES


def suffix(name: str) -> str:
    """The ending of a file name in lower case with its dot, or ""."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "." + base.rsplit(".", 1)[1].lower() if "." in base.strip(".") else ""


def _binary_kind(head: bytes) -> str:
    for magic, code in _MAGIC_UNLESS_TEXT:
        if head.startswith(magic):
            return code
    if head[4:8] == b"ftyp":
        return "document.unsupported_media"
    if head.startswith(b"RIFF"):
        return "document.unsupported_image" if head[8:12] == b"WEBP" else "document.unsupported_media"
    return "document.unsupported"


def _begins_like_html(head: bytes) -> bool:
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16" if wide else "utf-8", errors="replace").lstrip("\ufeff \t\r\n\f")
    while text.startswith(("<?xml", "<!--")):
        closing = "?>" if text.startswith("<?") else "-->"
        _, found, text = text.partition(closing)
        if not found:
            return False
        text = text.lstrip()
    return _HTML_START.match(text) is not None
