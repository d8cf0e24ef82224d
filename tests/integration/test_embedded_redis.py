"""The embedded server: shared, private, durable, and gone when nobody uses it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redis

from bot import redis_keeper
from bot.embedded_redis import EmbeddedRedis
from bot.errors import ServerStartError
from tests.support.servers import is_running, kill_server, running_server, server_pid, wait_until

USER = """
import sys
from pathlib import Path
from bot.embedded_redis import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.read()
"""


def client_of(server: EmbeddedRedis) -> contextlib.AbstractContextManager[redis.Redis]:
    return contextlib.closing(redis.Redis.from_url(server.url))


def other_process(folder: Path) -> subprocess.Popen[str]:
    """A program that uses the server until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("unix://")
    return process


def keeper_pid(folder: Path) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            if os.fsencode(redis_keeper.__file__) in arguments and os.fsencode(folder) in arguments:
                return int(process.name)
    return 0


def test_what_was_written_is_there_after_a_restart(data_dir: Path) -> None:
    with running_server(data_dir) as server, client_of(server) as client:
        client.set("a", "kept")
    assert not is_running(data_dir)
    with running_server(data_dir) as server, client_of(server) as client:
        assert client.get("a") == b"kept"


def test_what_was_acknowledged_is_there_after_kill_9_of_the_server(data_dir: Path) -> None:
    with running_server(data_dir) as server:
        with client_of(server) as client:
            for i in range(100):
                client.set(f"k{i}", i)
        old = kill_server(server)
        wait_until(lambda: server_pid(server) not in (0, old), "the keeper to start it again")
        with client_of(server) as client:
            assert client.dbsize() == 100


def test_it_comes_back_however_often_it_is_killed(data_dir: Path) -> None:
    with running_server(data_dir) as server:
        pids = {server_pid(server)}
        for _ in range(5):
            kill_server(server)
            wait_until(lambda: server_pid(server) not in (0, *pids), "the keeper to start it again")
            pids.add(server_pid(server))


def test_a_server_that_can_no_longer_start_is_given_up(data_dir: Path) -> None:
    with running_server(data_dir) as server:
        (written,) = (data_dir / "appendonlydir").glob("*.incr.aof")
        written.write_bytes(b"nonsense")
        kill_server(server)
        wait_until(lambda: not keeper_pid(data_dir), "the keeper to give up")
        with pytest.raises(ServerStartError, match="Bad file format"):
            server.start()


def test_it_listens_for_its_owner_alone(data_dir: Path) -> None:
    folder = data_dir / "redis"
    with running_server(folder) as server, client_of(server) as client:
        assert client.config_get("port")["port"] == "0"
        assert stat.S_IMODE(server.socket_path.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with contextlib.suppress(FileNotFoundError):
            listening = Path(f"/proc/{server_pid(server)}/net/tcp").read_text()
            inodes = {
                os.readlink(file)
                for file in Path(f"/proc/{server_pid(server)}/fd").iterdir()
                if file.is_symlink()
            }
            assert not any(f"socket:[{line.split()[9]}]" in inodes for line in listening.splitlines()[1:])


def test_it_is_set_up_to_lose_nothing(data_dir: Path) -> None:
    with running_server(data_dir) as server, client_of(server) as client:
        found = client.config_get(
            "appendonly", "appendfsync", "aof-load-truncated", "maxmemory-policy", "save"
        )
        assert found == {
            "appendonly": "yes",
            "appendfsync": "always",
            "aof-load-truncated": "yes",
            "maxmemory-policy": "noeviction",
            "save": "",
        }
        assert int(client.config_get("maxmemory")["maxmemory"]) == 64 * 1024 * 1024


def test_processes_share_it_and_the_last_one_ends_it(data_dir: Path) -> None:
    first, second = other_process(data_dir), other_process(data_dir)
    server = EmbeddedRedis(data_dir)
    pid = server_pid(server)
    assert pid
    first.communicate(timeout=30)
    with client_of(server) as client:
        client.set("a", "kept")
    assert server_pid(server) == pid
    second.kill()  # -9: it says goodbye to nobody
    second.communicate(timeout=30)
    wait_until(lambda: not is_running(data_dir), "the server to stop")
    assert not server.socket_path.exists()
    wait_until(lambda: not keeper_pid(data_dir), "the keeper to end")


def test_many_start_at_once_and_get_one_server(data_dir: Path) -> None:
    servers = [EmbeddedRedis(data_dir) for _ in range(8)]
    threads = [threading.Thread(target=server.start) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server_pid(server) for server in servers}) == 1
    for server in servers:
        server.close()
    wait_until(lambda: not is_running(data_dir), "the server to stop")


def test_it_starts_again_while_it_is_being_stopped(data_dir: Path) -> None:
    for i in range(5):
        server = EmbeddedRedis(data_dir)
        server.start()
        with client_of(server) as client:
            assert client.incr("n") == i + 1
        server.close()
    wait_until(lambda: not is_running(data_dir), "the server to stop")


def test_a_killed_keeper_takes_the_server_along_and_the_next_user_starts_both(data_dir: Path) -> None:
    with running_server(data_dir) as server:
        with client_of(server) as client:
            client.set("a", "kept")
        os.kill(keeper_pid(data_dir), signal.SIGKILL)
        if sys.platform == "linux":
            wait_until(lambda: not is_running(data_dir), "the server to follow its keeper")
        server.start()
        with client_of(server) as client:
            assert client.get("a") == b"kept"
        assert keeper_pid(data_dir)


