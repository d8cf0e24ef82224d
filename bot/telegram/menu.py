"""The commands that Telegram shows when somebody types a slash, in each language."""

from __future__ import annotations

import logging

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)

from bot.commands import command_list
from bot.messages import LANGUAGES, text
from bot.telegram.api import Api, fault_of
from bot.telegram.handlers import ADMIN_COMMANDS, OWN_COMMANDS

log = logging.getLogger(__name__)


def menu(language: str, *, admin: bool = False) -> list[BotCommand]:
    """The commands with what they do; Telegram takes 256 characters for that."""
    names = OWN_COMMANDS + (ADMIN_COMMANDS if admin else ())
    listed = command_list(language) + [(name, text(f"telegram.help.{name}", language)) for name in names]
    return [BotCommand(name, meaning[:256]) for name, meaning in listed]


async def publish(api: Api, admins: frozenset[int]) -> None:
    """Tell Telegram the commands. What fails is left as it was: the commands work all the same."""
    everybody: list[BotCommandScope] = [BotCommandScopeAllPrivateChats(), BotCommandScopeAllGroupChats()]
    scopes = [(scope, False) for scope in everybody]
    scopes += [(BotCommandScopeChat(user_id), True) for user_id in sorted(admins)]
    for scope, admin in scopes:
        for language in LANGUAGES:
            # English is what those see who have set any other language
            code = None if language == "en" else language
            try:
                await api.set_my_commands(menu(language, admin=admin), scope=scope, language_code=code)
            except Exception as error:
                log.warning("setMyCommands: %s", fault_of(error).reason)
                return
