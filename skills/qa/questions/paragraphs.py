"""Paragraphs of free text that questions are written about.

Taken are plain text files, an article each, and what gensim's ``segment_wiki`` makes of a dump of
Wikipedia (a JSON object a line, with ``title`` and ``section_texts``).
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skills.errors import InputError

#: Characters of a paragraph: what is shorter says little, what is longer no longer fits beside its questions.
MIN_CHARS, MAX_CHARS = 250, 1100
#: Bytes of a file, unpacked.
MAX_BYTES = 500_000_000

# lists, headings, tables and what is left of templates are no prose
_NO_PROSE = re.compile(r"^[=*#:;|{!]|\{\{|\}\}|\[\[|\]\]|\|.*\|")
_QUOTES = re.compile(r"'{2,}")
_EMPTY_BRACKETS = re.compile(r"\s?\(\s*[;,]?\s*\)")
_BEFORE_SIGN = re.compile(r"\s+([,.;:)])")


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of an article."""

    title: str
    text: str


def paragraphs_of(path: Path, without: str = "") -> list[Paragraph]:
    """Paragraphs of every article, in its order.

    Args:
        path: a folder with ``*.txt``, such a file, or ``*.jsonl`` or ``*.jsonl.gz`` of ``segment_wiki``.
        without: a regular expression; articles whose title has a match are left out, such as those that
            resemble what a reader is measured on.

    Raises:
        InputError: if there is nothing of the kind, a file is not what its name says, or ``without`` is no
            regular expression.
    """
    try:
        left_out = re.compile(without) if without else None
    except re.error as error:
        raise InputError(f"without: expected a regular expression; got {without!r} ({error})") from error
    files = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
    found = [
        Paragraph(title, text)
        for file in files
        for title, body in _articles(file)
        if not (left_out and left_out.search(title))
        for text in _paragraphs(body)
    ]
    if not found:
        raise InputError(
            f"{path}: expected a folder with *.txt, a .txt file or a .jsonl(.gz) of segment_wiki, with "
            f"paragraphs of {MIN_CHARS} to {MAX_CHARS} characters; found none"
        )
    return found


def _articles(file: Path) -> Iterator[tuple[str, str]]:
    """Title and text of a file's articles."""
    try:
        if file.name.endswith(".txt"):
            yield file.stem.replace("_", " "), _unwrapped(_read(file).decode("utf-8-sig"))
            return
        for line in _read(file).decode("utf-8").splitlines():
            article = json.loads(line)
            yield str(article["title"]), "\n".join(map(str, article["section_texts"]))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file}: expected plain text (*.txt), or lines of JSON with title and section_texts as "
            f"segment_wiki writes them ({type(error).__name__})"
        ) from error


def _unwrapped(text: str) -> str:
    """A text file's paragraphs as a line each: lines between two empty ones are one where all are short."""
    blocks = [block.splitlines() for block in re.split(r"\n[^\S\n]*\n", text.replace("\r\n", "\n"))]
    return "\n".join(
        " ".join(lines) if max(map(len, lines), default=0) < MIN_CHARS else "\n".join(lines)
        for lines in blocks
    )


def _read(file: Path) -> bytes:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        content: bytes = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError(f"{file} is larger than {MAX_BYTES} bytes")
    return content


def _paragraphs(body: str) -> Iterator[str]:
    """What reads as a paragraph of prose, tidied: a line in Wikipedia, in a text file too."""
    for line in body.splitlines():
        text = " ".join(_EMPTY_BRACKETS.sub("", _QUOTES.sub("", line)).split())
        text = _BEFORE_SIGN.sub(r"\1", text)
        if MIN_CHARS <= len(text) <= MAX_CHARS and text[-1] in '.!?"”)' and not _NO_PROSE.search(text):
            yield text
