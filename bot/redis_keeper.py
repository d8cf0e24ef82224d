"""The small process that keeps the embedded server running for as long as somebody uses it.

Run as a script by ``bot.embedded_redis`` and on its own from then on; imports nothing but the
standard library. Every process that uses the server holds a shared lock on ``users.lock``, which the
operating system lets go of however the process ends, ``kill -9`` included. The keeper starts the
server, starts it again if it dies, and once it gets ``users.lock`` for itself alone, nobody is left:
it stops the server, which has everything on disk by then, and ends. Nothing stays behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

USERS_LOCK = "users.lock"
KEEPER_LOCK = "keeper.lock"
LOG = "server.log"
READY = "ready"

_POLL_S = 0.2
_STOP_S = 60.0
#: After so many starts in a row that the server itself gave up, so do we.
_MAX_FAILED_STARTS = 3
_MAX_LOG_BYTES = 1_000_000


def server_options(socket_path: str, memory_mb: int) -> list[str]:
    """The server's command line.

    Every write is on disk before it is acknowledged: a message that was accepted must survive a
    power cut, and a conversation writes seldom enough for that to cost nothing that one notices.
    """
    options = {
        "port": "0",
        "unixsocket": socket_path,
        "unixsocketperm": "700",
        "dir": "./",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",
        "aof-load-truncated": "yes",
        # Small, so that what was deleted does not linger in the file for long.
        "auto-aof-rewrite-min-size": "4mb",
        "auto-aof-rewrite-percentage": "100",
        "maxmemory": f"{memory_mb}mb",
        "maxmemory-policy": "noeviction",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def answers(socket_path: str) -> bool:
    """Whether a server answers at the socket and has read its data."""
    return request(socket_path, "PING").startswith(b"+PONG")


def request(socket_path: str, command: str) -> bytes:
    """The beginning of a server's answer to a command; empty if there is none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(socket_path)
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(16_384)
    return b""


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[IO[bytes]]:
    """A lock file, open; closing it lets go of the lock."""
    # Opened for writing without truncation; other processes hold locks on the same file.
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+") as file:
        yield file


def try_lock(file: IO[bytes], kind: int = fcntl.LOCK_EX) -> bool:
    """Take a lock (``LOCK_EX`` or ``LOCK_SH``) on an open file, if it is free."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def last_log_line(folder: Path) -> str:
    """The last line of the server's log, or "" without one."""
    try:
        lines = (folder / LOG).read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


class Keeper:
    """Runs the server in ``folder``, the current one, until nobody uses it."""

    def __init__(self, binary: str, socket_path: str, memory_mb: int) -> None:
        self._command = [binary, *server_options(socket_path, memory_mb)]
        self._socket_path = socket_path
        self._server: subprocess.Popen[bytes] | None = None
        self._stop = False

    def run(self, report: IO[str]) -> int:
        """Start, report ``ready`` or what is wrong on one line, keep, stop; the exit status."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with lock_file(Path(KEEPER_LOCK)) as keeper, lock_file(Path(USERS_LOCK)) as users:
            if not try_lock(keeper):
                _say(report, "another process keeps the server")
                return 1
            if not self._start():
                _say(report, last_log_line(Path(".")) or "it ended without a word")
                return 1
            _say(report, READY)
            status = self._keep(users)
            self._end()
            return status

    def _keep(self, users: IO[bytes]) -> int:
        failed = 0
        while not self._stop and not try_lock(users):
            if self._dead() or not os.path.exists(self._socket_path):
                self._end()
                failed = 0 if self._start() or self._killed() else failed + 1
                if failed == _MAX_FAILED_STARTS:
                    return 1
            time.sleep(_POLL_S)
        return 0

    def _start(self) -> bool:
        """Start the server and wait until it has read its data; False if it ended instead."""
        self._spawn()
        while not answers(self._socket_path):
            if self._dead() or self._stop:
                return False
            time.sleep(0.01)
        return True

    def _spawn(self) -> None:
        os.makedirs(os.path.dirname(self._socket_path), mode=0o700, exist_ok=True)
        log = Path(LOG)
        mode = "wb" if log.exists() and log.stat().st_size > _MAX_LOG_BYTES else "ab"
        with log.open(mode) as output:
            self._server = subprocess.Popen(  # noqa: S603 - our own binary
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_end_with_parent,
            )

    def _dead(self) -> bool:
        return self._server is None or self._server.poll() is not None

    def _killed(self) -> bool:
        """Whether it was ended by a signal, which says nothing about the next attempt."""
        return self._server is not None and (self._server.returncode or 0) < 0

    def _end(self) -> None:
        if self._server is None or self._dead():
            return
        self._server.terminate()
        try:
            self._server.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._server.kill()  # what it acknowledged is on disk
            self._server.wait()

    def _on_signal(self, *_: Any) -> None:
        self._stop = True


def _end_with_parent() -> None:
    """Have the kernel end the server should the keeper be killed (Linux; elsewhere the next user does)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _say(report: IO[str], line: str) -> None:
    with contextlib.suppress(OSError):  # whoever started us may be gone
        report.write(line + "\n")
        report.close()


def main(arguments: list[str]) -> int:
    """``folder binary socket_path memory_mb``; reports on standard output, then lets go of it."""
    folder, binary, socket_path, memory_mb = arguments
    if os.fork():  # leave: the process that started us must not have to wait for us
        os._exit(0)
    os.umask(0o077)
    os.chdir(folder)
    report = os.fdopen(os.dup(1), "w")
    with open(os.devnull, "rb+") as nothing, open(LOG, "ab") as log:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
        os.dup2(log.fileno(), 2)
    return Keeper(binary, socket_path, int(memory_mb)).run(report)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
