"""The inbox where Redis crashes, is full, is emptied, or writes nothing down by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import StoreUnavailable
from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Bounds
from tests.support.inbox import BOT, handle_next, opened, ticket
from tests.support.valkey import Valkey


async def test_what_was_acknowledged_outlives_a_crash_of_redis(inbox: Inbox, server: Valkey) -> None:
    await inbox.store([ticket(i, f"{i % 3}:0") for i in range(1, 7)])
    token = await opened(inbox)
    server.kill()
    with pytest.raises(StoreUnavailable):
        await inbox.store([ticket(7)])
    server.start()
    assert await inbox.store([ticket(1), ticket(7, "1:0")]) == ["dup", "new"]
    turn = await inbox.open_turn(token)
    assert turn is not None
    await inbox.finish(turn, 0.1)
    seen = {1: [turn.update_id], 2: [], 0: []}
    for _ in range(6):
        update_id = await handle_next(inbox)
        seen[update_id % 3].append(update_id)
    assert seen == {1: [1, 4, 7], 2: [2, 5], 0: [3, 6]}


def _files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("appendonlydir/*.aof"))


async def test_waiting_for_the_disk_where_redis_does_not_by_itself(tmp_path: Path) -> None:
    with Valkey(tmp_path, fsync="everysec") as server:
        inbox = Inbox(server.url, BOT, Bounds())
        await inbox.open()
        assert await inbox.store([ticket(1)]) == ["new"]
        with server.client() as client:
            # acknowledged means that the file holds it already
            files = _files(tmp_path)
            assert client.ping()
        assert b"said 1" in files
        await inbox.close()


async def test_a_server_without_a_file_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Valkey(tmp_path, append_only=False) as server:
        inbox = Inbox(server.url, BOT, Bounds())
        await inbox.open()
        assert "append-only" in caplog.text
        assert await inbox.store([ticket(1)]) == ["new"]
        await inbox.close()


async def test_an_emptied_server_is_set_up_again(inbox: Inbox, server: Valkey) -> None:
    with server.client() as client:
        client.flushall()
    with pytest.raises(StoreUnavailable):
        await inbox.take("main", 1, 0.01)
    await inbox.store([ticket(1)])
    assert await handle_next(inbox) == 1


async def test_a_full_server_still_takes_messages(inbox: Inbox, server: Valkey) -> None:
    with server.client() as client:
        client.config_set("maxmemory", 1)
    assert await inbox.store([ticket(1)]) == ["new"]
    assert await handle_next(inbox) == 1
