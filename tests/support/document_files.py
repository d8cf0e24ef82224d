"""Files of each container format, written for tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from html import escape

import docx

_CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
    '<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)
CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="word/document.xml" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/officeDocument"/></Relationships>'
)
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
#: A document type whose entity ``i`` stands for two hundred million letters.
LAUGHS = (
    "<!DOCTYPE x ["
    + '<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


def write_zip(files: Mapping[str, str | bytes]) -> bytes:
    """A zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def write_docx(paragraphs: Sequence[tuple[str, str]]) -> bytes:
    """A .docx from (style, text) pairs, written by python-docx: "Normal", "Heading 1", "List Bullet"."""
    document = docx.Document()
    for style, text in paragraphs:
        document.add_paragraph(text, style=style)
    return save_docx(document)


def save_docx(document: docx.document.Document) -> bytes:
    """The bytes of a python-docx document."""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def altered_docx(changes: Mapping[str, tuple[str, str]]) -> bytes:
    """A whole .docx that says "x", in which words of a part are replaced: (old, new) by the part's name."""
    whole = zipfile.ZipFile(io.BytesIO(write_docx([("Normal", "x")])))
    files: dict[str, str | bytes] = {name: whole.read(name) for name in whole.namelist()}
    for name, (old, new) in changes.items():
        content = whole.read(name).decode()
        assert old in content, f"{name} has no {old}"
        files[name] = content.replace(old, new)
    return write_zip(files)


def raw_docx(body: str, *, before: str = "", **parts: str) -> bytes:
    """A .docx around the XML of its body; further parts by their name below ``word/``."""
    document = f'<?xml version="1.0"?>{before}<w:document {WORD}><w:body>{body}</w:body></w:document>'
    files = {"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": RELATIONS, "word/document.xml": document}
    if parts:
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
        files["word/_rels/document.xml.rels"] = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            + "".join(f'<Relationship Id="{n}" Type="{kind}{n}" Target="{n}.xml"/>' for n in parts)
            + "</Relationships>"
        )
    files |= {f"word/{name}.xml": content for name, content in parts.items()}
    return write_zip(files)


def paragraph(text: str, properties: str = "") -> str:
    """A paragraph's XML."""
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def write_epub(
    chapters: Sequence[tuple[str, str]],
    *,
    contents: bool = True,
    title: str = "A Book",
    extra: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """An .epub from (title, body HTML) pairs, each a page of its own.

    Args:
        chapters: in reading order.
        contents: whether the book lists its chapters.
        title: of the book.
        extra: further files, which may replace others.
    """
    pages = {f"c{i}.xhtml": body for i, (_, body) in enumerate(chapters)}
    manifest = "".join(
        f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in pages
    )
    entries = "".join(f'<li><a href="c{i}.xhtml">{escape(t)}</a></li>' for i, (t, _) in enumerate(chapters))
    navigation = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>'
        f'<nav epub:type="toc"><ol>{entries}</ol></nav></body></html>'
    )
    if contents:
        manifest += '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    spine = "".join(f'<itemref idref="{name}"/>' for name in pages)
    package = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title></metadata>'
        f"<manifest>{manifest}</manifest><spine>{spine}</spine></package>"
    )
    files: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": _CONTAINER,
        "OEBPS/book.opf": package,
        "OEBPS/nav.xhtml": navigation,
    }
    for name, body in pages.items():
        files[f"OEBPS/{name}"] = (
            f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{body}</body></html>'
        )
    return write_zip(files | dict(extra or {}))
