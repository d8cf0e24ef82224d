"""What /forget promises: nothing of a conversation is left, in the server, in its files, on the shelf."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from bot.conversation import Conversation
from bot.messages import text
from bot.redis_sessions import RedisSessionStore, SessionKeys, open_store
from bot.settings import Settings
from tests.support.fake_pipeline import FakePipeline
from tests.support.servers import is_running, wait_until

ANN, BOB = "console:ann", "telegram:1:0"
SECRET = "the vault opens with 4711"


@pytest.fixture
def store(settings: Settings) -> Iterator[RedisSessionStore]:
    store = open_store(settings)
    yield store
    store.close()
    wait_until(lambda: not is_running(settings.redis_dir), "the server to stop")


@pytest.fixture
def conversation(settings: Settings, store: RedisSessionStore) -> Conversation:
    return Conversation(settings, FakePipeline(), store)


@pytest.fixture
def client(store: RedisSessionStore) -> redis.Redis:
    return store._client


def say_everything(conversation: Conversation, client: redis.Redis, session_id: str) -> None:
    """Have every kind of thing stored that can be."""
    client.set(SessionKeys(session_id).state, f"unreadable {SECRET}")
    conversation.reply(session_id, f"Hello, {SECRET}", turn_id="1")
    conversation.add_document(session_id, "secret.txt", SECRET.encode())
    conversation.reply(session_id, f"/persona {SECRET}", turn_id="2")
    conversation.reply(session_id, "What opens the vault?")


def files_with(folder: Path, words: str) -> list[str]:
    found = []
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if file.is_file() and words.encode() in file.read_bytes():
                found.append(str(file.relative_to(folder)))
    return found


def test_no_key_is_left(conversation: Conversation, client: redis.Redis) -> None:
    say_everything(conversation, client, ANN)
    assert len(client.keys("*")) == 3
    forgotten = conversation.forget(ANN)
    assert (forgotten.n_keys, forgotten.n_files, forgotten.leftovers) == (3, 1, ())
    assert client.keys("*") == []


def test_no_file_of_the_data_folder_holds_a_word_of_it(
    conversation: Conversation, client: redis.Redis, settings: Settings
) -> None:
    say_everything(conversation, client, ANN)
    assert files_with(settings.data_dir, SECRET)
    assert conversation.reply(ANN, "/forget").text == text(
        "forget.done", "en", n_turns=4, n_documents=1, n_keys=3, n_files=1
    )
    wait_until(lambda: not files_with(settings.data_dir, SECRET), "the old file to go")
    assert not any(settings.shelves_dir.iterdir())


def test_others_keep_theirs(conversation: Conversation, client: redis.Redis) -> None:
    say_everything(conversation, client, ANN)
    say_everything(conversation, client, BOB)
    before = json.dumps(conversation.export(BOB)["turns"])
    conversation.forget(ANN)
    assert json.dumps(conversation.export(BOB)["turns"]) == before
    assert conversation.documents(BOB)[0].name == "secret.txt"
    assert all(b"ann" not in key for key in client.keys("*"))


def test_keys_of_an_older_version_go_too(conversation: Conversation, client: redis.Redis) -> None:
    client.set(f"{SessionKeys(ANN).prefix}:notes", SECRET)
    assert conversation.forget(ANN).n_keys == 1
    assert client.keys("*") == []


def test_a_conversation_goes_on_after_a_restart(settings: Settings) -> None:
    for expected in (0, 2):
        store = open_store(settings)
        conversation = Conversation(settings, FakePipeline(), store)
        assert len(conversation.export(ANN)["turns"]) == expected
        conversation.reply(ANN, "hello")
        store.close()
        wait_until(lambda: not is_running(settings.redis_dir), "the server to stop")
