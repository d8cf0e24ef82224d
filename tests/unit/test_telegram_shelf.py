"""Texts that go to the shelf from Telegram, and what they are called there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from bot.conversation import Conversation
from bot.settings import Settings
from bot.telegram.inbox_types import Token, Turn
from bot.telegram.incoming import Incoming
from bot.telegram.shelf import Shelf
from bot.telegram.threads import Threads
from bot.telegram.work import Work

RECEIVED = 1_760_000_000.0


@pytest.fixture
def shelf(settings: Settings, conversation: Conversation) -> Iterator[Shelf]:
    threads, unused = Threads(1), SimpleNamespace()
    yield Shelf(settings, conversation, threads, unused, unused)  # type: ignore[arg-type]
    threads.close()


def pressed(update_id: int, message_id: int) -> Work:
    """A press of the button under a message."""
    turn = Turn(Token("main", "1:0", "t"), ({"update_id": update_id},), RECEIVED, 1, 0, {})
    return Work(turn, Incoming(update_id, "button", 1, message_id=message_id), "en", lambda: None)


async def test_texts_kept_within_a_second_do_not_replace_each_other(
    shelf: Shelf, conversation: Conversation
) -> None:
    for n in range(4):
        sentence = await shelf.keep_text(pressed(n, 50 + n), f"Text number {n}.", "")
        assert sentence.startswith("I have read")
    names = [info.name for info in conversation.documents("telegram:1:0")]
    date = time.strftime("%Y-%m-%d %H.%M", time.localtime(RECEIVED))
    assert names == [f"text {date} ({50 + n}).txt" for n in range(4)]


async def test_a_text_that_is_kept_again_after_a_crash_is_one(
    shelf: Shelf, conversation: Conversation
) -> None:
    for _ in range(2):
        await shelf.keep_text(pressed(7, 50), "A text.", "")
    assert len(conversation.documents("telegram:1:0")) == 1