def test_a_server_without_a_keeper_is_taken_over(data_dir: Path) -> None:
    with running_server(data_dir) as server:
        binary = f"/proc/{server_pid(server)}/exe"
        command = [os.readlink(binary), *redis_keeper.server_options(str(server.socket_path), 64)]
    orphan = subprocess.Popen(command, cwd=data_dir, stdout=subprocess.DEVNULL)
    wait_until(lambda: bool(server_pid(server)), "the orphan to start")
    with running_server(data_dir) as server:
        assert orphan.wait(30) == 0
        assert server_pid(server) not in (0, orphan.pid)
        assert keeper_pid(data_dir)


def test_leftovers_of_a_crash_do_not_matter(data_dir: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(EmbeddedRedis(data_dir).socket_path))
    left.close()  # the file stays, nobody listens
    for name in (redis_keeper.USERS_LOCK, redis_keeper.KEEPER_LOCK, "start.lock"):
        (data_dir / name).write_text("12345")
    with running_server(data_dir) as server, client_of(server) as client:
        assert client.ping()


def test_a_deleted_socket_comes_back(data_dir: Path) -> None:
    with running_server(data_dir) as server:
        with client_of(server) as client:
            client.set("a", "kept")
        server.socket_path.unlink()
        wait_until(lambda: bool(server_pid(server)), "the server to listen again")
        with client_of(server) as client:
            assert client.get("a") == b"kept"


def test_a_file_that_was_cut_off_is_repaired(data_dir: Path) -> None:
    with running_server(data_dir) as server, client_of(server) as client:
        client.set("first", "kept")
        client.set("last", "x" * 1000)
    (written,) = (data_dir / "appendonlydir").glob("*.incr.aof")
    written.write_bytes(written.read_bytes()[:-500])
    with running_server(data_dir) as server, client_of(server) as client:
        assert client.get("first") == b"kept"
        assert client.get("last") is None


def test_a_damaged_file_is_one_clear_error_with_the_log_s_last_line(data_dir: Path) -> None:
    with running_server(data_dir) as server, client_of(server) as client:
        client.set("a", "x")
        client.set("b", "y")
    (written,) = (data_dir / "appendonlydir").glob("*.incr.aof")
    written.write_bytes(b"nonsense" + written.read_bytes())
    server = EmbeddedRedis(data_dir)
    with pytest.raises(ServerStartError) as caught:
        server.start()
    server.close()
    assert "Bad file format" in str(caught.value)
    assert "server.log" in str(caught.value)
    assert "\n" not in str(caught.value)
    wait_until(lambda: not is_running(data_dir), "everything to be gone")


def test_a_folder_that_cannot_be_used_is_one_clear_error(data_dir: Path) -> None:
    (data_dir / "file").write_text("")
    with pytest.raises(ServerStartError, match="cannot use"):
        EmbeddedRedis(data_dir / "file" / "redis").start()


def test_a_long_path_gets_a_short_socket(data_dir: Path) -> None:
    folder = data_dir / ("long " * 30).strip() / "redis"
    with running_server(folder) as server, client_of(server) as client:
        assert len(os.fsencode(server.socket_path)) <= 100
        assert stat.S_IMODE(server.socket_path.parent.stat().st_mode) == 0o700
        client.set("a", "kept")
        assert any((folder / "appendonlydir").iterdir())
    with running_server(folder) as server, client_of(server) as client:
        assert client.get("a") == b"kept"


@pytest.mark.parametrize("name", ["with space", "mit-Ümlaut", "per%cent", 'quo"te'])
def test_any_name_of_a_folder_will_do(data_dir: Path, name: str) -> None:
    with running_server(data_dir / name) as server, client_of(server) as client:
        assert client.ping()


def test_a_socket_folder_of_somebody_else_is_not_used(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = data_dir / "tmp"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    monkeypatch.setattr(EmbeddedRedis, "socket_path", property(lambda self: place / "x.sock"))
    with pytest.raises(ServerStartError, match="only you can use"):
        EmbeddedRedis(data_dir / "redis").start()


def test_what_was_deleted_leaves_the_file_when_it_is_rewritten(data_dir: Path) -> None:
    with running_server(data_dir) as server, client_of(server) as client:
        client.set("a", "what was said")
        client.delete("a")
        assert files_holding(data_dir, b"what was said")
        assert server.rewrite_file()
        wait_until(lambda: not files_holding(data_dir, b"what was said"), "the old file to go")


def files_holding(folder: Path, words: bytes) -> list[str]:
    found = []
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if file.is_file() and words in file.read_bytes():
                found.append(file.name)
    return found


def test_the_log_does_not_grow_for_ever(data_dir: Path) -> None:
    data_dir.joinpath(redis_keeper.LOG).write_bytes(b"old line\n" * 200_000)
    with running_server(data_dir):
        assert data_dir.joinpath(redis_keeper.LOG).stat().st_size < 100_000


def test_the_keeper_does_without_the_packages(data_dir: Path) -> None:
    """It runs for as long as anybody talks; it must not weigh what a whole program does."""
    code = f"import runpy, sys; runpy.run_path({redis_keeper.__file__!r}); print(len(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 120
