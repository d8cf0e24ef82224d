"""The faults a fake Bot API server can be told to have.

A fault strikes before the request's effect or after it. One that strikes after the effect hides
the outcome from the bot: it cannot know whether its message was sent. Those are counted apart,
since only they (and a bot's own death) excuse a doubled reply.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["flood", "status", "drop", "garbage", "empty", "slow", "gone"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong.

    Attributes:
        kind: ``flood`` answers 429 and keeps the chat closed for ``seconds``; ``status`` answers
            ``status`` in Telegram's form; ``drop`` closes the connection; ``garbage`` answers 200
            with a page of HTML; ``empty`` answers 200 with ``{"ok": true}``; ``slow`` waits
            ``seconds`` and goes on; ``gone`` answers that there is no such chat.
        after: strike after the request has taken effect.
    """

    kind: Kind
    after: bool = False
    status: int = 502
    seconds: float = 1.0


@dataclass
class _Rule:
    fault: Fault
    methods: frozenset[str]
    chat_id: int | None
    times: float


class Faults:
    """Which request meets which fault: planned rules first, then chance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._chance = 0.0
        self._random = random.Random(0)
        self._choices: tuple[Fault, ...] = ()
        self._methods: frozenset[str] = frozenset()
        self.struck: dict[str, int] = {}

    def plan(self, fault: Fault, *methods: str, chat_id: int | None = None, times: float = 1) -> None:
        """The next ``times`` requests of these methods (any, if none is named) meet this fault."""
        with self._lock:
            self._rules.append(_Rule(fault, frozenset(map(str.lower, methods)), chat_id, times))

    def by_chance(self, seed: int, share: float, choices: Iterable[Fault], methods: Iterable[str]) -> None:
        """A share of the requests of these methods meets one of these faults, at random."""
        with self._lock:
            self._random, self._chance = random.Random(seed), share
            self._choices, self._methods = tuple(choices), frozenset(map(str.lower, methods))

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._rules.clear()
            self._chance = 0.0

    def draw(self, method: str, chat_id: int | None) -> Fault | None:
        """The fault that this request meets, if any."""
        with self._lock:
            fault = self._planned(method, chat_id)
            if fault is None and method in self._methods and self._random.random() < self._chance:
                fault = self._random.choice(self._choices)
            if fault is not None:
                name = f"{fault.kind}{'-after' if fault.after else ''}"
                self.struck[name] = self.struck.get(name, 0) + 1
            return fault

    def _planned(self, method: str, chat_id: int | None) -> Fault | None:
        for rule in self._rules:
            if rule.times > 0 and (not rule.methods or method in rule.methods):
                if rule.chat_id is not None and rule.chat_id != chat_id:
                    continue
                rule.times -= 1
                return rule.fault
        return None
