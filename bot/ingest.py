"""``python -m bot ingest``: documents into a shared library, only what changed.

A library is a shelf that every session which may can search. What was taken in is noted in the
shelf itself, by an id that is a hash of the file: a run that was interrupted goes on where it
stopped, and a second run reads only what changed. A file that is gone stays in the library until
it is removed by its name with ``--drop``. Files of one name get their folders' names before it, and
files of one content are one document.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from bot.documents import FolderEntry, document_id, read_path, walk
from bot.errors import BotError, DocumentError
from bot.messages import explain, text
from bot.pipeline import Pipeline
from bot.reading import document_limits, part
from bot.settings import Settings
from skills.retrieval.changes import AddDocument, DropDocument, ListDocuments, ShelfEntry

LIBRARY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
#: Share of a file's work that is getting its text; the rest is indexing.
READING_SHARE = 0.3


def main(settings: Settings, paths: Sequence[Path], library: str, drop: Sequence[str] = ()) -> int:
    """Take in files and folders; the exit status is 1 where one could not be taken or dropped."""
    if not LIBRARY_NAME.fullmatch(library):
        print(f"a library's name is 1 to 64 letters, digits, _ and -, not {library!r}", file=sys.stderr)
        return 2
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        print(f"not there: {', '.join(missing)}", file=sys.stderr)
        return 2
    pipeline = Pipeline(settings)
    shelf = settings.libraries_dir / f"{library}.db"
    try:
        shelf.parent.mkdir(parents=True, exist_ok=True)
        there = {entry.name: entry for entry in pipeline.change_shelf(shelf, ListDocuments())}
        dropped = [_drop(pipeline, shelf, there, name) for name in drop]
        status = _ingest(Ingest(settings, pipeline, shelf, there), paths, library)
        return status if all(dropped) else 1
    except BotError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was taken in stays; the same command goes on from here.", file=sys.stderr)
        return 130
    finally:
        pipeline.close()


@dataclasses.dataclass
class Ingest:
    """One run: where to, what stands there by name, and the files to take in by name."""

    settings: Settings
    pipeline: Pipeline
    shelf: Path
    there: dict[str, ShelfEntry]
    files: Mapping[str, Path] = dataclasses.field(default_factory=dict)

    def take(self, name: str, file: Path, bar: tqdm[None]) -> bool:
        """Take in one file; whether anything changed.

        Raises:
            DocumentError: if it cannot be read.
            OSError: if it cannot be opened.
        """
        limits = document_limits(self.settings)
        size = file.stat().st_size
        if size <= limits.file_bytes and self._stands(document_id(name, file.read_bytes()), name):
            return False
        begun = bar.n

        def progress(share: float) -> None:
            bar.update(max(0, begun + int(share * size) - bar.n))

        document = read_path(file, limits, part(progress, 0.0, READING_SHARE))
        document = dataclasses.replace(document, name=name)
        change = AddDocument(document)
        entries = self.pipeline.change_shelf(self.shelf, change, part(progress, READING_SHARE, 1.0))
        self.there = {entry.name: entry for entry in entries}
        return True

    def _stands(self, id: str, name: str) -> bool:
        """Whether a document is there, under its name or that of another file of this run."""
        known = self.there.get(name)
        if known is not None and known.id == id:
            return True
        return any(entry.id == id and self._is_of(entry) for entry in self.there.values())

    def _is_of(self, entry: ShelfEntry) -> bool:
        """Whether a file of this run still has what stands under its name."""
        file = self.files.get(entry.name)
        try:
            return file is not None and document_id(entry.name, file.read_bytes()) == entry.id
        except (DocumentError, OSError):
            return False


def _ingest(run: Ingest, paths: Sequence[Path], library: str) -> int:
    language = run.settings.language
    limits = document_limits(run.settings)
    found = _named([(entry, path) for path in paths for entry in walk(path, limits)])
    run.files = {name: entry.path for name, entry in found if entry.skipped is None}
    refused = [
        f"{name}: {text(entry.skipped, language, **entry.values)}"
        for name, entry in found
        if entry.skipped is not None and entry.skipped != "folder.hidden"
    ]
    taken = replaced = unchanged = done = 0
    total = sum(file.stat().st_size for file in run.files.values())
    with tqdm(total=total, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        for name, file in run.files.items():
            bar.set_description(name[-40:])
            try:
                done += file.stat().st_size
                older = name in run.there
                if run.take(name, file, bar):
                    taken += 1
                    replaced += older
                else:
                    unchanged += 1
            except DocumentError as error:
                refused.append(f"{name}: {explain(error, language)}")
            except OSError as error:
                refused.append(f"{name}: {error.strerror}")
            bar.update(max(0, done - bar.n))
    for line in refused:
        print(line, file=sys.stderr)
    instead = f" ({replaced} in place of what had its name)" if replaced else ""
    print(f"Library {library}: {taken} taken in{instead}, {unchanged} unchanged, {len(refused)} refused.")
    return 1 if refused else 0


def _drop(pipeline: Pipeline, shelf: Path, there: dict[str, ShelfEntry], name: str) -> bool:
    """Remove a document; whether it was there."""
    entry = there.pop(name, None)
    if entry is None:
        print(f"{name} is not in the library {shelf.stem}, so it was not removed.", file=sys.stderr)
        return False
    pipeline.change_shelf(shelf, DropDocument(entry.id))
    print(f"{name} was removed.")
    return True


def _named(found: Sequence[tuple[FolderEntry, Path]]) -> list[tuple[str, FolderEntry]]:
    """Each file once, by a name of its own.

    In a folder that is the path below it, so that files of one name in two folders are two
    documents. Where that is another file's name as well, as much of its path comes before both as
    tells them apart.
    """
    once = {os.path.abspath(entry.path): (entry, root) for entry, root in reversed(found)}
    parts = {path: Path(path).parts[1:] for path in once}
    n_parts = {path: _n_below(entry.path, root) for path, (entry, root) in once.items()}
    while True:
        names = {path: "/".join(parts[path][-n:]) for path, n in n_parts.items()}
        n_named = Counter(names.values())
        longer = [path for path, n in n_parts.items() if n_named[names[path]] > 1 and n < len(parts[path])]
        if not longer:
            return [(names[path], once[path][0]) for path in reversed(once)]
        for path in longer:
            n_parts[path] += 1


def _n_below(file: Path, root: Path) -> int:
    """How many parts of a file's path are its name."""
    return 1 if file == root else len(file.relative_to(root).parts)
