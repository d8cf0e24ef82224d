from __future__ import annotations

import pytest

from bot.document_formats.sniffing import keeps_lines, sniff, suffix
from bot.errors import EncryptedDocument, UnsupportedDocument
from tests.support.document_files import write_docx
from tests.support.tiny_pdf import lines, write_pdf

HTML = b"<!DOCTYPE html><html><body>x</body></html>"


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a", "a.docx", "a.html"])
def test_content_counts_more_than_the_name(name: str) -> None:
    assert sniff(name, write_pdf([lines(["x"])])) == "pdf"
    assert sniff(name, b"junk before\n" + write_pdf([lines(["x"])])) == "pdf"
    assert sniff(name, write_docx([("Normal", "x")])) == "zip"
    assert sniff(name, HTML) == "html"


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("notes.txt", "text"),
        ("README", "text"),
        ("archive.tar/readme.MD", "markdown"),
        ("a.markdown", "markdown"),
        ("table.csv", "csv"),
        ("table.TSV", "csv"),
        ("page.htm", "html"),
        ("main.py", "text"),
        ("query.sql", "text"),
        ("thesis.tex", "text"),
        ("settings.yaml", "text"),
        ("strange.xyz", "text"),
    ],
)
def test_the_name_decides_between_kinds_of_text(name: str, format: str) -> None:
    assert sniff(name, b"Some plain words.\n") == format


@pytest.mark.parametrize(
    "start",
    [
        b"<html>",
        b"\n  <!doctype HTML>",
        b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC 'x'>",
        b"<!-- saved from url --><!-- and more -->\n<html lang=en>",
        b"\xef\xbb\xbf<html>",
        "<html>".encode("utf-16"),
    ],
)
def test_html_is_known_by_its_beginning(start: bytes) -> None:
    assert sniff("saved", start + b" " * (len(start) % 2)) == "html"


@pytest.mark.parametrize(
    "data",
    [
        b"#!/bin/sh\necho '<html>'\n",
        b"<!-- never closed <html>",
        b"<!---->" * 2000 + b"x",  # a pattern that backtracks would never come back
        b"<htmlish>",
        b"BM is how some texts begin",
        b"GIF8 too",
    ],
)
def test_text_that_only_resembles_something_stays_text(data: bytes) -> None:
    assert sniff("x", data) == "text"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "document.unsupported_image"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "document.unsupported_image"),
        (b"BM\x9a\x00\x00\x00" + bytes(50), "document.unsupported_image"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(50), "document.unsupported_image"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(50), "document.unsupported_media"),
        (b"\x00\x00\x00\x20ftypisom" + bytes(50), "document.unsupported_media"),
        (b"ID3\x03\x00" + bytes(50), "document.unsupported_media"),
        (b"\x1f\x8b\x08\x00" + bytes(50), "document.unsupported_archive"),
        (b"Rar!\x1a\x07\x00" + bytes(50), "document.unsupported_archive"),
        (rb"{\rtf1\ansi Hello}", "document.unsupported_office"),
        (b"%!PS-Adobe-3.0\n", "document.unsupported_office"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "document.unsupported_office"),
        (b"\x7fELF\x02\x01\x01" + bytes(50), "document.unsupported"),
        (b"SQLite format 3\x00" + bytes(50), "document.unsupported"),
    ],
)
def test_what_is_not_read_is_named(data: bytes, code: str) -> None:
    with pytest.raises(UnsupportedDocument, match=rf"^{code}$"):
        sniff("document.txt", data)


def test_office_files_behind_a_password_are_told_from_old_ones() -> None:
    data = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(99)
    )
    with pytest.raises(EncryptedDocument, match=r"^document\.encrypted$"):
        sniff("report.docx", data)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.TXT", ".txt"),
        ("a", ""),
        (".bashrc", ""),
        ("a.b/c", ""),
        ("c:\\x.y\\a.Md", ".md"),
        ("a.tar.gz", ".gz"),
        ("", ""),
    ],
)
def test_suffix(name: str, ending: str) -> None:
    assert suffix(name) == ending


def test_lines_are_claimed_of_what_keeps_them() -> None:
    names = ("a.txt", "a.py", "a", "a.csv", "a.TSV", "a.md", "a.pdf")
    assert [name for name in names if keeps_lines(name)] == ["a.txt", "a.py", "a"]
