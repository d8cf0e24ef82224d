"""Archives that are not read: damaged, encrypted, past a bound, leading outside, of another kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument, UnsupportedDocument
from tests.support.document_files import CONTENT_TYPES, paragraph, raw_docx, write_epub, write_zip
from tests.support.extracts import LIMITS, read


@pytest.mark.parametrize(
    "data",
    [
        raw_docx("<w:p><w:r><w:t>cut off"),
        raw_docx(paragraph("x"))[:-200],
        write_zip({"[Content_Types].xml": CONTENT_TYPES, "word/document.xml": "no XML at all"}),
        b"PK\x03\x04" + bytes(100),
    ],
    ids=["xml cut off", "zip cut off", "no xml", "no zip"],
)
def test_docx_damage_is_told(data: bytes) -> None:
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read(data)


def test_references_cannot_leave_the_archive() -> None:
    book = (
        '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="../../../../etc/passwd" '
        'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>'
    )
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read(write_epub([("A", "x")], extra={"OEBPS/book.opf": book}))


def test_unpacked_bytes_are_counted_over_all_files() -> None:
    chapters = [(str(i), "<p>" + "x" * 50_000 + "</p>") for i in range(10)]
    assert read(write_epub(chapters), replace(LIMITS, unpacked_bytes=600_000)).text
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_large_unpacked$") as error:
        read(write_epub(chapters), replace(LIMITS, unpacked_bytes=2**18))
    assert error.value.values == {"limit": 0.2}


def test_files_in_an_archive_are_bounded() -> None:
    data = write_epub([("A", "x")], extra={f"f{i}": "" for i in range(50)})
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_many_entries$"):
        read(data, replace(LIMITS, archive_entries=50))


def test_an_encrypted_archive_is_told() -> None:
    data = bytearray(raw_docx(paragraph("x")))
    flags = data.index(b"PK\x01\x02") + 8
    while flags > 8:
        data[flags] |= 1
        flags = data.find(b"PK\x01\x02", flags) + 8
    with pytest.raises(EncryptedDocument, match=r"^document\.encrypted$"):
        read(bytes(data))


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"a.txt": "x"}, "document.unsupported_archive"),
        ({"mimetype": "application/vnd.oasis.opendocument.text"}, "document.unsupported_office"),
        ({"[Content_Types].xml": CONTENT_TYPES, "xl/workbook.xml": "x"}, "document.unsupported_office"),
    ],
)
def test_other_containers_are_named(files: dict[str, str], code: str) -> None:
    with pytest.raises(UnsupportedDocument, match=rf"^{code}$"):
        read(write_zip(files))
