"""``python -m bot ingest``: documents into a shared library, only what changed.

A library is a shelf that every session which may can search. What was taken in is noted in the
shelf itself, by an id that is a hash of the file: a run that was interrupted goes on where it
stopped, and a second run reads only what changed. A file that is gone stays in the library until
it is removed by its name with ``--drop``.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from bot.documents import document_id, read_path, walk
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
    """Take in files and folders; the exit status is 1 where a file could not be taken."""
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
        for name in drop:
            _drop(pipeline, shelf, there, name)
        return _ingest(Ingest(settings, pipeline, shelf, there), paths, library)
    except BotError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was taken in stays; the same command goes on from here.", file=sys.stderr)
        return 130
    finally:
        pipeline.close()


@dataclasses.dataclass(frozen=True)
class Ingest:
    """One run: where to, and what stands there already, by name."""

    settings: Settings
    pipeline: Pipeline
    shelf: Path
    there: dict[str, ShelfEntry]

    def take(self, name: str, file: Path, bar: tqdm[None]) -> bool:
        """Take in one file; whether anything changed.

        Raises:
            DocumentError: if it cannot be read.
            OSError: if it cannot be opened.
        """
        limits = document_limits(self.settings)
        known = self.there.get(name)
        size = file.stat().st_size
        if (
            known is not None
            and size <= limits.file_bytes
            and known.id == document_id(name, file.read_bytes())
        ):
            return False
        begun = bar.n

        def progress(share: float) -> None:
            bar.update(max(0, begun + int(share * size) - bar.n))

        document = read_path(file, limits, part(progress, 0.0, READING_SHARE))
        document = dataclasses.replace(document, name=name)
        self.pipeline.change_shelf(self.shelf, AddDocument(document), part(progress, READING_SHARE, 1.0))
        return True


def _ingest(run: Ingest, paths: Sequence[Path], library: str) -> int:
    language = run.settings.language
    limits = document_limits(run.settings)
    found = [(_name(entry.path, path), entry) for path in paths for entry in walk(path, limits)]
    files = [(name, entry.path) for name, entry in found if entry.skipped is None]
    refused = [
        f"{name}: {text(entry.skipped, language, **entry.values)}"
        for name, entry in found
        if entry.skipped is not None and entry.skipped != "folder.hidden"
    ]
    taken = unchanged = done = 0
    total = sum(file.stat().st_size for _, file in files)
    with tqdm(total=total, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        for name, file in files:
            bar.set_description(name[-40:])
            done += file.stat().st_size
            try:
                if run.take(name, file, bar):
                    taken += 1
                else:
                    unchanged += 1
            except DocumentError as error:
                refused.append(f"{name}: {explain(error, language)}")
            except OSError as error:
                refused.append(f"{name}: {error.strerror}")
            bar.update(max(0, done - bar.n))
    for line in refused:
        print(line, file=sys.stderr)
    print(f"Library {library}: {taken} taken in, {unchanged} unchanged, {len(refused)} refused.")
    return 1 if refused else 0


def _drop(pipeline: Pipeline, shelf: Path, there: dict[str, ShelfEntry], name: str) -> None:
    entry = there.pop(name, None)
    if entry is None:
        print(f"{name} is not in the library", file=sys.stderr)
        return
    pipeline.change_shelf(shelf, DropDocument(entry.id))
    print(f"{name} was removed.")


def _name(file: Path, root: Path) -> str:
    """In a folder the path below it, so that files of one name in two folders are two documents."""
    return file.name if file == root else file.relative_to(root).as_posix()
