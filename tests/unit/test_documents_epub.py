"""EPUB books to text: chapters, where they are listed, and books that are locked or damaged."""

from __future__ import annotations

import pytest

from bot.errors import DamagedDocument, EncryptedDocument
from tests.support.document_files import LAUGHS, write_epub
from tests.support.extracts import read, sections


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


def test_epub_text_before_a_chapter_is_not_its_own() -> None:
    contents = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>'
        '<nav epub:type="toc"><ol><li><a href="c0.xhtml">One</a></li><li><a href="c0.xhtml#c2">Two</a></li>'
        "</ol></nav></body></html>"
    )
    page = '<div>It is due in May.<h2 id="c2">Second</h2>It is free.</div>'
    data = write_epub([("x", page)], extra={"OEBPS/nav.xhtml": contents})
    assert sections(read(data)) == [("One", "It is due in May.\n\n"), ("Two", "Second\n\nIt is free.")]


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
