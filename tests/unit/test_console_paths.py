"""Paths at the console: in quotes, dragged in, of nobody's home folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.console_paths import given_path
from bot.conversation import Conversation
from bot.messages import text
from tests.support.fake_pipeline import ANN


def say(conversation: Conversation, utterance: str) -> str:
    return conversation.reply(ANN, utterance, allow_read=True).text


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("My Lease.txt", "{folder}/My Lease.txt"),
        ("My Lease.txt", "{folder}/My\\ Lease.txt"),
        ("Ann's.txt", "{folder}/Ann's.txt"),
        ("Ann's.txt", "{folder}/Ann\\'s.txt"),
        ("Ann's.txt", "'{folder}/Ann'\\''s.txt'"),
        ("Ann's.txt", "'{folder}/Ann's.txt'"),
        ("My Lease.txt", "file://{folder}/My%20Lease.txt"),
        ("My Lease.txt", "'file://localhost{folder}/My%20Lease.txt'"),
        ("end'", "{folder}/end'"),
        ("a\\b.txt", "{folder}/a\\b.txt"),
        ("100%20.txt", "{folder}/100%20.txt"),
    ],
)
def test_a_file_as_terminals_write_its_path(
    conversation: Conversation, tmp_path: Path, name: str, argument: str
) -> None:
    (tmp_path / name).write_text("Some words.")
    words = say(conversation, f"/read {argument.format(folder=tmp_path)}")
    assert words == text("document.added", "en", name=name, n_chars=11)


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("~nosuchuser/lease.txt", "~nosuchuser/lease.txt"),
        ("''", "''"),
        ('""', '""'),
        ("'", "'"),
        ("' '", "' '"),
        ("'/no such/lease.txt'", "/no such/lease.txt"),
        ("/no\\ such/lease.txt", "/no\\ such/lease.txt"),
        ("file:///no%20such", "/no such"),
        ("file://localhost", "file:/localhost"),
        ("file://elsewhere/dev", "file:/elsewhere/dev"),
        ("file:///no%00file", "/no\0file"),
        ("file://[", "file:/["),
        ("/dev/null/lease.txt", "/dev/null/lease.txt"),
    ],
)
def test_where_no_file_is_a_sentence_says_so(conversation: Conversation, argument: str, shown: str) -> None:
    assert say(conversation, f"/read {argument}") == text("read.missing", "en", path=shown)


def test_an_export_to_nobody_s_home_folder_gets_a_sentence(conversation: Conversation) -> None:
    words = say(conversation, "/export ~nosuchuser/x.json")
    assert words == text("export.not_written", "en", path="~nosuchuser/x.json")


def test_home_is_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my lease.txt").touch()
    for argument in ("~/my lease.txt", "~/my\\ lease.txt", "'~/my lease.txt'"):
        assert given_path(argument) == tmp_path / "my lease.txt"
