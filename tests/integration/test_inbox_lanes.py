"""The lanes of the inbox: each in its order, fair turns, and what those who wait in them are told."""

from __future__ import annotations

import asyncio

from bot.telegram.inbox import Inbox
from bot.telegram.inbox_types import Bounds
from tests.support.inbox import BOT, handle_next, opened, take_one, ticket
from tests.support.valkey import Valkey


async def test_a_lane_has_one_turn_at_a_time(inbox: Inbox) -> None:
    await inbox.store([ticket(1), ticket(2), ticket(3, "2:0")])
    tokens = await inbox.take("main", 10, 0.1)
    assert sorted(token.lane for token in tokens) == ["1:0", "2:0"]
    assert await inbox.take("main", 10, 0.01) == []


async def test_turns_go_round_the_lanes(inbox: Inbox) -> None:
    many = [ticket(i, "talkative:0") for i in range(1, 6)]
    await inbox.store([*many, ticket(10, "a:0"), ticket(20, "b:0")])
    assert [await handle_next(inbox) for _ in range(7)] == [1, 10, 20, 2, 3, 4, 5]


async def test_a_message_behind_a_delayed_one_waits_with_it(inbox: Inbox) -> None:
    await inbox.store([ticket(1)])
    await inbox.defer(await opened(inbox), 0.05, blameless=True)
    await inbox.store([ticket(2)])
    assert await inbox.take("main", 1, 0.01) == []
    await asyncio.sleep(0.06)
    await inbox.tick("main", 2, 0, [])
    assert [await handle_next(inbox), await handle_next(inbox)] == [1, 2]


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
    assert await inbox.records.chats(60) == ["1:0"]
    await inbox.records.keep_file("1:0", 5, "a file's name", 60)
    assert await inbox.records.file("1:0", 5) == "a file's name"
    assert await inbox.forget("1:0") == 1  # the one set aside; what waits stays
    assert await inbox.records.file("1:0", 5) is None
    assert await inbox.records.chats(60) == []
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
