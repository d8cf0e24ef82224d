"""From Telegram into the inbox: the one way that polling and the webhook share.

When ``take_in`` returns, every update that wants something of the bot is stored; only then may
Telegram be told. What wants nothing of it (talk among the members of a group) is not stored at all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bot.telegram.access import Access
from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Ticket
from bot.telegram.incoming import Incoming, Malformed, Me, understand
from bot.telegram.metrics import Metrics

log = logging.getLogger(__name__)


class Intake:
    """Takes updates in.

    Args:
        inbox: where they go.
        me: the bot, which must know when it is meant.
        access: whose are taken.
        metrics: counts them.
    """

    def __init__(self, inbox: Inbox, me: Me, access: Access, metrics: Metrics) -> None:
        self._inbox = inbox
        self._me = me
        self._access = access
        self._metrics = metrics

    async def take_in(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """Store updates, durably.

        Raises:
            StoreError: if they could not be stored; Telegram must send them again.
        """
        tickets = []
        for update in updates:
            try:
                incoming = understand(update, self._me)
            except Malformed as error:
                self._metrics.update("malformed")
                log.warning("%s (update %s)", error, _id_of(update))
                continue
            if incoming is None:
                self._metrics.update("ignored")
            else:
                tickets.append(self.ticket(update, incoming))
        if tickets:
            for result in await self._inbox.store(tickets):
                self._metrics.update(result)

    def ticket(self, update: Mapping[str, Any], incoming: Incoming) -> Ticket:
        """How an update waits."""
        plain = incoming.kind == "text" and not incoming.edited and not incoming.command[0]
        counts = incoming.kind in ("text", "document", "forwarded", "unreadable")
        return Ticket(
            update,
            incoming.lane,
            "aside" if incoming.urgent else "main",
            user_id=incoming.user_id,
            limited=counts,
            joinable=plain and self._inbox.bounds.join_s > 0,
            refuse="" if self._access.permits(incoming) else "stranger",
            to={
                "chat_id": incoming.chat_id,
                "topic": incoming.topic,
                "user_id": incoming.user_id,
                "language": incoming.language,
                "query_id": incoming.query_id,
                "update_id": incoming.update_id,
            },
            chat=f"{incoming.chat_id}:{incoming.topic}" if counts else None,
        )


def _id_of(update: Any) -> str:
    number = update.get("update_id") if isinstance(update, Mapping) else None
    return str(number) if isinstance(number, int) else "?"
