"""Turns of the inbox and who holds them: one process at a time, whoever fails, is slow or dies."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Bounds, Token, TurnLost
from tests.support.inbox import BOT, handle_next, opened, take_one, ticket
from tests.support.valkey import Valkey


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


async def test_a_role_is_held_by_one(inbox: Inbox, server: Valkey) -> None:
    other = Inbox(server.url, BOT, Bounds(lease_s=0.2))
    await other.open()
    assert await other.roles.take("poller")
    assert await other.roles.take("poller")
    assert not await inbox.roles.take("poller")
    await other.roles.drop("poller")
    assert await inbox.roles.take("poller")
    assert not await other.roles.take("poller")
    await asyncio.sleep(0.31)
    assert await other.roles.take("poller")
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
