"""Sessions in Redis (or Valkey): one key a kind of thing, a lock, and scripts that write all or nothing.

    quoth:session:{<id>}:state       the session as JSON                      TTL
    quoth:session:{<id>}:documents   hash: document id to its text, packed    TTL
    quoth:session:{<id>}:aside       list: states that could not be read      TTL
    quoth:session:{<id>}:lock        the holder's token                       seconds
    quoth:session:{<id>}:stop        the token of who is asked to stop        seconds

The braces keep a session's keys in one slot of a cluster. Knows nothing of the chain or of adapters.
Errors name the server without its password and never what is stored.
"""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from bot import redis_scripts
from bot.embedded_redis import EmbeddedRedis
from bot.errors import LockLost, SessionBusy, StoreError, StoreFull, StoreUnavailable
from bot.held_lock import HeldLock
from bot.outage import Outage
from bot.session_codec import decode_document, decode_session, encode_document, encode_session
from bot.sessions import Session, SessionLock, check_session_id
from bot.settings import Settings
from skills.dialog import Document

log = logging.getLogger(__name__)
T = TypeVar("T")

#: How long a killed process keeps its sessions locked; renewed at a third of it.
LOCK_TTL_S = 15.0
#: How long an answer is waited for.
TIMEOUT_S = 10.0
#: Documents are refused beyond this share of the server's memory; the rest is the conversation's.
_DOCUMENTS_SHARE = 0.9


class SessionKeys:
    """The names of a session's keys."""

    def __init__(self, session_id: str) -> None:
        # Percent-encoded: an id cannot close the braces nor match as a pattern.
        self.prefix = f"quoth:session:{{{quote(check_session_id(session_id), safe=':')}}}"
        self.state = f"{self.prefix}:state"
        self.documents = f"{self.prefix}:documents"
        self.aside = f"{self.prefix}:aside"
        self.lock = f"{self.prefix}:lock"
        self.stop = f"{self.prefix}:stop"


