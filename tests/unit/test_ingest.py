"""Shared libraries: what a run takes in, under which name, and what the next one leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot import ingest
from bot.settings import Settings
from skills.retrieval.changes import AddDocument
from tests.support.fake_pipeline import FakePipeline, shelf_documents

Run = Callable[..., str]


class ClosedPipeline(FakePipeline):
    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def pipeline() -> ClosedPipeline:
    return ClosedPipeline()


@pytest.fixture
def run(
    settings: Settings,
    pipeline: ClosedPipeline,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Takes paths in; what was printed at the end."""
    monkeypatch.setattr(ingest, "Pipeline", lambda settings: pipeline)

    def take_in(*paths: Path) -> str:
        ingest.main(settings, paths, "main")
        return capsys.readouterr().out.strip()

    return take_in


def library(settings: Settings) -> dict[str, str]:
    """The library's texts by name."""
    kept = shelf_documents(settings.libraries_dir / "main.db").values()
    return {document["name"]: document["text"] for document in kept}


def written(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_a_second_run_takes_in_what_changed(run: Run, settings: Settings, tmp_path: Path) -> None:
    folder = written(tmp_path / "docs", {"a.txt": "One.", "sub/b.txt": "Two."})
    assert run(folder) == "Library main: 2 taken in, 0 unchanged, 0 refused."
    assert library(settings) == {"a.txt": "One.", "sub/b.txt": "Two."}
    written(folder, {"a.txt": "Three."})
    last = "Library main: 1 taken in (1 in place of what had its name), 1 unchanged, 0 refused."
    assert run(folder) == last
    assert library(settings) == {"a.txt": "Three.", "sub/b.txt": "Two."}


def test_files_of_one_name_in_two_folders_are_two_documents(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    years = [written(tmp_path / year, {"lease.txt": f"Rent of {year}."}) for year in ("2023", "2024")]
    written(years[0], {"other.txt": "Other."})
    assert run(*years) == "Library main: 3 taken in, 0 unchanged, 0 refused."
    assert library(settings) == {
        "2023/lease.txt": "Rent of 2023.",
        "2024/lease.txt": "Rent of 2024.",
        "other.txt": "Other.",
    }
    assert run(*years) == "Library main: 0 taken in, 3 unchanged, 0 refused."


@pytest.mark.parametrize("single", [False, True])
def test_folders_of_one_name_are_told_apart_by_what_comes_before(
    run: Run, settings: Settings, tmp_path: Path, single: bool
) -> None:
    paths = [written(tmp_path / who / "docs", {"lease.txt": f"Rent of {who}."}) for who in ("ann", "bob")]
    run(*(path / "lease.txt" if single else path for path in paths))
    assert library(settings) == {
        "ann/docs/lease.txt": "Rent of ann.",
        "bob/docs/lease.txt": "Rent of bob.",
    }


def test_a_longer_name_is_nobody_else_s(run: Run, settings: Settings, tmp_path: Path) -> None:
    texts = {"x/2023/lease.txt": "A.", "x/2024/lease.txt": "B.", "y/2023/lease.txt": "C."}
    written(tmp_path, texts)
    run(tmp_path / "x/2023", tmp_path / "x/2024", tmp_path / "y")
    assert sorted(library(settings).values()) == ["A.", "B.", "C."]


def test_a_file_that_is_named_twice_is_one(run: Run, settings: Settings, tmp_path: Path) -> None:
    folder = written(tmp_path / "docs", {"sub/a.txt": "One."})
    assert run(folder, folder, folder / "sub" / "a.txt").startswith("Library main: 1 taken in, 0 unchanged")
    assert library(settings) == {"sub/a.txt": "One."}


def test_two_files_of_one_content_are_one_document_that_stays(
    run: Run, settings: Settings, pipeline: ClosedPipeline, tmp_path: Path
) -> None:
    folder = written(tmp_path, {"a.txt": "The same.", "b.txt": "The same."})
    for _ in range(3):
        run(folder)
        assert library(settings) == {"a.txt": "The same."}
    assert pipeline.n_changed(AddDocument) == 1


def test_a_file_that_was_renamed_has_its_new_name(run: Run, settings: Settings, tmp_path: Path) -> None:
    folder = written(tmp_path, {"a.txt": "One."})
    run(folder)
    (folder / "a.txt").rename(folder / "b.txt")
    run(folder)
    assert library(settings) == {"b.txt": "One."}


def test_files_that_changed_places_are_both_there(run: Run, settings: Settings, tmp_path: Path) -> None:
    folder = written(tmp_path, {"b.txt": "One."})
    run(folder)
    written(folder, {"a.txt": "One.", "b.txt": "Two."})
    run(folder)
    assert library(settings) == {"a.txt": "One.", "b.txt": "Two."}


def test_a_document_that_is_not_there_cannot_be_dropped(
    run: Run, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(written(tmp_path, {"a.txt": "One.", "b.txt": "Two."}))
    assert ingest.main(settings, [], "main", ["nosuch.txt", "a.txt"]) == 1
    printed = capsys.readouterr()
    assert printed.err == "nosuch.txt is not in the library main, so it was not removed.\n"
    assert printed.out.startswith("a.txt was removed.\n")
    assert library(settings) == {"b.txt": "Two."}
    assert ingest.main(settings, [], "main", ["b.txt"]) == 0
