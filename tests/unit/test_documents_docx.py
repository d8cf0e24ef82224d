"""Word documents to text: headings, lists, tables, notes, and what the author left of it."""

from __future__ import annotations

import docx
import pytest

from bot.document_formats.builder import Extract
from bot.errors import DamagedDocument, DocumentTooLarge, EmptyDocument
from tests.support.document_files import (
    LAUGHS,
    WORD,
    altered_docx,
    paragraph,
    raw_docx,
    save_docx,
    write_docx,
)
from tests.support.extracts import read, sections

RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


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


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ("<w:vanish/>", "Rent is 900. It is due."),
        ('<w:b/><w:vanish w:val="1"/>', "Rent is 900. It is due."),
        ('<w:vanish w:val="false"/>', "Rent is 900. Once 800.\nIt is due."),
        ("<w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange>", "Rent is 900. Once 800.\nIt is due."),
    ],
)
def test_docx_hidden_text_is_left_out(properties: str, text: str) -> None:
    body = (
        "<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr><w:r><w:t>Rent is 900. </w:t></w:r>"
        f"<w:r><w:rPr>{properties}</w:rPr><w:t>Once 800.</w:t><w:br/></w:r>"
        "<w:r><w:t>It is due.</w:t></w:r></w:p>"
    )
    assert read(raw_docx(body + "<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr></w:p>")).text == text


HIDING = (
    f"<w:styles {WORD}>"
    '<w:style w:type="paragraph" w:styleId="Draft"><w:rPr><w:vanish/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Note"><w:basedOn w:val="Draft"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Shown"><w:basedOn w:val="Draft"/>'
    '<w:rPr><w:vanish w:val="0"/></w:rPr></w:style>'
    '<w:style w:type="character" w:styleId="Aside"><w:rPr><w:vanish/></w:rPr></w:style></w:styles>'
)


@pytest.mark.parametrize(
    ("style", "properties", "text"),
    [
        ("Draft", "", ""),
        ("Note", "", ""),
        ("Shown", "", "Once 800."),
        ("Unknown", "", "Once 800."),
        ("Unknown", '<w:rStyle w:val="Aside"/>', ""),
        ("Unknown", '<w:rStyle w:val="Aside"/><w:vanish w:val="0"/>', "Once 800."),
        ("Draft", '<w:rStyle w:val="Aside"/>', "Once 800."),  # one undoes the other
        ("Draft", '<w:vanish w:val="false"/>', "Once 800."),
        ("Draft", '<w:rStyle w:val="Aside"/><w:vanish/>', ""),
    ],
)
def test_docx_text_that_a_style_hides_is_left_out(style: str, properties: str, text: str) -> None:
    body = paragraph("Rent is 900.") + (
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>'
        f"<w:r><w:rPr>{properties}</w:rPr><w:t>Once 800.</w:t></w:r></w:p>"
    )
    assert read(raw_docx(body, styles=HIDING)).text.split("\n\n")[1:] == ([text] if text else [])


def test_docx_a_box_in_a_hidden_run_is_left_out_and_one_in_a_shown_run_read() -> None:
    box = "<w:pict><w:txbxContent><w:p><w:r><w:t>Boxed.</w:t></w:r></w:p></w:txbxContent></w:pict>"
    body = f"<w:p><w:r>{{}}{box}</w:r><w:r><w:t>Rent is 900.</w:t></w:r></w:p>"
    assert "Boxed." in read(raw_docx(body.format(""))).text
    assert read(raw_docx(body.format("<w:rPr><w:vanish/></w:rPr>"))).text == "Rent is 900."


def test_docx_equations_are_read() -> None:
    def run(text: str) -> str:
        return f"<m:r><w:rPr><w:i/></w:rPr><m:t>{text}</m:t></m:r>"

    half = f"<m:f><m:num>{run('1')}</m:num><m:den>{run('2')}</m:den></m:f>"
    power = f"<m:sSup><m:e>{run('10')}</m:e><m:sup>{run('5')}</m:sup></m:sSup>"
    body = (
        '<w:p xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math">'
        f"<w:r><w:t>The fee is </w:t></w:r><m:oMath>{run('x=')}{half}{run('+')}{power}</m:oMath>"
        "<w:r><w:t> euros.</w:t></w:r></w:p>"
    )
    assert read(raw_docx(body)).text == "The fee is x=1/2+10^5 euros."


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


def test_docx_without_text_is_empty() -> None:
    with pytest.raises(EmptyDocument, match=r"^document\.empty$"):
        read(raw_docx("<w:p/>"))