class RedisSessionStore:
    """A :class:`~bot.sessions.SessionStore` on a Redis server.

    Args:
        url: of the server.
        ttl_s: how long a session outlives its last turn, in seconds.
        embedded: the server itself where it is ours: started again when it is gone, its file
            rewritten after somebody asked to be forgotten, and let go of by ``close``.
        lock_ttl_s: how long a lock outlives a holder that was killed.
        timeout_s: how long an answer is waited for.
    """

    def __init__(
        self, url: str, ttl_s: int, *, embedded: EmbeddedRedis | None = None,
        lock_ttl_s: float = LOCK_TTL_S, timeout_s: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        #: Address of the server, for who shares it.
        self.url = url
        self._place = "the embedded server" if embedded else _without_password(url)
        self._ttl_s = ttl_s
        self._lock_ttl_s = lock_ttl_s
        self._embedded = embedded
        self._outage = Outage(log, self._place)
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=min(5.0, timeout_s),
            health_check_interval=30,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 3),
        )
        self._acquire = self._client.register_script(redis_scripts.ACQUIRE)
        self._release = self._client.register_script(redis_scripts.RELEASE)
        self._renew = self._client.register_script(redis_scripts.RENEW)
        self._save = self._client.register_script(redis_scripts.SAVE)
        self._set_aside = self._client.register_script(redis_scripts.SET_ASIDE)
        self._stop = self._client.register_script(redis_scripts.REQUEST_STOP)

    @contextlib.contextmanager
    def lock(self, session_id: str, wait_s: float) -> Iterator[SessionLock]:
        """See :meth:`bot.sessions.SessionStore.lock`."""
        keys, token = SessionKeys(session_id), secrets.token_hex(16)
        deadline = time.monotonic() + wait_s
        pause = 0.01
        arguments: list[str | int] = [token, _ms(self._lock_ttl_s)]
        while (found := self._call(lambda: self._acquire([keys.lock, keys.state], arguments))) is None:
            if time.monotonic() >= deadline:
                raise SessionBusy(f"the session is still busy after {wait_s:g} s")
            time.sleep(min(pause, max(deadline - time.monotonic(), 0)) * random.uniform(0.5, 1))  # noqa: S311
            pause = min(pause * 1.5, 0.2)
        state = found[0] if found else None
        held = HeldLock(session_id, token, self._lock_ttl_s, lambda: self._renewal(keys, token), state)
        try:
            yield held
        finally:
            held.end()
            if not held.released:
                with contextlib.suppress(StoreError):  # it runs out by itself
                    self._call(lambda: self._release([keys.lock, keys.stop], [token]))

    def load(self, session_id: str, lock: SessionLock | None = None) -> Session:
        """See :meth:`bot.sessions.SessionStore.load`."""
        keys = SessionKeys(session_id)
        data = _held(lock).state if lock else self._call(lambda: self._client.get(keys.state))
        return Session(session_id) if data is None else decode_session(_bytes(data))

    def save(
        self,
        lock: SessionLock,
        session: Session,
        *,
        add: Document | None = None,
        drop: Collection[str] = (),
        release: bool = False,
    ) -> None:
        """See :meth:`bot.sessions.SessionStore.save`."""
        keys, held = SessionKeys(session.id), _held(lock)
        arguments: list[bytes | str | int] = [held.token, self._ttl_s, encode_session(session)]
        arguments += [int(release), len(drop)]
        arguments.extend(drop)
        if add is not None:
            packed = encode_document(add)
            self._check_room(len(packed))
            arguments += [add.id, packed]
        names = [keys.lock, keys.state, keys.documents, keys.stop]
        if not self._call(lambda: self._save(names, arguments)):
            raise LockLost("the session's lock ran out; nothing was written")
        held.released = release

    def set_aside(self, lock: SessionLock) -> None:
        """See :meth:`bot.sessions.SessionStore.set_aside`."""
        keys = SessionKeys(lock.session_id)
        arguments: list[bytes | str | int] = [_held(lock).token, self._ttl_s]
        if not self._call(lambda: self._set_aside([keys.lock, keys.state, keys.aside], arguments)):
            raise LockLost("the session's lock ran out; nothing was set aside")

    def aside(self, session_id: str) -> tuple[bytes, ...]:
        """See :meth:`bot.sessions.SessionStore.aside`."""
        keys = SessionKeys(session_id)
        states = self._call(lambda: self._client.lrange(keys.aside, 0, -1))
        return tuple(_bytes(state) for state in states)

    def document_ids(self, session_id: str) -> frozenset[str]:
        """See :meth:`bot.sessions.SessionStore.document_ids`."""
        keys = SessionKeys(session_id)
        names = self._call(lambda: self._client.hkeys(keys.documents))
        return frozenset(_bytes(name).decode() for name in names)

    def document(self, session_id: str, document_id: str) -> Document | None:
        """See :meth:`bot.sessions.SessionStore.document`."""
        keys = SessionKeys(session_id)
        data = self._call(lambda: self._client.hget(keys.documents, document_id))
        return None if data is None else decode_document(_bytes(data))

    def forget(self, session_id: str) -> int:
        """See :meth:`bot.sessions.SessionStore.forget`."""
        keys = SessionKeys(session_id)
        # By pattern too: whatever else bears the session's name, such as a key of an older version.
        names = {keys.state, keys.documents, keys.aside, *self.leftovers(session_id)}
        n_deleted = self._call(lambda: self._client.delete(*names))
        if self._embedded is not None and not self._embedded.rewrite_file():
            log.warning("what was deleted may still stand in the append-only file for a while")
        return n_deleted

    def leftovers(self, session_id: str) -> tuple[str, ...]:
        """See :meth:`bot.sessions.SessionStore.leftovers`."""
        keys = SessionKeys(session_id)
        found = self._call(lambda: list(self._client.scan_iter(match=f"{keys.prefix}:*", count=1000)))
        names = {_bytes(name).decode() for name in found}
        return tuple(sorted(names - {keys.lock, keys.stop}))

    def request_stop(self, session_id: str) -> bool:
        """See :meth:`bot.sessions.SessionStore.request_stop`."""
        keys = SessionKeys(session_id)
        return bool(self._call(lambda: self._stop([keys.lock, keys.stop], [_ms(60)])))

    def ping(self) -> None:
        """See :meth:`bot.sessions.SessionStore.ping`."""
        self._call(self._client.ping)

    def close(self) -> None:
        """See :meth:`bot.sessions.SessionStore.close`."""
        self._client.close()
        if self._embedded is not None:
            self._embedded.close()

    def _renewal(self, keys: SessionKeys, token: str) -> tuple[bool, bool]:
        """Renew; whether the lock is still ours, and whether we are asked to stop."""
        ours, stop = self._call(lambda: self._renew([keys.lock, keys.stop], [token, _ms(self._lock_ttl_s)]))
        return bool(ours), bool(stop)

    def _check_room(self, n_bytes: int) -> None:
        """Documents must not take the room that the conversation itself needs."""
        memory: dict[str, Any] = {}
        with contextlib.suppress(StoreError):  # some servers do not tell
            memory = self._call(lambda: self._client.info("memory"))
        bound = int(memory.get("maxmemory", 0))
        if bound and int(memory.get("used_memory", 0)) + n_bytes > bound * _DOCUMENTS_SHARE:
            raise StoreFull(f"{self._place} has no room for another document (memory bound {bound:,} bytes)")

    def _call(self, function: Callable[[], T]) -> T:
        """Talk to the server, converting its errors; our own server is started again if it is gone."""
        try:
            try:
                result = function()
            except (redis.ConnectionError, redis.TimeoutError):
                if self._embedded is None:
                    raise
                self._embedded.start()
                result = function()
        except StoreUnavailable as error:
            self._outage.failed(type(error).__name__)
            raise
        except redis.OutOfMemoryError as error:
            raise StoreFull(f"{self._place} has reached its memory bound") from error
        except (redis.ConnectionError, redis.TimeoutError) as error:
            self._outage.failed(type(error).__name__)
            raise StoreUnavailable(f"{self._place} does not answer ({type(error).__name__})") from error
        except redis.RedisError as error:
            raise StoreError(f"{self._place} refused ({type(error).__name__}: {_code(error)})") from error
        self._outage.answered()
        return result


