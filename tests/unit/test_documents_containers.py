"""Word documents and EPUB books."""

from __future__ import annotations

from dataclasses import replace

import docx
import pytest

from bot.document_formats.builder import Extract
from bot.document_formats.limits import Limits
from bot.document_formats.reading import reader
from bot.errors import (
    DamagedDocument,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    UnsupportedDocument,
)
from tests.support.document_files import (
    CONTENT_TYPES,
    WORD,
    altered_docx,
    paragraph,
    raw_docx,
    save_docx,
    write_docx,
    write_epub,
    write_zip,
)

LIMITS = Limits()
LAUGHS = (
    "<!DOCTYPE x ["
    + '<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def read(data: bytes, limits: Limits = LIMITS) -> Extract:
    return reader("zip")(data, "book", limits, lambda share: None)


def sections(extract: Extract) -> list[tuple[str, str]]:
    return [(s.label, extract.text[s.start : s.end]) for s in extract.sections]


def test_docx_headings_are_sections() -> None:
    data = write_docx(
        [
            ("Normal", "Before."),
            ("Title", "The Contract"),
            ("Heading 1", "1 Term"),
            ("Normal", "It ends on\xa01\tMay."),
            ("List Bullet", "one"),
            ("List Bullet", "two"),
            ("Heading 2", "1.1 Notice"),
            ("Normal", "Thirty days."),
        ]
    )
    assert sections(read(data)) == [
        ("book", "Before.\n\n"),
        ("The Contract", "The Contract\n\n"),
        ("1 Term", "1 Term\n\nIt ends on 1 May.\n\n- one\n- two\n\n"),
        ("1.1 Notice", "1.1 Notice\n\nThirty days."),
    ]


def test_docx_styles_made_of_headings_are_headings() -> None:
    document = docx.Document()
    style = document.styles.add_style("Clause", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Heading 3"]
    document.add_paragraph("7 Liability", style="Clause")
    document.add_paragraph("None.")
    assert sections(read(save_docx(document))) == [("7 Liability", "7 Liability\n\nNone.")]


def test_docx_items_of_lists_have_lines_of_their_own() -> None:
    def item(text: str, number: int) -> str:
        return paragraph(text, f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>')

    body = paragraph("We own:") + item("a boat", 1) + item(" ", 1) + item("a mast", 1) + item("No item.", 0)
    assert read(raw_docx(body)).text == "We own:\n\n- a boat\n- a mast\n\nNo item."
    heading = '<w:outlineLvl w:val="0"/><w:numPr><w:numId w:val="2"/></w:numPr>'
    assert sections(read(raw_docx(paragraph("Scope", heading) + paragraph("x")))) == [("Scope", "Scope\n\nx")]


def test_docx_tables_keep_a_line_for_each_row() -> None:
    document = docx.Document()
    document.add_paragraph("Prices")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ["Item", "Price", "Tea", "3\nEUR"], strict=True
    ):
        cell.text = text
    table.cell(1, 1).add_paragraph("each")
    document.add_paragraph("after")
    assert read(save_docx(document)).text == "Prices\n\nItem | Price\nTea | 3 EUR each\n\nafter"


def table_text(*rows: str, first_is_header: bool = False) -> str:
    """The text of a Word table with these rows, their cells separated by commas."""
    body = ""
    for n, row in enumerate(rows):
        properties = "<w:trPr><w:tblHeader/></w:trPr>" if first_is_header and n == 0 else ""
        cells = "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row.split(","))
        body += f"<w:tr>{properties}{cells}</w:tr>"
    return read(raw_docx(f"<w:tbl>{body}</w:tbl>")).text


def test_docx_rows_carry_the_names_of_their_columns() -> None:
    assert table_text("Who,Fee,Berth", "Adult,240,no", "Guest,,no") == (
        "Who | Fee | Berth\nWho: Adult | Fee: 240 | Berth: no\nWho: Guest | Berth: no"
    )
    assert table_text("Item,Price", "Tea,3", first_is_header=True) == "Item | Price\nItem: Tea | Price: 3"


@pytest.mark.parametrize(
    "rows",
    [
        ("Name,Ann Reed", "Date of birth,1 May 1980"),  # a form
        ("2019,2020,2021", "12,14,17"),
        ("A,A,B", "1,2,3"),
        ("A,,B", "1,2,3"),
    ],
)
def test_docx_first_rows_that_are_no_names_stay_rows(rows: tuple[str, ...]) -> None:
    lines = [" | ".join(row.split(",")) for row in rows]
    assert table_text(*rows) == "\n".join(lines).replace("|  |", "| |")


def test_docx_rows_with_cells_over_several_columns_carry_no_names() -> None:
    text = table_text("Who,Fee,Berth", "Adult,240,no", "Closed in winter", "Guest,15,no")
    assert text.splitlines()[2:] == ["Closed in winter", "Who: Guest | Fee: 15 | Berth: no"]


def test_docx_reads_what_the_author_left() -> None:
    body = (
        "<w:p><w:r><w:t>Pay </w:t></w:r><w:del><w:r><w:t>ten</w:t><w:delText>ten</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>nine</w:t></w:r></w:ins><w:r><w:noBreakHyphen/><w:t>fold</w:t><w:br/>"
        "<w:t>in</w:t><w:softHyphen/><w:t>stalments</w:t><w:instrText>PAGE</w:instrText></w:r></w:p>"
        "<w:sdt><w:sdtContent>" + paragraph("In a control.") + "</w:sdtContent></w:sdt>"
    )
    assert read(raw_docx(body)).text == "Pay nine-fold\ninstalments\n\nIn a control."


def test_docx_words_that_word_marked_as_a_date_or_a_name_are_read() -> None:
    body = "<w:p><w:r><w:t>due </w:t></w:r><w:smartTag><w:r><w:t>1 May</w:t></w:r></w:smartTag></w:p>"
    assert read(raw_docx(body)).text == "due 1 May"


@pytest.mark.parametrize(
    "changes",
    [
        {
            "word/_rels/document.xml.rels": (
                "</Relationships>",
                f'<Relationship Id="r99" Type="{RELATION}/image" Target="NULL"/></Relationships>',
            )
        },
        {
            "[Content_Types].xml": (
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
                "application/vnd.ms-word.document.macroEnabled.main+xml",
            )
        },
    ],
    ids=["a picture that is not there", "with macros"],
)
def test_docx_as_word_also_writes_it_is_read(changes: dict[str, tuple[str, str]]) -> None:
    assert read(altered_docx(changes)).text == "x"


def test_docx_text_boxes_are_read_once() -> None:
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    body = (
        '<w:p xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:r><w:t>around</w:t>'
        f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
        "<w:t> it</w:t></w:r></w:p>"
    )
    assert read(raw_docx(body)).text == "boxed\n\naround it"


def test_docx_tab_stops_and_former_properties_are_no_text() -> None:
    properties = (
        '<w:tabs><w:tab w:val="left" w:pos="720"/></w:tabs>'
        '<w:pPrChange><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:pPrChange>'
    )
    assert read(raw_docx(paragraph("plain", properties))) == Extract("plain")


def test_docx_headings_by_outline_level() -> None:
    extract = read(
        raw_docx(paragraph("One", '<w:outlineLvl w:val="0"/>') + paragraph("x", '<w:outlineLvl w:val="9"/>'))
    )
    assert sections(extract) == [("One", "One\n\nx")]


def test_docx_footnotes_come_after_the_text() -> None:
    notes = f"<w:footnotes {WORD}><w:footnote>{paragraph('A note.')}</w:footnote></w:footnotes>"
    extract = read(raw_docx(paragraph("Text."), footnotes=notes))
    assert sections(extract) == [("book", "Text.\n\n"), ("Footnotes", "A note.")]


def test_docx_with_entities_is_refused_before_they_swell() -> None:
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read(raw_docx(paragraph("x").replace(">x<", ">&i;<"), before=LAUGHS))
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read(raw_docx(paragraph("x"), styles=f"{LAUGHS}<w:styles {WORD}>&i;</w:styles>"))


def test_docx_nesting_is_bounded() -> None:
    tables = "<w:tbl><w:tr><w:tc>" * 20_000 + paragraph("deep") + "</w:tc></w:tr></w:tbl>" * 20_000
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_deep$"):
        read(raw_docx(tables))


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


def test_docx_without_text_is_empty() -> None:
    with pytest.raises(EmptyDocument, match=r"^document\.empty$"):
        read(raw_docx("<w:p/>"))


def test_epub_chapters_are_sections() -> None:
    data = write_epub(
        [("Beginning", "<h1>I</h1><p>It was &#8220;dark&#8221;.</p>"), ("End", "<p>Good <i>night</i>.</p>")]
    )
    assert sections(read(data)) == [
        ("Beginning", "I\n\nIt was “dark”.\n\n"),
        ("End", "Good night."),
    ]


def test_epub_chapters_may_begin_within_a_page() -> None:
    contents = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>'
        '<nav epub:type="landmarks"><ol><li><a href="c0.xhtml#b">no</a></li></ol></nav>'
        '<nav epub:type="toc"><ol><li><a href="c0.xhtml">A</a>'
        '<ol><li><a href="c0.xhtml#b">B &amp; C</a></li></ol>'
        "</li></ol></nav></body></html>"
    )
    page = '<p>one</p><section id="b"><h2>Two</h2><p>two</p></section>'
    data = write_epub([("x", page)], extra={"OEBPS/nav.xhtml": contents})
    assert sections(read(data)) == [("A", "one\n\n"), ("B & C", "Two\n\ntwo")]


def test_epub_of_the_second_version_lists_its_chapters_in_an_ncx() -> None:
    book = (
        '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
        '<item id="a" href="c0.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="n" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
        '<spine toc="n"><itemref idref="a"/></spine></package>'
    )
    ncx = (
        '<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">'
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint>'
        "<navLabel><text>Chapter One</text>"
        '</navLabel><content src="c0.xhtml"/></navPoint></navMap></ncx>'
    )
    data = write_epub([("x", "<p>text</p>")], extra={"OEBPS/book.opf": book, "OEBPS/toc.ncx": ncx})
    assert sections(read(data)) == [("Chapter One", "text")]


@pytest.mark.parametrize("contents", ["<not xml", f"{LAUGHS}<html><nav>&i;</nav></html>"])
def test_epub_with_unreadable_contents_falls_back_to_none(contents: str) -> None:
    data = write_epub([("x", "<h1>Head</h1><p>text</p>")], extra={"OEBPS/nav.xhtml": contents})
    assert sections(read(data)) == [("Head", "Head\n\ntext")]


def test_epub_without_contents_uses_headings() -> None:
    data = write_epub([("", "<p>a</p>"), ("", "<h1>Two</h1><p>b</p>")], contents=False)
    assert sections(read(data)) == [("A Book", "a\n\n"), ("Two", "Two\n\nb")]


def test_epub_locked_to_a_shop_is_told_from_scrambled_fonts() -> None:
    def encryption(algorithm: str) -> dict[str, str]:
        method = f'<EncryptionMethod Algorithm="{algorithm}"/>'
        return {
            "META-INF/encryption.xml": f"<encryption><EncryptedData>{method}</EncryptedData></encryption>"
        }

    chapters = [("A", "<p>open</p>")]
    assert read(write_epub(chapters, extra=encryption("http://www.idpf.org/2008/embedding"))).text == "open"
    with pytest.raises(EncryptedDocument, match=r"^document\.locked_book$"):
        read(write_epub(chapters, extra=encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")))


def test_epub_without_its_pages_is_damaged() -> None:
    book = '<package xmlns="http://www.idpf.org/2007/opf"><manifest/><spine/></package>'
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read(write_epub([("A", "x")], extra={"OEBPS/book.opf": book}))
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read(write_epub([("A", "x")], extra={"META-INF/container.xml": "<container/>"}))


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
