"""``python -m bot``: every way to run Quoth, by name."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bot.errors import SettingsError
from bot.settings import Settings, offline_environment

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="Quoth, a chatbot that quotes.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("chat", help="talk at the console")
    commands.add_parser("api", help="serve REST")
    commands.add_parser("telegram", help="serve Telegram")
    models = commands.add_parser("models", help="bring the model files")
    models.add_argument("names", nargs="*", metavar="NAME", help="beside the default ones")
    commands.add_parser("doctor", help="check the installation")
    ingest = commands.add_parser("ingest", help="put documents into a shared library")
    ingest.add_argument("paths", nargs="*", metavar="PATH", type=Path, help="files and folders")
    ingest.add_argument("--library", default="main", metavar="NAME", help="which library (default: main)")
    ingest.add_argument(
        "--drop", action="append", default=[], metavar="DOCUMENT", help="remove one by its name"
    )
    asked = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    offline_environment()
    if asked.command == "chat":
        return _deeppavlov("interact", "configs/chat.json")
    if asked.command == "api":
        return _deeppavlov("riseapi", "configs/chat_api.json")
    # each command imports only what it needs: `models` must run before the models are there
    if asked.command == "models":
        from bot.models import main as bring_models

        return bring_models(settings, asked.names)
    if asked.command == "doctor":
        from bot.doctor import main as doctor

        return doctor(settings)
    if asked.command == "ingest":
        from bot.ingest import main as ingest_paths

        return ingest_paths(settings, asked.paths, asked.library, asked.drop)
    from bot.telegram.application import main as telegram

    return telegram(settings)


def _deeppavlov(mode: str, config: str) -> int:
    """Become DeepPavlov's own program."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "deeppavlov", mode, config])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
