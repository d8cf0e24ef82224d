from __future__ import annotations

import random

import pytest

from bot.document_formats.encoding import declared_encoding, decode, looks_binary
from bot.errors import UnsupportedDocument

ENGLISH = "The quick brown fox jumps over the lazy dog.\n"
RUSSIAN = (
    "Съешь же ещё этих мягких французских булок да выпей чаю. "
    "Широкая электрификация южных губерний даст мощный толчок подъёму сельского хозяйства. "
) * 3
GERMAN = (
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. "
    "Die Prüfung der Verträge dauerte länger als üblich, und niemand hörte zu. "
) * 3


@pytest.mark.parametrize("text", [ENGLISH, RUSSIAN, GERMAN, "漢字とかな", "x"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_with_and_without_a_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark(encoding: str) -> None:
    assert decode(ENGLISH.encode(encoding)) == ENGLISH


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866"])
def test_old_russian_encodings(encoding: str) -> None:
    assert decode(RUSSIAN.encode(encoding)) == RUSSIAN


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_old_western_encodings(encoding: str) -> None:
    assert decode(GERMAN.encode(encoding)) == GERMAN


def test_a_long_preamble_in_ascii_hides_nothing() -> None:
    assert decode((ENGLISH * 5000 + RUSSIAN).encode("cp1251")) == ENGLISH * 5000 + RUSSIAN


def test_utf8_with_one_damaged_place_stays_utf8() -> None:
    data = bytearray((RUSSIAN * 20).encode())
    data[1000] = 0xFF
    decoded = decode(bytes(data))
    assert decoded.count("\ufffd") <= 2
    assert "французских булок" in decoded


def test_what_a_page_declares_counts_where_bytes_do_not_tell() -> None:
    data = '<meta charset="koi8-r"><p>Чай'.encode("koi8-r")
    assert declared_encoding(data) == "koi8-r"
    assert decode(data, declared="koi8-r").endswith("Чай")


@pytest.mark.parametrize("declared", ["no-such-encoding", "hex", "base64", "rot13", "idna"])
def test_a_declaration_that_is_no_encoding_of_text_is_ignored(declared: str) -> None:
    assert decode(GERMAN.encode("cp1252"), declared=declared) == GERMAN


@pytest.mark.parametrize(
    "data",
    [random.Random(1).randbytes(4000), bytes(100), b"text and \0 a zero", b"\x7fELF" + bytes(range(32)) * 4],
    ids=["random", "zeros", "one zero", "program"],
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    assert looks_binary(data)
    with pytest.raises(UnsupportedDocument, match=r"^document\.unsupported$"):
        decode(data)


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0"])
def test_a_mark_alone_does_not_make_a_text(mark: bytes) -> None:
    with pytest.raises(UnsupportedDocument, match=r"^document\.unsupported$"):
        decode(mark + random.Random(2).randbytes(4000))
