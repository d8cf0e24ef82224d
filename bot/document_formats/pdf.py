"""PDF through PDFium, the library that Chrome shows PDFs with (pypdfium2).

Gives a section for each page, labelled with the number printed in the file's own page labels
where it has them, and text that reads on: words hyphenated at line ends are whole again, lines
of a paragraph are one, running heads are left out. Letters and their places come from PDFium
(``pdf_page``); what they mean for the text is decided in ``pdf_lines``, ``pdf_words`` and
``pdf_furniture``.
Not read: annotations and what was typed into form fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing

import pypdfium2
import pypdfium2.raw as pdfium

from bot.document_formats.builder import Extract, tile, too_long
from bot.document_formats.cleaning import clean_label
from bot.document_formats.limits import Limits
from bot.document_formats.pdf_furniture import Furniture
from bot.document_formats.pdf_lines import Joint, Line, joints, page_joint, right_edge, side_by_side
from bot.document_formats.pdf_page import PageText, read_page
from bot.document_formats.pdf_words import joined, words
from bot.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument

#: Page errors of PDFium that mean a password (public/fpdfview.h).
_LOCKED = (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
#: Share of letters without a meaning above which a text is not one.
_MOST_UNNAMED = 0.5
#: From so many pages on, a text on fewer of them than this share is the cover of a scanned book.
_SCANNED_PAGES, _LEAST_TEXT_PAGES = 10, 0.1


def read_pdf(data: bytes, name: str, limits: Limits, progress: Callable[[float], None]) -> Extract:
    """Text and pages.

    Raises:
        EncryptedDocument: if it opens with a password only.
        DocumentTooLarge: past the bounds on pages or characters.
        EmptyDocument: if its pages are pictures, or its letters have no meaning.
        DamagedDocument: if PDFium cannot open it.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in _LOCKED:
            raise EncryptedDocument("document.encrypted") from error
        raise DamagedDocument("document.damaged") from error
    with closing(document):
        return _read(document, limits, progress)


def _read(document: pypdfium2.PdfDocument, limits: Limits, progress: Callable[[float], None]) -> Extract:
    n_pages = len(document)
    if n_pages > limits.pages:
        raise DocumentTooLarge("document.too_many_pages", limit=limits.pages, pages=n_pages)
    labels = [clean_label(document.get_page_label(i)) or str(i + 1) for i in range(n_pages)]
    pages = _read_pages(document, limits, progress)
    furniture = Furniture(page.lines for page in pages)
    _refuse_scanned(document, pages, furniture)
    texts = _page_texts([furniture.without(number, page.lines) for number, page in enumerate(pages)])
    starts, length = [], 0
    for label, text in zip(labels, texts, strict=True):
        starts.append((label, length))
        length += len(text)
    if length > limits.characters:
        raise too_long(limits)
    text = "".join(texts)
    if not text.strip():  # nothing but page numbers
        raise EmptyDocument("document.scanned")
    return Extract(text, tile(starts, length))


def _read_pages(
    document: pypdfium2.PdfDocument, limits: Limits, progress: Callable[[float], None]
) -> list[PageText]:
    pages: list[PageText] = []
    n_characters = n_damaged = 0
    for i in range(len(document)):
        try:
            page = document[i]
            pages.append(read_page(page))
            page.close()
        except pypdfium2.PdfiumError:
            pages.append(PageText([]))  # one bad page does not spoil the rest
            n_damaged += 1
        n_characters += sum(len(line.text) for line in pages[-1].lines)
        if n_characters > limits.characters:
            raise too_long(limits)
        progress((i + 1) / len(document))
    if n_damaged == len(pages):
        raise DamagedDocument("document.damaged")
    return pages


def _refuse_scanned(document: pypdfium2.PdfDocument, pages: Sequence[PageText], furniture: Furniture) -> None:
    """Raise where the text is in the pictures, not in the file."""
    n_sampled, n_unnamed = sum(page.n_sampled for page in pages), sum(page.n_unnamed for page in pages)
    if n_unnamed > _MOST_UNNAMED * n_sampled:
        raise EmptyDocument("document.unreadable_letters")
    n_text = sum(1 for page in pages if page.lines)
    if n_text == 0:
        raise EmptyDocument("document.scanned")
    # A stamp on every page is no text.
    n_text = sum(1 for n, page in enumerate(pages) if furniture.without(n, page.lines, keep_first=False))
    if len(pages) >= _SCANNED_PAGES and n_text < _LEAST_TEXT_PAGES * len(pages):
        empty = [i for i, page in enumerate(pages) if not page.lines] or range(len(pages))
        if all(_has_picture(document, i) for i in empty[:_SCANNED_PAGES]):
            raise EmptyDocument("document.mostly_scanned", pages=len(pages), text_pages=n_text)


def _has_picture(document: pypdfium2.PdfDocument, index: int) -> bool:
    try:
        pictures = document[index].get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3)
        return next(iter(pictures), None) is not None
    except pypdfium2.PdfiumError:
        return False


def _page_texts(pages: Sequence[Sequence[Line]]) -> list[str]:
    """Each page's text with what leads over to the next page; never empty."""
    vocabulary = words(line for page in pages for line in page)
    rows = [side_by_side(lines)[0] for lines in pages]
    texts = []
    for number, lines in enumerate(pages):
        if not lines:
            texts.append("\n")
            continue
        parts = [
            _piece(line, below, joint, vocabulary)
            for line, below, joint in zip(lines, lines[1:], joints(lines), strict=False)
        ]
        last = lines[-1]
        first = pages[number + 1][0] if number + 1 < len(pages) and pages[number + 1] else None
        if first is None:
            parts.append(_piece(last, last, Joint.NEW_LINE, vocabulary))
        else:
            joint = page_joint(rows[number][-1], rows[number + 1][0], right_edge(lines))
            parts.append(_piece(last, first, joint, vocabulary))
        texts.append("".join(parts))
    return texts


def _piece(line: Line, below: Line, joint: Joint, vocabulary: Counter[str]) -> str:
    """A line's text and what goes between it and the next."""
    if joint is Joint.SAME_PARAGRAPH:
        return joined(line.text, below.text, line.hyphenated, vocabulary)
    return line.text + ("-" if line.hyphenated else "") + ("\n" if joint is Joint.NEW_LINE else "\n\n")
