"""Markdown to blocks: what a reader of the rendered page sees, without its marks.

Emphasis marks and link targets are noise in a quote and in a search; list markers, numbers and
code stay. Lines of a paragraph become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.document_formats.builder import Block, Extract, TextBuilder
from bot.document_formats.encoding import decode
from bot.document_formats.html import html_blocks
from bot.document_formats.limits import Limits
from bot.document_formats.rows import TableRows

#: A block of settings that many generators expect before the text.
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<settings>(?:.*\n){0,200}?)(?:---|\.\.\.)[ \t]*\n")

_LINE_BREAK = re.compile(r"<br\b[^>]*>", re.IGNORECASE)
#: Levels that are told apart: two for each list, one for each quote. More cost time where brackets
#: stand inside brackets.
_NESTING = 40


def read_markdown(data: bytes, name: str, limits: Limits) -> Extract:
    """A page's text, with a section for each heading.

    Raises:
        DocumentTooLarge, EmptyDocument, UnsupportedDocument: as every reader.
    """
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
    builder = TextBuilder(limits)
    settings = _FRONT_MATTER.match(text)
    if settings:
        builder.add(Block(settings["settings"], "verbatim"))
        text = text[settings.end() :]
    tokens = MarkdownIt("commonmark", {"maxNesting": _NESTING}).enable("table").parse(text)
    builder.add_all(_blocks(tokens, text.split("\n"), limits))
    return builder.finish(title=name)


def _blocks(tokens: list[Token], lines: list[str], limits: Limits) -> Iterator[Block]:
    """Blocks of a token stream; what is nested is told by opening and closing tokens.

    Args:
        tokens: of the page.
        lines: of the page, which the tokens were made of.
        limits: for the HTML in it.
    """
    numbers: list[int] = []  # for each open list the next number, 0 for bullets
    marker = ""
    in_heading = False
    rows = TableRows()
    row: list[list[Block]] | None = None
    in_head = False
    for token in tokens:
        if token.type in ("list_item_open", "blockquote_open") and token.level + 1 >= _NESTING and token.map:
            # the parser gives no tokens for what is deeper
            yield Block("\n".join(line.strip(" \t>") for line in lines[slice(*token.map)]))
        if token.type == "bullet_list_open":
            numbers.append(0)
        elif token.type == "ordered_list_open":
            numbers.append(int(token.attrs.get("start", 1)))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            numbers.pop()
            marker = ""
        elif token.type == "list_item_open":
            marker = "- "
            if token.info:  # the number as written
                marker = f"{token.info}{token.markup} "
        elif token.type == "heading_open":
            in_heading = True
        elif token.type == "heading_close":
            in_heading = False
        elif token.type == "table_open":
            rows = TableRows()
        elif token.type in ("thead_open", "thead_close"):
            in_head = token.type == "thead_open"
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            yield from rows.blocks(row, header=in_head)
            row = None
        elif token.type in ("fence", "code_block"):
            yield Block(token.content, "verbatim")
        elif token.type == "html_block":
            yield from html_blocks(token.content, limits)[0]
        elif token.type == "inline":
            text = _inline(token.children or [])
            if row is not None:
                row.append([Block(text)])
            elif in_heading:
                yield Block(text, "heading")
            else:
                yield Block(marker + text, "item" if numbers else "paragraph")
                marker = ""


def _inline(tokens: list[Token]) -> str:
    """What a run of inline tokens reads as."""
    parts = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type == "softbreak":
            parts.append(" ")
        elif token.type == "hardbreak" or (
            token.type == "html_inline" and _LINE_BREAK.fullmatch(token.content)
        ):
            parts.append("\n")
        elif token.type == "image":
            parts.append(_inline(token.children or []) or token.content)
    return "".join(parts)
