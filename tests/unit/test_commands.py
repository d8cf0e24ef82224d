"""The commands, as a user types them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from bot.commands import COMMANDS, command_list, parse_command
from bot.conversation import Conversation
from bot.messages import LANGUAGES, text
from bot.settings import Settings
from skills.dialog import Considered, Reply
from tests.support.fake_pipeline import ANN, CLAUSE, FakePipeline, quote_from
from tests.support.memory_store import MemorySessionStore


def say(conversation: Conversation, utterance: str, **options: bool) -> str:
    answer = conversation.reply(ANN, utterance, allow_read=options.get("allow_read", False))
    assert answer.skill == "command"
    return answer.text


@pytest.mark.parametrize(
    ("utterance", "parsed"),
    [
        ("/help", ("help", "")),
        ("  /HELP  ", ("help", "")),
        ("/help@quoth_bot", ("help", "")),
        ("/start", ("help", "")),
        ("/read  ~/my file.txt ", ("read", "~/my file.txt")),
        ("/persona a pirate\nwith a parrot", ("persona", "a pirate\nwith a parrot")),
        ("/нет", ("нет", "")),
        ("/home/ann/a.txt is empty", None),
        ("/", None),
        ("/ help", None),
        ("/1", None),
        ("see /help", None),
        ("//", None),
    ],
)
def test_what_is_a_command(utterance: str, parsed: tuple[str, str] | None) -> None:
    assert parse_command(utterance) == parsed


def test_commands_are_no_turns(
    conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
) -> None:
    for name in COMMANDS:
        say(conversation, f"/{name}")
    assert pipeline.asked == []
    assert store.states == {}  # /forget came last
    assert list(COMMANDS)[-1] == "forget"


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_tells_every_command(conversation: Conversation, language: str) -> None:
    words = conversation.reply(ANN, "/help", language=language).text
    for name in COMMANDS:
        assert (f"/{name} " in words) == (name != "read")
    assert "/read " in conversation.reply(ANN, "/help", language=language, allow_read=True).text


def test_a_menu_has_a_short_line_for_each_command() -> None:
    for language in LANGUAGES:
        for name, meaning in command_list(language):
            assert name.isascii()
            assert 3 <= len(meaning) <= 256  # what Telegram takes


def test_an_unknown_command_says_what_there_is_and_what_comes_near(conversation: Conversation) -> None:
    words = say(conversation, "/hlep")
    assert "/hlep" in words
    assert "Did you mean /help?" in words
    assert "/forget" in words
    assert "/read" not in words
    assert "Did you mean" not in say(conversation, "/xyzzy")


class TestDocs:
    def test_documents_are_listed_with_size_pages_and_date(self, conversation: Conversation) -> None:
        assert say(conversation, "/docs") == text("docs.none", "en")
        conversation.add_document(ANN, "a.txt", b"x" * 1234)
        conversation.add_document(ANN, "b.md", b"# One\n\nwords\n\n# Two\n\nwords\n")
        lines = say(conversation, "/docs").splitlines()
        assert lines[0] == "2 documents in this conversation:"
        assert lines[1].startswith("1. a.txt (1,234 characters, added 20")
        assert lines[2].startswith("2. b.md (2 pages, ")

    def test_libraries_are_listed(self, conversation: Conversation, settings: Settings) -> None:
        settings.libraries_dir.mkdir(parents=True)
        (settings.libraries_dir / "laws.db").write_text("{}")
        assert say(conversation, "/docs").endswith("Shared libraries: laws")

    def test_dropping(self, conversation: Conversation) -> None:
        conversation.add_document(ANN, "my file.txt", b"words")
        assert say(conversation, "/drop") == text("drop.usage", "en")
        assert say(conversation, "/drop other.txt") == text("document.unknown", "en", name="other.txt")
        assert say(conversation, "/drop my file.txt") == text("drop.done", "en", name="my file.txt")
        assert conversation.documents(ANN) == ()


class TestRead:
    def test_only_where_the_adapter_allows_it(self, conversation: Conversation, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("words")
        assert say(conversation, f"/read {tmp_path / 'a.txt'}") == text("read.not_here", "en")
        assert conversation.documents(ANN) == ()

    @pytest.mark.parametrize("quotes", ["", "'", '"'])
    def test_a_file(self, conversation: Conversation, tmp_path: Path, quotes: str) -> None:
        file = tmp_path / "my notes.txt"
        file.write_text("Some words.")
        words = say(conversation, f"/read {quotes}{file}{quotes}", allow_read=True)
        assert words == text("document.added", "en", name="my notes.txt", n_chars=11)
        assert say(conversation, f"/read {file}", allow_read=True) == text(
            "document.unchanged", "en", name="my notes.txt"
        )

    def test_a_folder_with_all_that_can_be_read(self, conversation: Conversation, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / ".hidden.txt").write_text("hidden")
        for name in ("a.txt", "b.md", "sub/a.txt"):
            (tmp_path / name).write_text(f"words of {name}")
        (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
        lines = say(conversation, f"/read {tmp_path}", allow_read=True).splitlines()
        assert lines[0] == "3 documents read."
        assert len(lines) == 2
        assert lines[1].startswith("picture.png: ")
        assert [info.name for info in conversation.documents(ANN)] == ["a.txt", "b.md", "sub/a.txt"]

    def test_progress_covers_all_files(self, conversation: Conversation, tmp_path: Path) -> None:
        for name in ("a.txt", "b.txt"):
            (tmp_path / name).write_text(name)
        shares: list[float] = []
        conversation.reply(ANN, f"/read {tmp_path}", allow_read=True, progress=shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert any(0.4 < share <= 0.5 for share in shares)

    def test_what_cannot_be_read_gets_a_sentence(self, conversation: Conversation, tmp_path: Path) -> None:
        assert say(conversation, "/read", allow_read=True) == text("read.usage", "en")
        missing = tmp_path / "none.txt"
        assert say(conversation, f"/read {missing}", allow_read=True) == text(
            "read.missing", "en", path=missing
        )
        (tmp_path / "empty").mkdir()
        assert say(conversation, f"/read {tmp_path / 'empty'}", allow_read=True) == text(
            "read.nothing", "en", path=tmp_path / "empty"
        )
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        assert "pipe: " in say(conversation, f"/read {pipe}", allow_read=True)

    def test_many_failures_are_counted_and_not_all_told(
        self, conversation: Conversation, tmp_path: Path
    ) -> None:
        for i in range(30):
            (tmp_path / f"{i:02}.txt").write_text("   ")
        lines = say(conversation, f"/read {tmp_path}", allow_read=True).splitlines()
        assert len(lines) == 11
        assert "20 files" in lines[-1]


class TestWhy:
    def test_before_the_first_answer(self, conversation: Conversation) -> None:
        assert say(conversation, "/why") == text("why.nothing", "en")

    def test_a_quote_with_its_place_and_all_that_was_considered(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        considered = (
            Considered("contract.pdf", "7", 0, CLAUSE, 0.91, 5.25, "30 days"),
            Considered("b.txt", None, 9, "Other words. " * 50, 0.3, None, ""),
        )
        reply = Reply(
            "30 days", "qa", 0.93, quote_from(CLAUSE, "30 days"), considered=considered,
            question="How long is the notice?", n_dropped_turns=2,
        )  # fmt: skip
        pipeline.answer = lambda asked, listener: reply
        conversation.reply(ANN, "And how long?")
        conversation.reply(ANN, "/docs")
        lines = say(conversation, "/why").splitlines()
        assert lines[0] == text("why.qa", "en", percent=93)
        assert lines[1] == "What I searched for: How long is the notice?"
        assert lines[2] == f"  “{CLAUSE}”"
        assert lines[3] == "  — contract.pdf, page 7 · 93% sure"
        assert lines[4] == text("why.dropped", "en", n=2)
        assert lines[6] == "1. contract.pdf, page 7 · search 0.91 · reader +5.2"
        assert lines[8] == "2. b.txt · search 0.30 · reader not read"
        assert len(lines[9]) < 200

    @pytest.mark.parametrize("skill", ["chat", "none"])
    def test_an_answer_without_a_quote(
        self, conversation: Conversation, pipeline: FakePipeline, skill: str
    ) -> None:
        pipeline.answer = lambda asked, listener: Reply("x", skill, 0.5)  # type: ignore[arg-type]
        conversation.reply(ANN, "Hi")
        assert say(conversation, "/why") == text(f"why.{skill}", "en")


class TestSettings:
    def test_style(self, conversation: Conversation) -> None:
        assert "balanced" in say(conversation, "/style")
        assert "wild" in say(conversation, "/style wild")
        assert say(conversation, "/style Creative") == text("style.set", "en", style="creative")
        assert conversation.preferences(ANN).style == "creative"

    def test_persona(self, conversation: Conversation) -> None:
        assert say(conversation, "/persona") == text("persona.default", "en")
        say(conversation, "/persona a pirate {0}")
        assert "a pirate {0}" in say(conversation, "/persona")
        assert "500 characters" in say(conversation, "/persona " + "x" * 501)
        assert conversation.preferences(ANN).persona == "a pirate {0}"
        assert say(conversation, "/persona off") == text("persona.cleared", "en")
        assert conversation.preferences(ANN).persona == ""

    def test_only(self, conversation: Conversation) -> None:
        assert say(conversation, "/only") == text("only.off", "en")
        assert say(conversation, "/only on") == text("only.on", "en")
        assert conversation.preferences(ANN).only_documents
        assert say(conversation, "/only maybe") == text("only.usage", "en")
        assert say(conversation, "/only off") == text("only.off", "en")

    def test_language(self, conversation: Conversation) -> None:
        assert say(conversation, "/language") == text("language.shown", "en", languages="en|ru")
        assert "“de”" in say(conversation, "/language de")
        assert say(conversation, "/language ru") == text("language.set", "ru")
        assert say(conversation, "/only on") == text("only.on", "ru")

    def test_nothing_to_stop(self, conversation: Conversation) -> None:
        assert say(conversation, "/stop") == text("stop.nothing", "en")


class TestEnding:
    def test_reset_keeps_documents_and_settings(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        conversation.reply(ANN, "hello")
        conversation.add_document(ANN, "a.txt", b"words")
        conversation.set_preferences(ANN, style="precise")
        assert say(conversation, "/reset") == text("reset.done", "en")
        conversation.reply(ANN, "hello")
        assert pipeline.asked[-1].history == ()
        assert pipeline.asked[-1].preferences.style == "precise"
        assert len(conversation.documents(ANN)) == 1

    def test_forget_says_what_was_deleted(
        self, conversation: Conversation, store: MemorySessionStore
    ) -> None:
        assert say(conversation, "/forget") == text("forget.nothing", "en")
        conversation.reply(ANN, "hello")
        conversation.add_document(ANN, "a.txt", b"words")
        assert say(conversation, "/forget") == text(
            "forget.done", "en", n_turns=2, n_documents=1, n_keys=2, n_files=1
        )
        assert store.states == {}

    def test_forget_speaks_the_language_it_forgets(self, conversation: Conversation) -> None:
        conversation.reply(ANN, "/language ru")
        assert say(conversation, "/forget").startswith("Удалено")

    def test_export_is_json_without_texts(self, conversation: Conversation) -> None:
        conversation.reply(ANN, "привет")
        conversation.add_document(ANN, "a.txt", b"long words")
        exported = json.loads(say(conversation, "/export"))
        assert exported["turns"][0]["text"] == "привет"
        assert exported["documents"][0]["name"] == "a.txt"
        assert "text" not in exported["documents"][0]

    def test_export_to_a_new_file_of_one_s_own(self, conversation: Conversation, tmp_path: Path) -> None:
        conversation.add_document(ANN, "a.txt", b"long words")
        file = tmp_path / "export.json"
        assert say(conversation, f"/export {file}", allow_read=True) == text(
            "export.written", "en", path=file
        )
        assert json.loads(file.read_text("utf-8"))["documents"][0]["text"] == "long words"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert say(conversation, f"/export {file}", allow_read=True) == text("export.exists", "en", path=file)
        nowhere = tmp_path / "no" / "such.json"
        assert say(conversation, f"/export {nowhere}", allow_read=True) == text(
            "export.not_written", "en", path=nowhere
        )

    def test_export_writes_no_files_where_none_may_be_read(
        self, conversation: Conversation, tmp_path: Path
    ) -> None:
        assert say(conversation, f"/export {tmp_path / 'x.json'}").startswith("{")
        assert list(tmp_path.iterdir()) == []

    def test_a_redelivered_export_is_made_again_and_not_stored(
        self, conversation: Conversation, store: MemorySessionStore
    ) -> None:
        conversation.reply(ANN, "x" * 4000)
        for _ in range(3):
            conversation.reply(ANN, "/export", turn_id="1")
        assert len(store.states[ANN]) < 12_000
