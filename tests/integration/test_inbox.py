"""The inbox on a real server: nothing lost, nothing twice, each lane in its order, fair turns."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import StoreUnavailable
from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Bounds, Ticket, Token, TurnLost
from tests.support.valkey import Valkey

BOT = 4242


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path) as server:
        yield server


@pytest.fixture
async def inbox(server: Valkey) -> AsyncIterator[Inbox]:
    inbox = Inbox(server.url, BOT, Bounds(lease_s=0.3))
    await inbox.open()
    yield inbox
    await inbox.close()


def ticket(update_id: int, lane: str = "1:0", **options: Any) -> Ticket:
    update = {"update_id": update_id, "message": {"text": f"said {update_id} — да 🎓"}}
    options.setdefault("ring", "main")
    options.setdefault("user_id", abs(hash(lane)) % 1000 + 1)
    return Ticket(update, lane, **options)


async def take_one(inbox: Inbox) -> Token:
    (token,) = await inbox.take("main", 1, 1.0)
    return token


async def handle_next(inbox: Inbox) -> int:
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    await inbox.finish(turn, 0.1)
    return turn.update_id


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


async def test_a_lane_has_one_turn_at_a_time(inbox: Inbox) -> None:
    await inbox.store([ticket(1), ticket(2), ticket(3, "2:0")])
    tokens = await inbox.take("main", 10, 0.1)
    assert sorted(token.lane for token in tokens) == ["1:0", "2:0"]
    assert await inbox.take("main", 10, 0.01) == []


async def test_turns_go_round_the_lanes(inbox: Inbox) -> None:
    many = [ticket(i, "talkative:0") for i in range(1, 6)]
    await inbox.store([*many, ticket(10, "a:0"), ticket(20, "b:0")])
    assert [await handle_next(inbox) for _ in range(7)] == [1, 10, 20, 2, 3, 4, 5]


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


async def test_notes_survive_and_go_with_the_update(inbox: Inbox) -> None:
    await inbox.store([ticket(1), ticket(2)])
    token = await take_one(inbox)
    turn = await inbox.open_turn(token)
    assert turn is not None
    await inbox.note(turn, sent=1, message_ids="5")
    await inbox.defer(token, 0, blameless=True)
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    assert (turn.state["sent"], turn.attempts, turn.defers) == ("1", 1, 1)
    await inbox.finish(turn, 0.1, ["replies_chat"])
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    assert turn.update_id == 2
    assert "sent" not in turn.state
    assert (await inbox.stats())["replies_chat"] == 1


async def test_a_turn_lost_while_away_is_found_lost_although_the_lease_was_renewed(
    inbox: Inbox, server: Valkey
) -> None:
    slow = Inbox(server.url, BOT, Bounds(lease_s=0.2))
    await slow.open()
    await inbox.store([ticket(1)])
    await slow.tick("main", 1, 0, [])
    turn = await slow.open_turn(await take_one(slow))
    assert turn is not None
    await slow.hold(turn)
    taken: list[Token] = []
    for _ in range(20):
        taken += await inbox.tick("main", 1, 1 - len(taken), [token.id for token in taken])
        await asyncio.sleep(0.05)
    assert [token.lane for token in taken] == ["1:0"]
    await slow.tick("main", 1, 0, [turn.token.id])
    with pytest.raises(TurnLost):
        await slow.hold(turn)
    await slow.close()


async def test_failures_are_counted_and_delays_kept(inbox: Inbox) -> None:
    await inbox.store([ticket(1)])
    await inbox.defer(await opened(inbox), 0.05, blameless=False)
    assert await inbox.take("main", 1, 0.01) == []
    await asyncio.sleep(0.06)
    await inbox.tick("main", 2, 0, [])
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    assert (turn.attempts, turn.failures, turn.deaths) == (2, 1, 0)
    await inbox.set_aside(turn, "failed")
    stats = await inbox.stats()
    assert (stats["dead"], stats["set_aside"], stats["waiting"]) == (1, 1, 0)


async def opened(inbox: Inbox) -> Token:
    token = await take_one(inbox)
    assert await inbox.open_turn(token) is not None
    return token


async def test_a_message_behind_a_delayed_one_waits_with_it(inbox: Inbox) -> None:
    await inbox.store([ticket(1)])
    await inbox.defer(await opened(inbox), 0.05, blameless=True)
    await inbox.store([ticket(2)])
    assert await inbox.take("main", 1, 0.01) == []
    await asyncio.sleep(0.06)
    await inbox.tick("main", 2, 0, [])
    assert [await handle_next(inbox), await handle_next(inbox)] == [1, 2]


async def test_a_dead_process_loses_its_turns_and_can_do_nothing_any_more(
    inbox: Inbox, server: Valkey
) -> None:
    dead = Inbox(server.url, BOT, Bounds(lease_s=0.2))
    await dead.open()
    await inbox.store([ticket(1), ticket(2)])
    await dead.tick("main", 2, 0, [])
    token = await take_one(dead)
    turn = await dead.open_turn(token)
    assert turn is not None
    await dead.note(turn, sent=1)
    taken: list[Token] = []
    for _ in range(20):
        taken += await inbox.tick("main", 2, 2, [token.id for token in taken])
        await asyncio.sleep(0.05)
    assert [token.lane for token in taken] == ["1:0"]
    again = await inbox.open_turn(taken[0])
    assert again is not None
    assert (again.update_id, again.attempts, again.state["sent"]) == (1, 2, "1")
    assert (again.failures, again.deaths) == (0, 1)
    for forbidden in (
        dead.note(turn, sent=2),
        dead.finish(turn, 0.1),
        dead.defer(token, 0, blameless=True),
        dead.set_aside(turn, "x"),
        dead.hold(turn),
    ):
        with pytest.raises(TurnLost):
            await forbidden
    assert await dead.open_turn(token) is None
    await inbox.finish(again, 0.1)
    assert await handle_next(inbox) == 2
    await dead.close()


async def test_a_living_process_keeps_its_turns(inbox: Inbox, server: Valkey) -> None:
    other = Inbox(server.url, BOT, Bounds(lease_s=0.2))
    await other.open()
    await inbox.store([ticket(1)])
    token = await take_one(inbox)
    for _ in range(12):
        assert await inbox.tick("main", 2, 2, [token.id]) == []
        assert await other.tick("main", 2, 2, []) == []
        await asyncio.sleep(0.05)
    await other.close()


async def test_a_turn_whose_handing_out_got_lost_comes_back(inbox: Inbox) -> None:
    await inbox.store([ticket(1)])
    token = await take_one(inbox)  # as if the answer had never arrived
    await asyncio.sleep(2.1)
    assert await inbox.tick("main", 2, 2, []) == [token]


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


async def test_quick_messages_of_one_user_are_answered_together(server: Valkey) -> None:
    inbox = Inbox(server.url, BOT, Bounds(join_s=0.1))
    await inbox.open()
    same = {"user_id": 5, "joinable": True}
    await inbox.store([ticket(1, **same)])
    assert await inbox.take("main", 1, 0.01) == []  # more may come
    await inbox.store([ticket(2, **same), ticket(3, user_id=6, joinable=True), ticket(4, user_id=6)])
    await asyncio.sleep(0.11)
    await inbox.tick("main", 2, 0, [])
    token = await take_one(inbox)
    turn = await inbox.open_turn(token)
    assert turn is not None
    assert [update["update_id"] for update in turn.updates] == [1, 2]
    # what belongs together is settled: a repetition takes neither more nor less
    await inbox.store([ticket(5, **same)])
    await inbox.defer(token, 0, blameless=True)
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    assert [update["update_id"] for update in turn.updates] == [1, 2]
    await inbox.finish(turn, 0.1)
    assert [await handle_next(inbox) for _ in range(3)] == [3, 4, 5]
    await inbox.close()


async def test_the_line_tells_who_waits(inbox: Inbox) -> None:
    await inbox.tick("main", 3, 0, [])
    await inbox.store([ticket(1, "a:0"), ticket(2, "b:0"), ticket(3, "c:0"), ticket(4, "b:0")])
    token = await take_one(inbox)
    line = await inbox.line()
    assert [(waiting.place, waiting.lane, waiting.update["update_id"]) for waiting in line.waiting] == [
        (1, "b:0", 2),
        (2, "c:0", 3),
    ]
    assert line.slots == 3
    turn = await inbox.open_turn(token)
    assert turn is not None
    await inbox.finish(turn, 20.0)
    assert 15 < (await inbox.line()).pace_s <= 20


async def test_the_wait_that_is_told_is_no_quick_spell_s(inbox: Inbox) -> None:
    await inbox.tick("main", 1, 0, [])
    await inbox.store([ticket(i, f"{i}:0") for i in range(1, 23)])
    for i in range(22):
        turn = await inbox.open_turn(await take_one(inbox))
        assert turn is not None
        await inbox.finish(turn, 20.0 if i == 0 else 0.1)
    assert (await inbox.line()).pace_s > 5  # a third of the slow one's, after so many quick ones
    assert (await inbox.stats())["pace_s"] < 1  # the average, which follows them


async def test_the_wait_that_is_told_is_not_less_than_those_in_hand_take(inbox: Inbox) -> None:
    await inbox.tick("main", 2, 0, [])
    await inbox.store([ticket(1, "a:0"), ticket(2, "b:0"), ticket(3, "c:0"), ticket(4, "d:0")])
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    await inbox.finish(turn, 0.1)
    await take_one(inbox)
    await asyncio.sleep(1)
    assert (await inbox.line()).pace_s >= 1
    await take_one(inbox)  # a place that was free a moment ago: the other one says nothing of the rest
    assert (await inbox.line()).pace_s < 1


async def test_forgetting_a_lane(inbox: Inbox, server: Valkey) -> None:
    await inbox.store([ticket(i, chat="1:0") for i in (1, 2, 3)])
    turn = await inbox.open_turn(await take_one(inbox))
    assert turn is not None
    await inbox.set_aside(turn, "failed")
    token = await take_one(inbox)
    turn = await inbox.open_turn(token)
    assert turn is not None
    assert await inbox.chats(60) == ["1:0"]
    assert await inbox.forget("1:0") == 1  # the one set aside; what waits stays
    assert await inbox.chats(60) == []
    assert await inbox.length() == 2
    assert await inbox.forget("1:0", waiting=True) == 1  # all but the one in hand
    await inbox.finish(turn, 0.1)
    assert await inbox.length() == 0
    assert await inbox.take("main", 1, 0.01) == []
    assert await inbox.store([ticket(9)]) == ["new"]
    assert await handle_next(inbox) == 9


async def test_forgetting_what_waits_before_its_turn_leaves_one_token(inbox: Inbox) -> None:
    await inbox.store([ticket(1)])
    await inbox.forget("1:0", waiting=True)
    await inbox.store([ticket(2)])
    tokens = await inbox.take("main", 5, 0.05)
    assert len(tokens) == 1
    turn = await inbox.open_turn(tokens[0])
    assert turn is not None
    assert turn.update_id == 2


async def test_a_role_is_held_by_one(inbox: Inbox, server: Valkey) -> None:
    other = Inbox(server.url, BOT, Bounds(lease_s=0.2))
    await other.open()
    assert await other.take_role("poller")
    assert await other.take_role("poller")
    assert not await inbox.take_role("poller")
    await other.drop_role("poller")
    assert await inbox.take_role("poller")
    assert not await other.take_role("poller")
    await asyncio.sleep(0.31)
    assert await other.take_role("poller")
    await other.close()


async def test_two_bots_on_one_server_do_not_meet(inbox: Inbox, server: Valkey) -> None:
    other = Inbox(server.url, BOT + 1, Bounds())
    await other.open()
    await inbox.store([ticket(1)])
    assert await other.store([ticket(1)]) == ["new"]
    assert await handle_next(other) == 1
    assert await handle_next(inbox) == 1
    await other.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_many_processes_share_the_work_and_some_die(server: Valkey, seed: int) -> None:
    """Each update handled once, each lane in order, whoever dies in the middle."""
    rng = random.Random(seed)
    expected: dict[str, list[int]] = {f"{lane}:0": [] for lane in range(12)}
    tickets = []
    for update_id in range(1, 201):
        lane = rng.choice(list(expected))
        expected[lane].append(update_id)
        tickets.append(ticket(update_id, lane, limited=False))
    done: dict[str, list[int]] = {lane: [] for lane in expected}
    serving: Counter[str] = Counter()

    async def work(death: int) -> None:
        inbox = Inbox(server.url, BOT, Bounds(lease_s=1.5))
        await inbox.open()
        handled = 0
        while sum(map(len, done.values())) < len(tickets):
            tokens = await inbox.tick("main", 1, 1, []) or await inbox.take("main", 1, 0.05)
            for token in tokens:
                turn = await inbox.open_turn(token)
                if turn is None:
                    continue
                serving[token.lane] += 1
                assert serving[token.lane] == 1, "two served one lane at a time"
                await asyncio.sleep(rng.random() * 0.004)
                serving[token.lane] -= 1
                handled += 1
                if handled == death:
                    await inbox._link.close()  # gone without a word
                    return
                await inbox.finish(turn, 0.01)
                done[token.lane].append(turn.update_id)
        await inbox.close()

    feeder = Inbox(server.url, BOT, Bounds())
    await feeder.open()

    async def feed() -> None:
        for i in range(0, len(tickets), 7):
            await feeder.store(tickets[i : i + 7])
            await feeder.store(tickets[max(0, i - 3) : i + 2])  # Telegram repeats itself
            await asyncio.sleep(0.002)

    deaths = [rng.randint(5, 40), rng.randint(5, 40), 10**9, 10**9]
    await asyncio.wait_for(asyncio.gather(feed(), *(work(death) for death in deaths)), 30)
    await feeder.close()
    assert done == expected
