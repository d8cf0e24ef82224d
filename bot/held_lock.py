"""A session's lock while it is held: renewed for as long as a long reply is being made.

Knows no server: it is given a function that renews. One thread of the process renews all of its locks
and learns, too, that somebody, perhaps in another process, wants a holder to stop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bot.errors import StoreError, StoreUnavailable

log = logging.getLogger(__name__)

_TICK_S = 0.5


class HeldLock:
    """A :class:`~bot.sessions.SessionLock`.

    Args:
        session_id: whose it is.
        token: what the server knows the holder by.
        ttl_s: how long the lock lasts without being renewed.
        renew: renews it; returns whether it is still ours and whether we are asked to stop.
        state: what was stored of the session when the lock was taken.
    """

    def __init__(
        self,
        session_id: str,
        token: str,
        ttl_s: float,
        renew: Callable[[], tuple[bool, bool]],
        state: bytes | None = None,
    ) -> None:
        self._session_id = session_id
        self.token = token
        self.state = state
        self.released = False
        self.tick_s = min(_TICK_S, ttl_s / 3)
        self._ttl_s = ttl_s
        self._renew = renew
        self._valid_until = time.monotonic() + ttl_s
        self._lost = False
        self._stop = False
        _renewer.add(self)

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
        _renewer.remove(self)

    def renew(self) -> bool:
        """Renew it now; whether there is any use in doing so again."""
        asked = time.monotonic()
        try:
            ours, stop = self._renew()
        except StoreUnavailable:  # which the store tells; a line for each lock and try is too many
            return True
        except StoreError as error:
            log.warning("a session's lock could not be renewed: %s", error)
            return True
        self._lost = not ours
        self._stop = self._stop or stop
        self._valid_until = asked + self._ttl_s
        return ours


class _Renewer:
    """The thread that renews. Most locks are let go of before their first renewal; for those it is
    not even woken."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[HeldLock, float] = {}
        self._wakes_at = float("inf")
        self._thread: threading.Thread | None = None

    def add(self, lock: HeldLock) -> None:
        with self._changed:
            due = time.monotonic() + lock.tick_s
            self._due[lock] = due
            if self._thread is None or not self._thread.is_alive():
                self._wakes_at = due
                self._thread = threading.Thread(target=self._run, name="session-locks", daemon=True)
                self._thread.start()
            elif due < self._wakes_at:
                self._wakes_at = due
                self._changed.notify()

    def remove(self, lock: HeldLock) -> None:
        with self._changed:
            self._due.pop(lock, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                while (wait_s := self._wakes_at - time.monotonic()) > 0:
                    self._changed.wait(None if wait_s == float("inf") else wait_s)
                now = time.monotonic()
                ready = [lock for lock, due in self._due.items() if due <= now]
            for lock in ready:
                again = lock.renew()
                with self._changed:
                    if lock in self._due:
                        if again:
                            self._due[lock] = time.monotonic() + lock.tick_s
                        else:
                            del self._due[lock]
            with self._changed:
                self._wakes_at = min(self._due.values(), default=float("inf"))


_renewer = _Renewer()
