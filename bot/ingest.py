"""``python -m bot ingest``: documents into a shared library, only what changed.

A library is a shelf that every session which may can search. What was taken in is noted in the
shelf itself (a document's id is a hash of its content), so a run that was interrupted goes on
where it stopped, and a second run does only what changed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from bot.documents import read_document, walk
from bot.errors import BotError, DocumentError
from bot.messages import explain
from bot.pipeline import Pipeline
from bot.settings import Settings
from skills.retrieval.changes import AddDocument, ListDocuments, ShelfEntry

LIBRARY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def main(settings: Settings, paths: list[Path], library: str) -> int:
    """Take in files and folders; the exit status is 1 where a file could not be taken."""
    if not LIBRARY_NAME.fullmatch(library):
        print(f"a library's name is 1 to 64 letters, digits, _ and -, not {library!r}", file=sys.stderr)
        return 2
    missing = [str(p) for p in paths if not p.exists()]
    if missing:
        print(f"not there: {', '.join(missing)}", file=sys.stderr)
        return 2
    pipeline = Pipeline(settings)
    try:
        pipeline.load()
        return _ingest(settings, pipeline, paths, settings.libraries_dir / f"{library}.db", library)
    except BotError as error:
        print(f"{explain(error, settings.language)} ({error})", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was taken in stays; the same command goes on from here.", file=sys.stderr)
        return 130
    finally:
        pipeline.close()


def _ingest(settings: Settings, pipeline: Pipeline, paths: list[Path], shelf: Path, library: str) -> int:
    shelf.parent.mkdir(parents=True, exist_ok=True)
    there = {entry.name: entry for entry in pipeline.change_shelf(shelf, ListDocuments())}
    files = [(name, file) for path in paths for name, file in _named(path)]
    taken = unchanged = 0
    refused: list[str] = []
    with tqdm(total=len(files), unit="file", disable=not sys.stderr.isatty()) as bar:
        for name, file in files:
            bar.set_description(name[-40:])
            try:
                outcome = _take(settings, pipeline, shelf, there, name, file, _within(bar))
                taken += outcome
                unchanged += not outcome
            except DocumentError as error:
                refused.append(f"{name}: {explain(error, settings.language)}")
            bar.n = round(bar.n)
            bar.update(0)
            bar.n += 0
    for line in refused:
        print(line, file=sys.stderr)
    print(f"Library {library}: {taken} taken in, {unchanged} unchanged, {len(refused)} refused.")
    return 1 if refused else 0