def open_store(settings: Settings, lock_ttl_s: float = LOCK_TTL_S) -> RedisSessionStore:
    """The store that the settings ask for; starts the embedded server where no other is set.

    Args:
        settings: which server, and how long sessions are kept.
        lock_ttl_s: how long a lock outlives a holder that was killed.

    Raises:
        StoreUnavailable: if it does not answer.
    """
    embedded = None
    url = settings.redis_url
    if not url:
        embedded = EmbeddedRedis(settings.redis_dir, settings.redis_memory_mb)
        url = embedded.start()
    store = RedisSessionStore(
        url, settings.session_ttl_s, embedded=embedded, lock_ttl_s=lock_ttl_s,
        timeout_s=settings.redis_timeout_s,
    )  # fmt: skip
    try:
        store.ping()
    except StoreError:
        store.close()
        raise
    return store


def _held(lock: SessionLock) -> HeldLock:
    if not isinstance(lock, HeldLock):
        raise TypeError("the lock is of another store")
    return lock


def _bytes(value: bytes | str) -> bytes:
    """The client decodes nothing; its types do not know."""
    assert isinstance(value, bytes)
    return value


def _ms(duration_s: float) -> int:
    return max(1, round(duration_s * 1000))


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    place = parts.hostname or parts.path
    return f"{parts.scheme}://{place}" + (f":{parts.port}" if parts.port else "")


def _code(error: redis.RedisError) -> str:
    """The server's own error code (``MISCONF``, ``NOPERM``); the rest of a message may quote data."""
    return str(error).split(" ", 1)[0][:40]
