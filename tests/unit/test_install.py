"""Setting up the virtual environment, also where an earlier attempt was broken off."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

from bot import install


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of every environment that is made; none really is, nor is anything installed."""
    options: list[dict[str, Any]] = []
    monkeypatch.setattr(venv, "create", lambda folder, **given: options.append(given))
    monkeypatch.setattr(install, "show", lambda command, what, total: 0)
    return options


def test_a_half_made_environment_is_made_anew(tmp_path: Path, made: list[dict[str, Any]]) -> None:
    venv.EnvBuilder(symlinks=True).create(tmp_path / "venv")  # as where it stops before pip comes
    assert install.main([str(tmp_path / "venv")]) == 0
    assert made == [{"with_pip": True, "clear": True}]


def test_a_folder_that_is_no_environment_is_not_emptied(tmp_path: Path, made: list[dict[str, Any]]) -> None:
    (tmp_path / "letter.txt").touch()
    install.main([str(tmp_path)])
    install.main([str(tmp_path / "new")])
    assert made == [{"with_pip": True, "clear": False}] * 2


def test_a_whole_environment_is_left_as_it_is(
    tmp_path: Path, made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "has_pip", lambda folder: True)
    assert install.main([str(tmp_path)]) == 0
    assert made == []


def test_a_python_without_pip_is_told_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(folder: Path, **options: object) -> None:
        raise subprocess.CalledProcessError(1, "ensurepip", output=b"No module named ensurepip")

    monkeypatch.setattr(venv, "create", refuse)
    assert install.main([str(tmp_path / "venv")]) == 1
    said = capsys.readouterr().out
    assert "No module named ensurepip" in said
    assert "install python3.11-venv" in said
