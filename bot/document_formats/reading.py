"""From a format to the module that reads it. Each is imported only when it is needed."""

from __future__ import annotations

from collections.abc import Callable

from bot.document_formats.builder import Extract
from bot.document_formats.limits import Limits
from bot.document_formats.sniffing import Format

Report = Callable[[float], None]
Reader = Callable[[bytes, str, Limits, Report], Extract]


def reader(format: Format) -> Reader:
    """The function that reads a format: bytes, name, limits and progress to text and sections."""
    if format == "pdf":
        from bot.document_formats.pdf import read_pdf

        return read_pdf
    if format == "html":
        from bot.document_formats.html import read_html

        return read_html
    if format == "zip":
        return _container_reader()
    return _text_reader(format)


def _container_reader() -> Reader:
    from bot.document_formats.archive import Archive, container_kind
    from bot.document_formats.docx import read_docx
    from bot.document_formats.epub import read_epub

    def read(data: bytes, name: str, limits: Limits, report: Report) -> Extract:
        archive = Archive(data, limits)
        if container_kind(archive) == "docx":
            return read_docx(archive, name, limits, report)
        return read_epub(archive, name, limits, report)

    return read


def _text_reader(format: Format) -> Reader:
    from bot.document_formats.plain import read_plain
    from bot.document_formats.tables import read_table

    if format == "markdown":
        from bot.document_formats.markdown import read_markdown

        read = read_markdown
    else:
        read = read_table if format == "csv" else read_plain
    return lambda data, name, limits, report: read(data, name, limits)
