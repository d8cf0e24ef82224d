"""What the inbox stores: each update once and as it came, within its bounds, and for a time only."""

from __future__ import annotations

from typing import Any

from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Bounds, Ticket
from tests.support.inbox import BOT, handle_next, take_one, ticket
from tests.support.valkey import Valkey


async def test_an_update_comes_back_as_it_was(inbox: Inbox) -> None:
    update = {"update_id": 7, "message": {"text": 'a "quoted" | bar \u2028 да 🎓', "from": {"id": 2**52 + 1}}}
    assert await inbox.store([Ticket(update, "1:0", "main", user_id=2**52 + 1)]) == ["new"]
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    assert turn.updates == (update,)
    assert (turn.update_id, turn.attempts, turn.defers) == (7, 1, 0)


async def test_half_a_surrogate_pair_is_stored_all_the_same(inbox: Inbox) -> None:
    await inbox.store([Ticket({"update_id": 8, "message": {"text": "\ud83d"}}, "1:0", "main")])
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    assert turn.updates[0]["message"]["text"] == "?"


async def test_duplicates_are_dropped_even_after_they_were_answered(inbox: Inbox) -> None:
    assert await inbox.store([ticket(1), ticket(2), ticket(1)]) == ["new", "new", "dup"]
    assert await handle_next(inbox) == 1
    assert await inbox.store([ticket(1), ticket(2), ticket(3)]) == ["dup", "dup", "new"]
    assert [await handle_next(inbox), await handle_next(inbox)] == [2, 3]
    assert await inbox.take("main", 1, 0.01) == []
    assert await inbox.length() == 0


async def test_what_is_full_refuses_and_says_so_once(server: Valkey) -> None:
    inbox = Inbox(server.url, BOT, Bounds(total=3, lane=2))
    await inbox.open()
    to = {"chat_id": -(2**52), "language": "ru"}
    stored = await inbox.store([ticket(i, to=to) for i in range(1, 5)])
    assert stored == ["new", "new", "full", "full"]
    assert await inbox.store([ticket(i, f"{i}:0") for i in (7, 8)]) == ["new", "full"]
    assert await inbox.store([ticket(9, "9:0", limited=False)]) == ["new"]
    notices = await inbox.notices()
    assert [kind for kind, _ in notices] == ["full", "full"]
    assert notices[0][1] == to
    assert await inbox.notices() == []
    # a refused update is known: it is not taken when Telegram sends it again
    assert await handle_next(inbox) == 1
    assert await inbox.store([ticket(3)]) == ["dup"]
    await inbox.close()


async def test_the_allowance_of_a_user_holds_over_chats(server: Valkey) -> None:
    inbox = Inbox(server.url, BOT, Bounds(per_minute=3))
    await inbox.open()
    tickets = [ticket(i, f"{i}:0", user_id=77) for i in range(4)]
    assert await inbox.store([*tickets, ticket(9, "9:0", user_id=78)]) == ["new"] * 3 + ["limited", "new"]
    assert [kind for kind, _ in await inbox.notices()] == ["limited"]
    await inbox.close()


async def test_a_stranger_is_refused_without_a_word_of_theirs_being_stored(
    inbox: Inbox, server: Valkey
) -> None:
    assert await inbox.store([ticket(1, refuse="stranger", to={"chat_id": 1})]) == ["stranger"]
    assert await inbox.take("main", 1, 0.01) == []
    assert await inbox.notices() == [("stranger", {"chat_id": 1})]
    with server.client() as client:
        for key in client.scan_iter("*"):
            assert "said" not in str(_read(client, key))


async def test_everything_said_has_an_end(inbox: Inbox, server: Valkey) -> None:
    await inbox.store([ticket(1), ticket(2)])
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    await inbox.set_aside(turn, "failed")
    checked = 0
    with server.client() as client:
        for key in client.scan_iter("*"):
            if "said" in str(_read(client, key)):
                assert 0 < client.pttl(key) <= 2 * 24 * 3600 * 1000
                checked += 1
    assert checked == 2


def _read(client: Any, key: str) -> Any:
    kind = client.type(key)
    readers = {
        "string": client.get, "list": lambda k: client.lrange(k, 0, -1), "hash": client.hgetall,
        "zset": lambda k: client.zrange(k, 0, -1), "set": client.smembers,
        "stream": lambda k: client.xrange(k),
    }  # fmt: skip
    return readers[kind](key)


async def test_two_bots_on_one_server_do_not_meet(inbox: Inbox, server: Valkey) -> None:
    other = Inbox(server.url, BOT + 1, Bounds())
    await other.open()
    await inbox.store([ticket(1)])
    assert await other.store([ticket(1)]) == ["new"]
    assert await handle_next(other) == 1
    assert await handle_next(inbox) == 1
    await other.close()
