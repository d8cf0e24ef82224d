"""Who may talk to the bot, and who may command it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.telegram.incoming import Incoming


@dataclass(frozen=True)
class Access:
    """The ids of the settings.

    Attributes:
        allowed: users and groups that may talk to the bot; empty means everybody.
        admins: users who may use /stats and /broadcast, and always talk to it.
    """

    allowed: frozenset[int] = frozenset()
    admins: frozenset[int] = frozenset()

    def permits(self, incoming: Incoming) -> bool:
        """Whether the bot is to answer."""
        if not self.allowed or incoming.kind in ("left", "broadcast"):
            return True
        return bool({incoming.user_id, incoming.chat_id} & self.allowed) or incoming.user_id in self.admins

    def commands(self, user_id: int) -> bool:
        """Whether a user is an admin."""
        return user_id in self.admins
