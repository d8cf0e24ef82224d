"""A session's lock while it is held: renewed by a thread for as long as a long reply is being made.

Knows no server: it is given a function that renews. The thread also learns that somebody, perhaps
in another process, wants the holder to stop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bot.errors import StoreError

log = logging.getLogger(__name__)

_TICK_S = 0.5


class HeldLock:
    """A :class:`~bot.sessions.SessionLock`.

    Args:
        session_id: whose it is.
        token: what the server knows the holder by.
        ttl_s: how long the lock lasts without being renewed.
        renew: renews it; returns whether it is still ours and whether we are asked to stop.
    """

    def __init__(
        self, session_id: str, token: str, ttl_s: float, renew: Callable[[], tuple[bool, bool]]
    ) -> None:
        self._session_id = session_id
        self.token = token
        self._ttl_s = ttl_s
        self._renew = renew
        self._valid_until = time.monotonic() + ttl_s
        self._lost = False
        self._stop = False
        self._ended = threading.Event()
        threading.Thread(target=self._tick, name="session-lock", daemon=True).start()

    @property
    def session_id(self) -> str:
        """Whose it is."""
        return self._session_id

    def lost(self) -> bool:
        """Whether it ran out; what is written now may be refused."""
        return self._lost or time.monotonic() > self._valid_until

    def stop_requested(self) -> bool:
        """Whether somebody asked the holder to stop generating."""
        return self._stop

    def end(self) -> None:
        """Renew no more."""
        self._ended.set()

    def _tick(self) -> None:
        while not self._ended.wait(min(_TICK_S, self._ttl_s / 3)) and not self._lost:
            asked = time.monotonic()
            try:
                ours, stop = self._renew()
            except StoreError as error:
                log.warning("a session's lock could not be renewed: %s", error)
                continue
            self._lost = not ours
            self._stop = self._stop or stop
            self._valid_until = asked + self._ttl_s
