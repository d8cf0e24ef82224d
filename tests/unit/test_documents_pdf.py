"""PDF files to text: written letter by letter, and by ReportLab."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, SimpleDocTemplate, Table

from bot.document_formats.builder import Extract
from bot.document_formats.limits import Limits
from bot.document_formats.pdf import read_pdf
from bot.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument
from tests.support.tiny_pdf import Run, lines, write_pdf

LIMITS = Limits()


def read(data: bytes, limits: Limits = LIMITS) -> Extract:
    return read_pdf(data, "a.pdf", limits, lambda share: None)


def pages(extract: Extract) -> list[tuple[str, str]]:
    return [(s.label, extract.text[s.start : s.end]) for s in extract.sections]


def test_pages_are_numbered_and_sentences_go_on_over_them() -> None:
    full = "this line is as wide as the column gets on the page"
    first = lines([full, "and so is this line which goes on over to the n-"], top=690)
    data = write_pdf([lines(["Heading"]) + first, lines(["ext page here."])])
    assert pages(read(data)) == [
        ("1", f"Heading\n\n{full} and so is this line which goes on over to the n"),
        ("2", "ext page here.\n"),
    ]


def test_printed_labels_name_the_pages() -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    data = write_pdf([lines([word]) for word in words], labels="0 <</S /r>> 2 <</S /D>> 4 <</P (A-) /S /D>>")
    assert [label for label, _ in pages(read(data))] == ["i", "ii", "1", "2", "A-1"]


def test_pages_without_text_keep_their_place() -> None:
    data = write_pdf([lines(["one"]), [], lines(["three"])])
    assert pages(read(data)) == [("1", "one\n"), ("2", "\n"), ("3", "three\n")]


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        ("the ﬁnal oﬀer", "the final offer"),
        ("cafe\u0301 nai\u0308ve", "café naïve"),
        ("infor\u00admation", "information"),
        ("Ёжик 漢字 ελληνικά 😀", "Ёжик 漢字 ελληνικά 😀"),
        ("Chapter one . . . . . . . . . 12", "Chapter one … 12"),
    ],
)
def test_letters(drawn: str, text: str) -> None:
    assert read(write_pdf([lines([drawn])])).text == text + "\n"


def test_a_ligature_that_names_its_letters() -> None:
    assert (
        read(write_pdf([lines(["oﬃce of ﬁsh"])], glyphs={"ﬃ": "ffi", "ﬁ": "fi"})).text == "office of fish\n"
    )


def test_hyphenated_words_are_whole_again() -> None:
    data = write_pdf([lines(["the paragraph gives some infor-", "mation about well-known com-", "pounds"])])
    assert read(data).text == "the paragraph gives some information about well-known compounds\n"


def test_spaces_made_by_moving_on_are_found() -> None:
    data = write_pdf([[Run(72, 700, "One"), Run(72 + 15 + 2.6, 700, "word"), Run(72 + 37.6, 700, "s")]])
    assert read(data).text == "One words\n"


def test_turned_pages_are_read_and_turned_text_comes_last() -> None:
    turned = [Run(300 + 12 * i, 100, f"turned line {i}", turned=True) for i in range(3)]
    assert read(write_pdf([turned], rotate=90)).text == "turned line 0\nturned line 1\nturned line 2\n"
    stamp = Run(20, 300, "stamp", turned=True)
    assert read(write_pdf([[stamp, *lines(["first", "second"])]])).text.split() == [
        "first",
        "second",
        "stamp",
    ]


def test_text_outside_the_page_is_left_out() -> None:
    assert (
        read(write_pdf([[*lines(["seen"]), Run(900, 400, "unseen"), Run(72, -300, "unseen")]])).text
        == "seen\n"
    )


def test_running_heads_do_not_break_sentences() -> None:
    full = "this line is as wide as the column gets on the page, and"
    data = write_pdf(
        [
            [Run(72, 760, "The Title of the Book"), *lines([f"{c} {full}"] * 3), Run(300, 40, str(i + 1))]
            for i, c in enumerate("abcde")
        ]
    )
    text = read(data).text
    assert text.count("The Title of the Book") == 1
    assert f"a {full} b {full}" in text


def test_running_heads_of_turned_pages_go_and_what_stands_in_their_middle_stays() -> None:
    data = write_pdf(
        [
            [
                Run(40, 100, "The Title of the Book", turned=True),
                Run(300, 100, f"Name: {name}", turned=True),
                Run(330, 100, "Grade: A", turned=True),
            ]
            for name in ("Ann", "Bob", "Cy")
        ],
        rotate=90,
    )
    text = read(data).text
    assert (text.count("The Title of the Book"), text.count("Grade: A")) == (1, 3)


def test_two_columns_of_a_real_typesetter() -> None:
    sentence = "Every sentence of number {} runs over several lines of a narrow column and is found whole."
    sentences = [sentence.format(i) for i in range(60)]
    style = ParagraphStyle(
        "b", fontName="Times-Roman", fontSize=10, leading=12, alignment=TA_JUSTIFY, firstLineIndent=9
    )
    out = io.BytesIO()
    template = BaseDocTemplate(out, pagesize=(600, 500))
    columns = [Frame(50, 50, 240, 400), Frame(310, 50, 240, 400)]
    template.addPageTemplates(PageTemplate(frames=columns))
    template.build([Paragraph(" ".join(sentences[i : i + 5]), style) for i in range(0, 60, 5)])
    extract = read(out.getvalue())
    assert len(extract.sections) > 1
    assert [s for s in sentences if s not in extract.text] == []
    assert [extract.text.index(s) for s in sentences] == sorted(extract.text.index(s) for s in sentences)


@pytest.mark.parametrize("side", ["LEFT", "RIGHT"])
def test_rows_of_a_price_list_keep_their_lines(side: str) -> None:
    rows = [("Item", "Qty", "Price"), ("Garden chair, teak", "4", "320.00"), ("Delivery", "1", "49.00")]
    out = io.BytesIO()
    table = Table(rows, style=[("ALIGN", (2, 0), (2, -1), side)], colWidths=[200, 60, 80])
    SimpleDocTemplate(out).build([table, Paragraph("Please pay within thirty days of this date.")])
    assert read(out.getvalue()).text.splitlines() == [
        "Item Qty Price",
        "Garden chair, teak 4 320.00",
        "Delivery 1 49.00",
        "Please pay within thirty days of this date.",
    ]


def test_rows_of_a_price_list_keep_their_lines_over_pages() -> None:
    rows = [(f"Garden chair {n}, in teak", "4", f"{n}20.00") for n in range(1, 99)]
    out = io.BytesIO()
    table = Table(rows, style=[("ALIGN", (2, 0), (2, -1), "RIGHT")], colWidths=[200, 60, 80])
    SimpleDocTemplate(out).build([table])
    assert [line for line in read(out.getvalue()).text.splitlines() if line] == [
        " ".join(row) for row in rows
    ]


def test_sentences_of_a_narrow_column_with_long_words_are_whole() -> None:
    sentence = (
        "Die Hausverwaltungsgesellschaft uebernimmt saemtliche Instandhaltungskosten der Wohnung {} und "
    )
    sentence += "verpflichtet sich gegenueber allen Eigentuemern."
    sentences = [sentence.format(n) for n in ("eins", "zwei", "drei", "vier")]
    style = ParagraphStyle("b", fontName="Times-Roman", fontSize=10, leading=12, alignment=TA_JUSTIFY)
    out = io.BytesIO()
    template = BaseDocTemplate(out, pagesize=(300, 600))
    template.addPageTemplates(PageTemplate(frames=[Frame(50, 50, 200, 500)]))
    template.build([Paragraph(" ".join(sentences), style)])
    assert [s for s in sentences if s not in read(out.getvalue()).text] == []


def test_scanned_pages_are_told() -> None:
    with pytest.raises(EmptyDocument, match=r"^document\.scanned$"):
        read(write_pdf([[], []], image=True))


def test_page_numbers_alone_are_no_text() -> None:
    with pytest.raises(EmptyDocument, match=r"^document\.scanned$"):
        read(write_pdf([[Run(300, 40, str(i + 1))] for i in range(5)]))


def test_a_scanned_book_with_a_printed_cover_is_told() -> None:
    cover = lines(["Digitised by a library", "for everybody"])
    with pytest.raises(EmptyDocument, match=r"^document\.mostly_scanned$") as error:
        read(write_pdf([cover] + [[]] * 19, image=True))
    assert error.value.values == {"pages": 20, "text_pages": 1}
    with pytest.raises(EmptyDocument, match=r"^document\.mostly_scanned$"):
        read(write_pdf([lines(["Scanned with a stamp"])] * 20, image=True))
    assert read(write_pdf([cover] + [[]] * 19)).text.startswith("Digitised")  # blank is not scanned


def test_letters_without_names_are_told() -> None:
    with pytest.raises(EmptyDocument, match=r"^document\.unreadable_letters$"):
        read(write_pdf([lines(["nobody can copy this"])], named=False))


def test_a_password_is_told_and_an_owner_password_is_none() -> None:
    def encrypted(user: str) -> bytes:
        out = io.BytesIO()
        canvas = Canvas(out, encrypt=StandardEncryption(user, "owner", canCopy=1, strength=128))
        canvas.drawString(72, 700, "a secret")
        canvas.save()
        return out.getvalue()

    with pytest.raises(EncryptedDocument, match=r"^document\.encrypted$"):
        read(encrypted("user"))
    assert read(encrypted("")).text == "a secret\n"


@pytest.mark.parametrize("cut", [20, 300, 700])
def test_a_file_cut_off_is_damaged(cut: int) -> None:
    data = write_pdf([lines(["whole"])])
    with pytest.raises(DamagedDocument, match=r"^document\.damaged$"):
        read(data[:cut])


def test_a_file_without_its_table_is_still_read() -> None:
    data = write_pdf([lines(["whole"])])
    assert read(data[: data.index(b"xref\n")] + b"trailer <</Root 1 0 R>>").text == "whole\n"


def test_bounds_are_named() -> None:
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_many_pages$") as error:
        read(write_pdf([[]] * 6), replace(LIMITS, pages=5))
    assert error.value.values == {"limit": 5, "pages": 6}
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_long$"):
        read(write_pdf([lines(["twelve chars"])] * 3), replace(LIMITS, characters=30))


def test_progress_is_told_page_by_page() -> None:
    shares: list[float] = []
    read_pdf(write_pdf([lines(["x"])] * 4), "a.pdf", LIMITS, shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]
