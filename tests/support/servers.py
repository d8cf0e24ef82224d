"""Embedded servers for tests: in short folders, for a unix socket's address is short, and always stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bot import redis_keeper
from bot.embedded_redis import EmbeddedRedis


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A new folder with a short path, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="q", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_server(folder: Path | None = None, memory_mb: int = 64) -> Iterator[EmbeddedRedis]:
    """An embedded server that is gone when the block ends."""
    with contextlib.ExitStack() as stack:
        place = folder or stack.enter_context(short_folder()) / "redis"
        server = EmbeddedRedis(place, memory_mb)
        stack.callback(wait_until, lambda: not is_running(place), "the server to stop")
        stack.enter_context(server)
        yield server


def is_running(folder: Path) -> bool:
    """Whether a server or its keeper is there."""
    if not folder.exists():
        return False
    with redis_keeper.lock_file(folder / redis_keeper.KEEPER_LOCK) as file:
        kept = not redis_keeper.try_lock(file)
    return kept or redis_keeper.answers(str(EmbeddedRedis(folder).socket_path))


def server_pid(server: EmbeddedRedis) -> int:
    """Process id of the server itself; 0 if it does not answer."""
    answer = redis_keeper.request(str(server.socket_path), "INFO server")
    lines = [line for line in answer.splitlines() if line.startswith(b"process_id:")]
    return int(lines[0].split(b":")[1]) if lines else 0


def kill_server(server: EmbeddedRedis) -> int:
    """kill -9; the process id it had."""
    pid = server_pid(server)
    assert pid
    os.kill(pid, signal.SIGKILL)
    return pid


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Wait for something that will happen in another process."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
