"""EPUB books: the pages of the spine in order, a section for each chapter of the contents.

The pages are HTML and read as such; where a book lists its chapters (EPUB 3's navigation page
or EPUB 2's NCX), these are the sections, otherwise the pages' own headings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote, urldefrag

from lxml import etree

from bot.document_formats.archive import Archive, resolve
from bot.document_formats.builder import Extract, TextBuilder
from bot.document_formats.encoding import declared_encoding, decode
from bot.document_formats.html import html_blocks
from bot.document_formats.limits import Limits
from bot.errors import DamagedDocument, DocumentError, DocumentTooLarge, EncryptedDocument

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGE_TYPES = frozenset({"application/xhtml+xml", "text/html"})
_NCX_TYPE = "application/x-dtbncx+xml"
#: Ways of scrambling fonts only, which every book shop uses; the text stays open.
_FONT_SCRAMBLING = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")

#: (page, anchor on it or "") to the title of the chapter that begins there
Contents = dict[tuple[str, str], str]


def read_epub(archive: Archive, name: str, limits: Limits, progress: Callable[[float], None]) -> Extract:
    """A book's text, with a section for each chapter.

    Raises:
        EncryptedDocument: if the text is locked to a shop or device.
        DamagedDocument: if the package does not say what to read, or a page is missing.
        DocumentTooLarge, EmptyDocument: as every reader.
    """
    _refuse_locked(archive)
    package = _package_name(archive)
    root = archive.read_xml(package)
    items = {
        str(item.get("id")): (resolve(package, unquote(str(item.get("href", "")))), item)
        for item in _elements(root, "item")
    }
    spine = [str(reference.get("idref")) for reference in _elements(root, "itemref")]
    pages = [
        items[idref][0]
        for idref in spine
        if idref in items and str(items[idref][1].get("media-type")) in _PAGE_TYPES
    ]
    contents = _contents(archive, root, items)
    builder = TextBuilder(limits)
    n_missing = 0
    for i, page in enumerate(pages):
        progress(i / len(pages))
        if page not in archive:
            n_missing += 1
            continue
        _add_page(builder, archive.read(page), page, contents, limits)
    if not pages or n_missing == len(pages):
        raise DamagedDocument("document.damaged")
    title = next((" ".join("".join(e.itertext()).split()) for e in _elements(root, "title")), "")
    return builder.finish(title=title or name)


def _add_page(builder: TextBuilder, data: bytes, page: str, contents: Contents, limits: Limits) -> None:
    markup = decode(data, declared=declared_encoding(data))
    blocks, _ = html_blocks(markup, limits)
    if not contents:
        builder.add_all(blocks)
        return
    if (page, "") in contents:
        builder.begin_section(contents[page, ""])
    for block in blocks:
        for anchor in block.anchors:
            if (page, anchor) in contents:
                builder.begin_section(contents[page, anchor])
        builder.add(block)


def _package_name(archive: Archive) -> str:
    for rootfile in _elements(archive.read_xml(_CONTAINER), "rootfile"):
        name = resolve("", unquote(str(rootfile.get("full-path", ""))))
        if name in archive:
            return name
    raise DamagedDocument("document.damaged")


def _refuse_locked(archive: Archive) -> None:
    if _ENCRYPTION in archive:
        for method in _elements(archive.read_xml(_ENCRYPTION), "EncryptionMethod"):
            if str(method.get("Algorithm")) not in _FONT_SCRAMBLING:
                raise EncryptedDocument("document.locked_book")


def _contents(
    archive: Archive, root: etree._Element, items: dict[str, tuple[str, etree._Element]]
) -> Contents:
    """Chapters as the book lists them; empty where the list is missing or unreadable."""
    spine = next(_elements(root, "spine"), None)
    ncx = items.get(str(spine.get("toc"))) if spine is not None else None
    navigation = next(
        (page for page, item in items.values() if "nav" in str(item.get("properties", "")).split()), None
    )
    try:
        if navigation is not None and navigation in archive:
            found = dict(_navigation_entries(archive.read_xml(navigation), navigation))
            if found:
                return found
        if ncx is not None and ncx[0] in archive:
            return dict(_ncx_entries(archive.read_xml(ncx[0]), ncx[0]))
    except (DocumentTooLarge, EncryptedDocument):
        raise
    except DocumentError:  # a contents list that cannot be read costs the chapters' names only
        return {}
    return {}


def _navigation_entries(root: etree._Element, page: str) -> Iterator[tuple[tuple[str, str], str]]:
    for nav in _elements(root, "nav"):
        kinds = [str(value) for key, value in nav.attrib.items() if str(key).endswith("}type")]
        if kinds and "toc" not in kinds[0].split():
            continue
        for link in _elements(nav, "a"):
            yield _entry(page, str(link.get("href", "")), "".join(link.itertext()))


def _ncx_entries(root: etree._Element, page: str) -> Iterator[tuple[tuple[str, str], str]]:
    for point in _elements(root, "navPoint"):
        label = next(_elements(point, "text"), None)
        content = next(_elements(point, "content"), None)
        if label is not None and content is not None:
            yield _entry(page, str(content.get("src", "")), "".join(label.itertext()))


def _entry(page: str, reference: str, title: str) -> tuple[tuple[str, str], str]:
    path, anchor = urldefrag(reference)
    return (resolve(page, unquote(path)) if path else page, unquote(anchor)), " ".join(title.split())


def _elements(root: etree._Element, name: str) -> Iterator[etree._Element]:
    """Elements of a local name, in whatever namespace."""
    yield from root.iter(f"{{*}}{name}")
