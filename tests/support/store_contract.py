"""What every session store must do. A store's tests subclass this and say how one is made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bot.errors import InvalidSessionId, LockLost, SessionBusy, UnreadableSession
from bot.sessions import DocumentInfo, Session, SessionLock, SessionPreferences, SessionStore, SessionTurn
from skills.dialog import Document, Page

ANN, BOB = "console:ann", "console:bob"


def document(name: str = "a.txt", words: str = "Ein Satz.\n日本語 🎓") -> Document:
    return Document(f"id-{name}-{len(words)}", name, words, (Page("1", 0, len(words)),))


def said(text: str, turn_id: str | None = None) -> tuple[SessionTurn, SessionTurn]:
    return (
        SessionTurn("user", text, 1.0, turn_id=turn_id),
        SessionTurn("assistant", f"re: {text}", 2.0, turn_id=turn_id, skill="chat"),
    )


class StoreContract:
    #: How long a holder may take to hear that it is asked to stop.
    hears_after_s = 0.0

    @pytest.fixture
    def store(self) -> Iterator[SessionStore]:
        raise NotImplementedError

    def lose(self, store: SessionStore, lock: SessionLock) -> None:
        """Have the holder lose its lock, as if it had run out."""
        raise NotImplementedError

    def damage(self, store: SessionStore, session_id: str, state: bytes) -> None:
        """Put bytes in the place of a session."""
        raise NotImplementedError

    def test_a_session_comes_back_as_it_was_saved(self, store: SessionStore) -> None:
        session = Session(ANN, preferences=SessionPreferences(persona="a \ud800 pirate", libraries=("x",)))
        session = session.with_exchange(*said("héllo\u2028 🎓", "7"), 10)
        with store.lock(ANN, 1) as lock:
            store.save(lock, session)
        assert store.load(ANN) == session

    def test_a_session_comes_with_its_lock(self, store: SessionStore) -> None:
        session = Session(ANN).with_exchange(*said("one"), 10)
        with store.lock(ANN, 1) as lock:
            assert store.load(ANN, lock).turns == ()
            store.save(lock, session)
        with store.lock(ANN, 1) as lock:
            assert store.load(ANN, lock) == session

    def test_the_last_saving_lets_the_lock_go(self, store: SessionStore) -> None:
        session = Session(ANN).with_exchange(*said("one"), 10)
        with store.lock(ANN, 1) as lock:
            store.save(lock, session, release=True)
            with store.lock(ANN, 0.05) as next_lock:
                store.save(next_lock, store.load(ANN, next_lock).with_exchange(*said("two"), 10))
                with pytest.raises(LockLost):
                    store.save(lock, session)
        assert [turn.text for turn in store.load(ANN).turns[::2]] == ["one", "two"]

    def test_a_lock_is_kept_where_the_last_saving_fails(self, store: SessionStore) -> None:
        with store.lock(ANN, 1) as late:
            self.lose(store, late)
            with store.lock(ANN, 1) as lock:
                with pytest.raises(LockLost):
                    store.save(late, Session(ANN).with_exchange(*said("mine"), 10), release=True)
                store.save(lock, Session(ANN).with_exchange(*said("theirs"), 10))
        assert [turn.text for turn in store.load(ANN).turns] == ["theirs", "re: theirs"]

    def test_an_unknown_session_is_fresh_each_time(self, store: SessionStore) -> None:
        assert store.load(ANN).turns == ()
        assert store.load(ANN).epoch != store.load(ANN).epoch

    def test_sessions_do_not_see_each_other(self, store: SessionStore) -> None:
        with store.lock(ANN, 1) as ann, store.lock(BOB, 1):
            store.save(ann, Session(ANN).with_exchange(*said("secret"), 10), add=document())
        assert store.load(BOB).turns == ()
        assert store.document_ids(BOB) == frozenset()
        assert store.leftovers(BOB) == ()

    def test_ids_that_look_like_patterns_are_only_ids(self, store: SessionStore) -> None:
        for session_id in ("api:*", "api:a}b{", "api:%2A", "api:ключ"):
            with store.lock(session_id, 1) as lock:
                store.save(lock, Session(session_id).with_exchange(*said(session_id), 10))
        assert store.forget("api:*") == 1
        for session_id in ("api:a}b{", "api:%2A", "api:ключ"):
            assert store.load(session_id).turns[0].text == session_id

    @pytest.mark.parametrize(
        "session_id", ["", "ann", "other:ann", "api:", "api:a b", "api:\n", "api:" + "a" * 129]
    )
    def test_what_is_no_session_id_is_refused(self, store: SessionStore, session_id: str) -> None:
        with pytest.raises(InvalidSessionId):
            store.load(session_id)

    def test_documents_are_stored_and_dropped_with_the_session(self, store: SessionStore) -> None:
        first, second = document("a.txt"), document("b.txt", "two")
        with store.lock(ANN, 1) as lock:
            store.save(lock, Session(ANN, documents=(DocumentInfo.of(first),)), add=first)
            store.save(lock, Session(ANN, documents=(DocumentInfo.of(second),)), add=second, drop=[first.id])
        assert store.document_ids(ANN) == {second.id}
        assert store.document(ANN, second.id) == second
        assert store.document(ANN, first.id) is None
        assert [info.name for info in store.load(ANN).documents] == ["b.txt"]

    def test_the_lock_is_held_by_one_at_a_time(self, store: SessionStore) -> None:
        with store.lock(ANN, 1):
            with pytest.raises(SessionBusy), store.lock(ANN, 0.05):
                pass
            with store.lock(BOB, 0.05):
                pass
        with store.lock(ANN, 0.05):
            pass

    def test_the_lock_is_free_after_an_error(self, store: SessionStore) -> None:
        with pytest.raises(RuntimeError, match="boom"), store.lock(ANN, 1):
            raise RuntimeError("boom")
        with store.lock(ANN, 0.05):
            pass

    def test_turns_of_many_threads_are_all_kept(self, store: SessionStore) -> None:
        def take(i: int) -> None:
            with store.lock(ANN, 30) as lock:
                session = store.load(ANN)
                time.sleep(0.001)
                store.save(lock, session.with_exchange(*said(str(i)), 1000))

        threads = [threading.Thread(target=take, args=(i,)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(int(turn.text) for turn in store.load(ANN).turns[::2]) == list(range(20))

    def test_a_holder_that_lost_its_lock_writes_nothing(self, store: SessionStore) -> None:
        with store.lock(ANN, 1) as late:
            self.lose(store, late)
            with store.lock(ANN, 1) as lock:
                store.save(lock, Session(ANN).with_exchange(*said("theirs"), 10))
            with pytest.raises(LockLost):
                store.save(late, Session(ANN).with_exchange(*said("mine"), 10), add=document())
            with pytest.raises(LockLost):
                store.set_aside(late)
        assert [turn.text for turn in store.load(ANN).turns] == ["theirs", "re: theirs"]
        assert store.document_ids(ANN) == frozenset()
        assert store.aside(ANN) == ()

    def test_a_late_holder_does_not_let_go_of_another_s_lock(self, store: SessionStore) -> None:
        with ExitStack() as stack:
            with store.lock(ANN, 1) as late:
                self.lose(store, late)
                stack.enter_context(store.lock(ANN, 1))
            with pytest.raises(SessionBusy), store.lock(ANN, 0.05):
                pass

    @pytest.mark.parametrize("state", [b"", b"\xff\x00", b"[]", b'{"schema":999,"session":{}}'])
    def test_what_cannot_be_read_is_set_aside_and_not_lost(self, store: SessionStore, state: bytes) -> None:
        self.damage(store, ANN, state)
        with pytest.raises(UnreadableSession):
            store.load(ANN)
        with store.lock(ANN, 1) as lock:
            store.set_aside(lock)
        assert store.load(ANN).turns == ()
        assert store.aside(ANN) == (state,)

    def test_forgetting_leaves_nothing(self, store: SessionStore) -> None:
        self.damage(store, ANN, b"old")
        with store.lock(ANN, 1) as lock:
            store.set_aside(lock)
            store.save(lock, Session(ANN).with_exchange(*said("secret"), 10), add=document())
            assert len(store.leftovers(ANN)) == 3
            assert store.forget(ANN) == 3
            assert store.leftovers(ANN) == ()
        assert store.load(ANN).turns == ()
        assert store.document_ids(ANN) == frozenset()
        assert store.aside(ANN) == ()
        assert store.forget(ANN) == 0

    def test_who_writes_a_reply_can_be_asked_to_stop(self, store: SessionStore) -> None:
        assert not store.request_stop(ANN)
        with store.lock(ANN, 1) as lock:
            assert not lock.stop_requested()
            assert store.request_stop(ANN)
            deadline = time.monotonic() + 20
            while not lock.stop_requested() and time.monotonic() < deadline:
                time.sleep(0.01)
            assert lock.stop_requested()
        with store.lock(ANN, 1) as lock:  # the next one is not meant
            time.sleep(self.hears_after_s)
            assert not lock.stop_requested()
