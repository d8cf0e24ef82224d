"""Zip containers, the outside of .docx and .epub, unpacked within bounds.

What an archive says of its own sizes is not believed: bytes are counted as they come out.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from typing import Literal

from lxml import etree

from bot.document_formats.limits import Limits, megabytes
from bot.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument, UnsupportedDocument

_CHUNK = 1 << 16
#: What ``zipfile`` raises on what it cannot unpack.
_NOT_UNPACKABLE = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, RuntimeError, ValueError)


class Archive:
    """A zip file whose unpacked bytes are counted over all reads.

    Raises:
        DamagedDocument: if it is not a zip file.
        DocumentTooLarge: if it holds more files than the bound.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._limits = limits
        self._n_unpacked = 0
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise DamagedDocument("document.damaged") from error
        self.names = self._zip.namelist()
        if len(self.names) > limits.archive_entries:
            raise DocumentTooLarge("document.too_many_entries", limit=limits.archive_entries)
        self._known = frozenset(self.names)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def read(self, name: str) -> bytes:
        """One file, unpacked.

        Raises:
            DamagedDocument: if it is not there or does not unpack.
            EncryptedDocument: if it opens with a password only.
            DocumentTooLarge: past the bound on unpacked bytes.
        """
        parts = []
        try:
            if self._zip.getinfo(name).flag_bits & 1:
                raise EncryptedDocument("document.encrypted")
            with self._zip.open(name) as file:
                while part := file.read(_CHUNK):
                    self._n_unpacked += len(part)
                    if self._n_unpacked > self._limits.unpacked_bytes:
                        limit = megabytes(self._limits.unpacked_bytes)
                        raise DocumentTooLarge("document.too_large_unpacked", limit=limit)
                    parts.append(part)
        except _NOT_UNPACKABLE as error:
            raise DamagedDocument("document.damaged") from error
        return b"".join(parts)

    def read_xml(self, name: str) -> etree._Element:
        """One small XML file as a tree (lists of parts, styles, contents; never the text itself).

        Raises:
            DamagedDocument: if it is not well-formed, or declares entities: no office program or
                publisher does, and they are how a few bytes become gigabytes.
            as :meth:`read`.
        """
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            root = etree.fromstring(self.read(name), parser)
        except (etree.LxmlError, ValueError) as error:
            raise DamagedDocument("document.damaged") from error
        subset = root.getroottree().docinfo.internalDTD
        if subset is not None and next(iter(subset.iterentities()), None) is not None:
            raise DamagedDocument("document.damaged")
        return root


def container_kind(archive: Archive) -> Literal["docx", "epub"]:
    """What a zip file is, by what is in it.

    Raises:
        UnsupportedDocument: if it is none of the containers that are read.
    """
    if "META-INF/container.xml" in archive:
        return "epub"
    if "[Content_Types].xml" in archive:
        if main_part(archive).startswith("word/"):
            return "docx"
        raise UnsupportedDocument("document.unsupported_office")
    if "mimetype" in archive and b"opendocument" in archive.read("mimetype"):
        raise UnsupportedDocument("document.unsupported_office")
    raise UnsupportedDocument("document.unsupported_archive")


def main_part(archive: Archive) -> str:
    """Name of the part that an Office file's root relations call its document, or ""."""
    if "_rels/.rels" not in archive:
        return "word/document.xml" if "word/document.xml" in archive else ""
    for relation in archive.read_xml("_rels/.rels"):
        if str(relation.get("Type", "")).endswith("/officeDocument"):
            return resolve("", str(relation.get("Target", "")))
    return ""


def resolve(base: str, reference: str) -> str:
    """A reference inside an archive, seen from the file ``base``, as a name in the archive."""
    if reference.startswith("/"):
        return posixpath.normpath(reference).lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), reference))
