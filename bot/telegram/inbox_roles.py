"""What only one of several processes does, such as polling: which one it is, by a lease in Redis."""

from __future__ import annotations

import time

from bot.telegram.inbox_link import InboxLink
from bot.telegram.inbox_types import milliseconds


class Roles:
    """The roles of one process. Raises :class:`~bot.errors.StoreUnavailable` while Redis is away.

    Args:
        link: to the server that the inbox is in.
        name: of this process.
        lease_s: how long a role outlives a process that was killed.
    """

    def __init__(self, link: InboxLink, name: str, lease_s: float) -> None:
        self._link = link
        self._name = name
        self._lease_s = lease_s
        #: Roles we have, and when the server last said so.
        self._held: dict[str, float] = {}

    async def take(self, role: str) -> bool:
        """Be the one process that does something; ask again every second or so.

        The server, which keeps two thirds of a lease at least, is asked only after a while.
        """
        asked = time.monotonic()
        if asked - self._held.get(role, float("-inf")) < self._lease_s / 6:
            return True
        self._held.pop(role, None)
        ours = bool(await self._link.run("ROLE", [role, self._name, milliseconds(self._lease_s)]))
        if ours:
            self._held[role] = asked
        return ours

    async def drop(self, role: str) -> None:
        """Give a role back."""
        self._held.pop(role, None)
        await self._link.run("ROLE", [role, self._name, 0])
