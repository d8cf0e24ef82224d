"""The commands: what stands behind each slash, the same for every adapter.

A command is a function from a call to a text. It works on the open session and replaces it where it
changes something; the conversation saves. Knows neither the chain nor any adapter.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.explanation import explanation
from bot.export import export_session
from bot.messages import LANGUAGES, known_language, text
from bot.open_session import OpenSession
from bot.reading import read_files
from bot.sessions import STYLES
from skills.dialog import Progress

MAX_PERSONA_CHARS = 500

_COMMAND = re.compile(r"/([^\W\d]\w*)(?:@\w+)?(?:\s+(.*))?", re.DOTALL)
#: What Telegram sends when somebody opens the bot, and what people try.
_ALIASES = {"start": "help", "documents": "docs", "new": "reset", "delete": "drop", "lang": "language"}
_OFF = {"off", "-", "none", "default", "reset"}


@dataclass(frozen=True)
class Call:
    """A command as it was given.

    Attributes:
        opened: the session.
        argument: what followed the command's name.
        allow_read: whether the adapter lets files of this machine be opened.
        progress: of reading documents.
    """

    opened: OpenSession
    argument: str
    allow_read: bool = False
    progress: Progress | None = None

    def say(self, key: str, /, **values: object) -> str:
        """A text in the session's language of now."""
        return text(key, self.opened.language, **values)


@dataclass(frozen=True)
class Command:
    """A command: its name, what it does, and whether it opens files of this machine."""

    name: str
    run: Callable[[Call], str]
    reads_files: bool = False


def parse_command(utterance: str) -> tuple[str, str] | None:
    """Name and argument of a command, or None for anything else, such as "/home/ann is full"."""
    match = _COMMAND.fullmatch(utterance.strip())
    if match is None:
        return None
    name = match.group(1).lower()
    return _ALIASES.get(name, name), (match.group(2) or "").strip()


def run_command(name: str, call: Call) -> str:
    """Carry a command out; its answer. Raises BotError."""
    command = COMMANDS.get(name)
    if command is None:
        names = [known.name for known in COMMANDS.values() if call.allow_read or not known.reads_files]
        parts = [call.say("command.unknown", name=name[:40])]
        nearest = difflib.get_close_matches(name, names, 1)
        if nearest:
            parts.append(call.say("command.nearest", nearest=nearest[0]))
        parts.append(call.say("command.list", names=", ".join(f"/{known}" for known in names)))
        return " ".join(parts)
    return command.run(call)


def command_list(language: str, *, allow_read: bool = False) -> list[tuple[str, str]]:
    """Every command with what it does, for help and for an adapter's menu."""
    values = {"styles": "|".join(STYLES), "languages": "|".join(LANGUAGES)}
    return [
        (command.name, text(f"help.{command.name}", language, **values))
        for command in COMMANDS.values()
        if allow_read or not command.reads_files
    ]


def _help(call: Call) -> str:
    listed = command_list(call.opened.language, allow_read=call.allow_read)
    lines = [f"/{name} — {meaning}" for name, meaning in listed]
    return "\n".join([call.say("help.intro"), *lines])


def _docs(call: Call) -> str:
    documents = call.opened.session.documents
    lines = [call.say("docs.header", n=len(documents)) if documents else call.say("docs.none")]
    for i, info in enumerate(documents, 1):
        date = time.strftime("%Y-%m-%d", time.localtime(info.added))
        values = {"i": i, "name": info.name, "n_chars": info.n_chars, "date": date}
        if info.n_pages:
            lines.append(call.say("docs.item_pages", n_pages=info.n_pages, **values))
        else:
            lines.append(call.say("docs.item", **values))
    chosen = call.opened.session.preferences.libraries
    libraries = [n for n in call.opened.shelves.library_names() if chosen is None or n in chosen]
    if libraries:
        lines.append(call.say("docs.libraries", names=", ".join(libraries)))
    return "\n".join(lines)


