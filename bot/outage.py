"""A server's outage in the log: a line when it goes away, one a minute, and one when it is back.

While a server is away every call fails, of every worker, several times a second; each of those
failures would otherwise be a line. Knows no server and no call.
"""

from __future__ import annotations

import logging
import threading
import time

#: Between two lines about a server that is still away.
REMIND_S = 60.0
#: Between the end of an outage and the next line, for a server that comes and goes.
QUIET_S = 10.0


class Outage:
    """Whether a server is away, as those who call it notice. Thread-safe.

    A server that never answered is nothing to be told here: the program does not start without it.

    Args:
        log: of the module that calls the server.
        place: the server's name, without its password.
    """

    def __init__(self, log: logging.Logger, place: str) -> None:
        self._log = log
        self._place = place
        self._mutex = threading.Lock()
        self._in_touch = False
        self._began: float | None = None
        self._told = False
        self._next_line = float("-inf")

    def answered(self) -> None:
        """A call went well."""
        if self._in_touch:
            return  # as nearly always, and without the lock
        with self._mutex:
            self._in_touch = True
            if self._told and self._began is not None:
                now = time.monotonic()
                self._log.info("%s answers again, after %.0f s", self._place, now - self._began)
                self._next_line = now + QUIET_S
            self._began, self._told = None, False

    def failed(self, reason: str) -> None:
        """A call failed for the server's sake.

        Args:
            reason: for the log: nothing that anybody said.
        """
        with self._mutex:
            now = time.monotonic()
            if self._began is None:
                if not self._in_touch:
                    return
                self._in_touch, self._began = False, now
            if now < self._next_line:
                return
            still = f", for {now - self._began:.0f} s now" if self._told else ""
            self._log.warning("%s cannot be used (%s)%s; calls are repeated", self._place, reason, still)
            self._told, self._next_line = True, now + REMIND_S
