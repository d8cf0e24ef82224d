"""Sessions in a real server: the contract, and what only Redis has."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from bot.conversation import Conversation
from bot.embedded_redis import EmbeddedRedis
from bot.errors import LockLost, SessionBusy, StoreError, StoreFull, StoreUnavailable
from bot.messages import text
from bot.redis_sessions import RedisSessionStore, SessionKeys
from bot.sessions import DocumentInfo, Session, SessionLock, SessionStore
from bot.settings import Settings
from skills.dialog import Document
from tests.support.fake_pipeline import FakePipeline
from tests.support.servers import kill_server, running_server, server_pid, wait_until
from tests.support.store_contract import ANN, BOB, StoreContract, document, said


@pytest.fixture
def client(embedded_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(embedded_server.url) as client:
        yield client
        client.flushall()


class TestRedisStore(StoreContract):
    hears_after_s = 0.8

    @pytest.fixture
    def store(self, embedded_server: EmbeddedRedis) -> Iterator[SessionStore]:  # type: ignore[override]
        store = RedisSessionStore(embedded_server.url, ttl_s=1000)
        yield store
        store._client.flushall()
        store.close()

    def lose(self, store: SessionStore, lock: SessionLock) -> None:
        assert isinstance(store, RedisSessionStore)
        store._client.delete(SessionKeys(lock.session_id).lock)

    def damage(self, store: SessionStore, session_id: str, state: bytes) -> None:
        assert isinstance(store, RedisSessionStore)
        store._client.set(SessionKeys(session_id).state, state)


@pytest.fixture
def store(embedded_server: EmbeddedRedis, client: redis.Redis) -> Iterator[RedisSessionStore]:
    store = RedisSessionStore(embedded_server.url, ttl_s=1000)
    yield store
    store.close()


def test_every_key_that_holds_what_was_said_expires(store: RedisSessionStore, client: redis.Redis) -> None:
    client.set(SessionKeys(ANN).state, b"damaged")
    with store.lock(ANN, 1) as lock:
        store.set_aside(lock)
        store.save(lock, Session(ANN).with_exchange(*said("x"), 10), add=document())
        assert 0 < client.pttl(SessionKeys(ANN).lock) <= 15_000
    keys = client.keys("*")
    assert len(keys) == 3
    assert all(key.startswith(b"quoth:") and 0 < client.ttl(key) <= 1000 for key in keys)


def test_using_a_session_puts_off_its_end(store: RedisSessionStore, client: redis.Redis) -> None:
    keys = SessionKeys(ANN)
    with store.lock(ANN, 1) as lock:
        store.save(lock, Session(ANN), add=document())
        for key in (keys.state, keys.documents):
            client.expire(key, 5)
        store.save(lock, Session(ANN))
    assert client.ttl(keys.state) > 900
    assert client.ttl(keys.documents) > 900


def test_a_long_turn_keeps_its_lock(embedded_server: EmbeddedRedis, client: redis.Redis) -> None:
    store = RedisSessionStore(embedded_server.url, ttl_s=1000, lock_ttl_s=0.3)
    with store.lock(ANN, 1) as lock:
        time.sleep(1.0)
        assert not lock.lost()
        with pytest.raises(SessionBusy), store.lock(ANN, 0.1):
            pass
        store.save(lock, Session(ANN))
    store.close()


def test_many_locks_are_renewed_together(embedded_server: EmbeddedRedis, client: redis.Redis) -> None:
    store = RedisSessionStore(embedded_server.url, ttl_s=1000, lock_ttl_s=0.6)
    with contextlib.ExitStack() as stack:
        locks = [stack.enter_context(store.lock(f"console:{i}", 1)) for i in range(12)]
        for lock in locks[::3]:
            store.save(lock, Session(lock.session_id), release=True)
        time.sleep(1.5)
        kept = [lock for i, lock in enumerate(locks) if i % 3]
        assert not any(lock.lost() for lock in kept)
        assert all(client.exists(SessionKeys(lock.session_id).lock) for lock in kept)
        assert not any(client.exists(SessionKeys(lock.session_id).lock) for lock in locks[::3])
        assert sum(thread.name == "session-locks" for thread in threading.enumerate()) == 1
    store.close()


def test_a_last_saving_whose_answer_was_lost_is_found_done(
    store: RedisSessionStore, client: redis.Redis
) -> None:
    session = Session(ANN).with_exchange(*said("one"), 10)
    with store.lock(ANN, 1) as lock:
        store.save(lock, session, release=True)
        store.save(lock, session, release=True)  # what the client repeats
        with pytest.raises(LockLost):
            store.save(lock, session.with_exchange(*said("two"), 10), release=True)
    assert len(store.load(ANN).turns) == 2


def test_the_lock_of_a_killed_process_runs_out(embedded_server: EmbeddedRedis, client: redis.Redis) -> None:
    store = RedisSessionStore(embedded_server.url, ttl_s=1000, lock_ttl_s=0.3)
    client.set(SessionKeys(ANN).lock, b"of a dead process", px=300)
    with store.lock(ANN, 10) as lock:
        store.save(lock, Session(ANN))
    store.close()


def test_a_holder_learns_that_its_lock_is_gone(embedded_server: EmbeddedRedis, client: redis.Redis) -> None:
    store = RedisSessionStore(embedded_server.url, ttl_s=1000, lock_ttl_s=0.3)
    with store.lock(ANN, 1) as lock:
        client.delete(SessionKeys(ANN).lock)
        wait_until(lock.lost, "the lock to be known as lost")
    store.close()


def test_two_stores_share_the_lock(embedded_server: EmbeddedRedis, store: RedisSessionStore) -> None:
    other = RedisSessionStore(embedded_server.url, ttl_s=1000)
    with store.lock(ANN, 1), pytest.raises(SessionBusy), other.lock(ANN, 0.05):
        pass
    other.close()


def test_turns_of_two_stores_are_all_kept(embedded_server: EmbeddedRedis, client: redis.Redis) -> None:
    stores = [RedisSessionStore(embedded_server.url, ttl_s=1000) for _ in range(2)]

    def take(i: int) -> None:
        store = stores[i % 2]
        with store.lock(ANN, 30) as lock:
            store.save(lock, store.load(ANN).with_exchange(*said(str(i)), 1000))

    threads = [threading.Thread(target=take, args=(i,)) for i in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(turn.text) for turn in stores[0].load(ANN).turns[::2]) == list(range(30))
    for store in stores:
        store.close()


def test_no_server_is_one_clear_error_without_the_password() -> None:
    store = RedisSessionStore("redis://:geheim@127.0.0.1:1/0", ttl_s=10)
    with pytest.raises(StoreUnavailable) as caught:
        store.ping()
    assert "127.0.0.1:1" in str(caught.value)
    assert "geheim" not in str(caught.value)
    store.close()


def test_an_error_of_the_server_does_not_repeat_what_is_stored(
    store: RedisSessionStore, client: redis.Redis
) -> None:
    client.set(SessionKeys(ANN).documents, b"not a hash")
    with store.lock(ANN, 1) as lock, pytest.raises(StoreError) as caught:
        store.save(lock, Session(ANN), add=document(words="Geheimnis"))
    assert "Geheimnis" not in str(caught.value)
    assert client.get(SessionKeys(ANN).state) is None


def test_our_own_server_comes_back_after_kill_9(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    with running_server() as server:
        store = RedisSessionStore(server.url, ttl_s=1000, embedded=server)
        with store.lock(ANN, 1) as lock:
            store.save(lock, Session(ANN).with_exchange(*said("before"), 10))
        old = kill_server(server)
        with store.lock(ANN, 30) as lock:
            store.save(lock, store.load(ANN).with_exchange(*said("after"), 10))
        assert [turn.text for turn in store.load(ANN).turns[::2]] == ["before", "after"]
        assert server_pid(server) != old
        store.close()


def test_a_full_server_refuses_documents_and_keeps_the_conversation() -> None:
    stored: list[Document] = []

    def fill(store: RedisSessionStore, lock: SessionLock) -> None:
        noise = "".join(chr(0x4E00 + (i * 7919) % 20000) for i in range(300_000))
        for i in range(100):
            new = document(f"{i}.txt", noise[i:] + str(i))
            session = Session(ANN, documents=tuple(DocumentInfo.of(d) for d in (*stored, new)))
            store.save(lock, session, add=new)
            stored.append(new)

    with running_server(memory_mb=16) as server:
        store = RedisSessionStore(server.url, ttl_s=1000, embedded=server)
        with store.lock(ANN, 1) as lock, pytest.raises(StoreFull):
            fill(store, lock)
        assert 1 < len(stored) < 100
        assert store.document_ids(ANN) == {kept.id for kept in stored}
        assert [info.id for info in store.load(ANN).documents] == [kept.id for kept in stored]
        with store.lock(BOB, 1) as lock:  # others go on talking
            store.save(lock, Session(BOB).with_exchange(*said("hello"), 10))
        assert store.forget(ANN) == 2
        with store.lock(BOB, 1) as lock:
            store.save(lock, store.load(BOB), add=document())
        store.close()


def test_a_server_without_any_room_lets_one_make_some() -> None:
    with running_server(memory_mb=16) as server, redis.Redis.from_url(server.url) as client:
        store = RedisSessionStore(server.url, ttl_s=1000, embedded=server)
        kept = document()
        with store.lock(ANN, 1) as lock:
            store.save(lock, Session(ANN, documents=(DocumentInfo.of(kept),)), add=kept)
        client.config_set("maxmemory", 1)
        with store.lock(ANN, 1) as lock:
            with pytest.raises(StoreFull):
                store.save(lock, store.load(ANN).with_exchange(*said("x"), 10))
            assert store.load(ANN).documents  # still readable
            store.save(lock, Session(ANN), drop=[kept.id])
            assert store.document_ids(ANN) == frozenset()
            assert store.forget(ANN) == 1
        store.close()


def test_on_a_full_server_a_document_can_be_dropped_and_only_that_one(settings: Settings) -> None:
    with running_server(memory_mb=16) as server, redis.Redis.from_url(server.url) as client:
        store = RedisSessionStore(server.url, ttl_s=1000, embedded=server)
        conversation = Conversation(settings, FakePipeline(), store)
        for name in ("a.txt", "b.txt", "c.txt"):
            conversation.add_document(ANN, name, name.encode())
        client.config_set("maxmemory", 1)
        for _ in range(3):  # as it is delivered until it is answered
            answer = conversation.reply(ANN, "/drop 1", turn_id="m7")
            assert answer.text == text("drop.done", "en", name="a.txt")
        assert [info.name for info in conversation.documents(ANN)] == ["b.txt", "c.txt"]
        assert len(store.document_ids(ANN)) == 2
        store.close()
