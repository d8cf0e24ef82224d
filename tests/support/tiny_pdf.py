"""PDF files written by hand, for tests: any Unicode at any place, and files that lie.

Letters are drawn with a font that is not embedded and whose letters are named by a ToUnicode
table, so that every character there is can be written. Each is half as wide as the type is high.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 0.5


@dataclass(frozen=True)
class Run:
    """A stretch of text: where its baseline begins, in points, its size, and its angle in degrees."""

    x: float
    y: float
    text: str
    size: float = 10.0
    turned: bool = False


def lines(
    texts: Sequence[str], *, x: float = 72, top: float = 720, size: float = 10, step: float = 12
) -> list[Run]:
    """Runs below each other."""
    return [Run(x, top - i * step, text, size) for i, text in enumerate(texts)]


def write_pdf(
    pages: Sequence[Sequence[Run]],
    *,
    labels: str = "",
    declared_pages: int | None = None,
    rotate: int = 0,
    image: bool = False,
    glyphs: dict[str, str] | None = None,
    filler: int = 0,
    named: bool = True,
) -> bytes:
    """A PDF file.

    Args:
        pages: what stands on each.
        labels: the body of a page label tree, such as ``0 <</S /r>> 2 <</S /D>>``.
        declared_pages: the number of pages that the file claims to have.
        rotate: of every page, in degrees.
        image: draws a picture on every page.
        glyphs: character to what its letter stands for, such as "ﬁ" to "fi".
        filler: bytes of spaces added to each page's drawing, which hardly show in the file's size.
        named: whether the font says which characters its letters are.
    """
    codes = {c: i + 1 for i, c in enumerate(sorted({c for page in pages for run in page for c in run.text}))}
    objects: dict[int, bytes] = {}
    page_numbers = [10 + 2 * i for i in range(len(pages))]
    count = len(pages) if declared_pages is None else declared_pages
    label_tree = f"/PageLabels <</Nums [{labels}]>>" if labels else ""
    objects[1] = f"<</Type /Catalog /Pages 2 0 R {label_tree}>>".encode()
    kids = " ".join(f"{n} 0 R" for n in page_numbers)
    objects[2] = f"<</Type /Pages /Kids [{kids}] /Count {count}>>".encode()
    to_unicode = "/ToUnicode 6 0 R" if named else ""
    objects[3] = (
        b"<</Type /Font /Subtype /Type0 /BaseFont /Tiny /Encoding /Identity-H /DescendantFonts [4 0 R] "
        + to_unicode.encode()
        + b">>"
    )
    objects[4] = (
        b"<</Type /Font /Subtype /CIDFontType2 /BaseFont /Tiny /DW %d /FontDescriptor 5 0 R "
        b"/CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) /Supplement 0>>>>" % int(WIDTH * 1000)
    )
    objects[5] = (
        b"<</Type /FontDescriptor /FontName /Tiny /Flags 4 /FontBBox [0 -200 500 800] /ItalicAngle 0 "
        b"/Ascent 800 /Descent -200 /CapHeight 700 /StemV 80>>"
    )
    objects[6] = _stream(_to_unicode(codes, glyphs or {}))
    objects[7] = _stream(
        b"\x80" * 64,
        b"/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 8 /ColorSpace /DeviceGray",
    )
    for number, page in zip(page_numbers, pages, strict=True):
        drawing = b"".join(_draw(run, codes) for run in page)
        if image:
            drawing += b"q 400 0 0 400 100 100 cm /Im0 Do Q\n"
        objects[number] = (
            f"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Rotate {rotate} "
            f"/Contents {number + 1} 0 R /Resources <</Font <</F1 3 0 R>> /XObject <</Im0 7 0 R>>>>>>"
        ).encode()
        objects[number + 1] = _stream(drawing + b" " * filler)
    return _file(objects)


def _draw(run: Run, codes: dict[str, int]) -> bytes:
    letters = "".join(f"{codes[c]:04x}" for c in run.text)
    matrix = f"0 1 -1 0 {run.x} {run.y}" if run.turned else f"1 0 0 1 {run.x} {run.y}"
    return f"BT /F1 {run.size} Tf {matrix} Tm <{letters}> Tj ET\n".encode()


def _to_unicode(codes: dict[str, int], glyphs: dict[str, str]) -> bytes:
    rows = [
        f"<{code:04x}> <{glyphs.get(c, c).encode('utf-16-be', 'surrogatepass').hex()}>"
        for c, code in codes.items()
    ]
    blocks = [
        f"{len(rows[i : i + 100])} beginbfchar\n" + "\n".join(rows[i : i + 100]) + "\nendbfchar\n"
        for i in range(0, len(rows), 100)
    ]
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Tiny def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n" + "".join(blocks) + "endcmap end end"
    ).encode()


def _stream(content: bytes, keys: bytes = b"") -> bytes:
    packed = zlib.compress(content, 9)
    return b"<<%s /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream" % (keys, len(packed), packed)


def _file(objects: dict[int, bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = {}
    for number, content in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        if number in places:
            out += b"%010d 00000 n \n" % places[number]
        else:
            out += b"0000000000 65535 f \n"
    out += b"trailer <</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, table)
    return bytes(out)