def _drop(call: Call) -> str:
    if not call.argument:
        return call.say("drop.usage")
    info = call.opened.find(call.argument)
    if info is None:
        return call.say("document.unknown", name=call.argument[:200])
    call.opened.drop(info)
    return call.say("drop.done", name=info.name)


def _read(call: Call) -> str:
    if not call.allow_read:
        return call.say("read.not_here")
    if not call.argument:
        return call.say("read.usage")
    return read_files(call.opened, call.argument, call.progress)


def _why(call: Call) -> str:
    return explanation(call.opened.session, call.opened.language)


def _reset(call: Call) -> str:
    call.opened.session = dataclasses.replace(call.opened.session, turns=())
    return call.say("reset.done")


def _forget(call: Call) -> str:
    language = call.opened.language  # the choice of it is forgotten, too
    forgotten = call.opened.forget()
    if forgotten.leftovers:
        return text("forget.leftovers", language)
    if not forgotten.n_keys and not forgotten.n_files:
        return text("forget.nothing", language)
    return text(
        "forget.done",
        language,
        n_turns=forgotten.n_turns,
        n_documents=forgotten.n_documents,
        n_keys=forgotten.n_keys,
        n_files=forgotten.n_files,
    )


def _export(call: Call) -> str:
    to_file = bool(call.argument) and call.allow_read
    exported = export_session(call.opened.session, call.opened.store, with_texts=to_file)
    data = json.dumps(exported, ensure_ascii=False, indent=2)
    if not to_file:
        return data
    path = Path(os.path.expanduser(call.argument))  # leaves ``~nobody`` as it is, where pathlib raises
    try:
        # A new file that only its owner may read.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(data)
    except FileExistsError:
        return call.say("export.exists", path=path)
    except OSError:
        return call.say("export.not_written", path=path)
    return call.say("export.written", path=path)


def _style(call: Call) -> str:
    styles = "|".join(STYLES)
    if not call.argument:
        return call.say("style.shown", style=call.opened.session.preferences.style, styles=styles)
    style = call.argument.lower()
    if style not in STYLES:
        return call.say("style.unknown", style=call.argument[:40], styles=", ".join(STYLES))
    _prefer(call, style=style)
    return call.say("style.set", style=style)


def _persona(call: Call) -> str:
    if not call.argument:
        persona = call.opened.session.preferences.persona
        return call.say("persona.shown", persona=persona) if persona else call.say("persona.default")
    if call.argument.lower() in _OFF:
        _prefer(call, persona="")
        return call.say("persona.cleared")
    if len(call.argument) > MAX_PERSONA_CHARS:
        return call.say("persona.too_long", limit=MAX_PERSONA_CHARS, n=len(call.argument))
    _prefer(call, persona=call.argument)
    return call.say("persona.set", persona=call.argument)


def _only(call: Call) -> str:
    word = call.argument.lower()
    if word in ("on", "off"):
        _prefer(call, only_documents=word == "on")
    elif word:
        return call.say("only.usage")
    return call.say("only.on" if call.opened.session.preferences.only_documents else "only.off")


def _language(call: Call) -> str:
    languages = "|".join(LANGUAGES)
    if not call.argument:
        return call.say("language.shown", languages=languages)
    language = call.argument.lower()
    if known_language(language) != language:
        return call.say("language.unknown", language=call.argument[:40], languages=", ".join(LANGUAGES))
    _prefer(call, language=language)
    return call.say("language.set")


def _stop(call: Call) -> str:
    return call.say("stop.nothing")  # we hold the lock: no reply is being written


def _prefer(call: Call, **changes: object) -> None:
    session = call.opened.session
    preferences = dataclasses.replace(session.preferences, **changes)  # type: ignore[arg-type]
    call.opened.session = dataclasses.replace(session, preferences=preferences)


#: In the order of /help.
COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("help", _help),
        Command("read", _read, reads_files=True),
        Command("docs", _docs),
        Command("drop", _drop),
        Command("why", _why),
        Command("style", _style),
        Command("persona", _persona),
        Command("only", _only),
        Command("language", _language),
        Command("stop", _stop),
        Command("reset", _reset),
        Command("export", _export),
        Command("forget", _forget),
    )
}
