"""Calls at the same moment share a run; each gets its own results, or its own error."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from skills.microbatch import MicroBatcher


class Gate:
    """Doubles numbers; the first run waits until it is let go. Negative numbers are an error."""

    def __init__(self) -> None:
        self.runs: list[list[int]] = []
        self.begun = threading.Event()
        self.open = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.runs.append(list(items))
        if len(self.runs) == 1:
            self.begun.set()
            assert self.open.wait(20)
        if min(items, default=0) < 0:
            raise ValueError(f"negative: {min(items)}")
        return [2 * item for item in items]


def while_one_runs(calls: Sequence[Sequence[int]], **options: Any) -> tuple[Gate, list[Any]]:
    """Results (or errors) of calls that all come while the first, [1], is under way."""
    gate = Gate()
    batcher = MicroBatcher(gate, **options)

    def ask(items: Sequence[int]) -> Any:
        try:
            return batcher(items)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(len(calls) + 1) as pool:
        first = pool.submit(ask, [1])
        assert gate.begun.wait(20)
        others = []
        for n, call in enumerate(calls, 1):
            others.append(pool.submit(ask, call))
            while len(batcher._waiting) < n:
                pass
        gate.open.set()
        results = [other.result(20) for other in others]
        assert first.result(20) == [2]
    assert not batcher._running
    return gate, results


def test_a_lone_call_runs_alone_and_at_once() -> None:
    runs: list[Sequence[int]] = []
    batcher: MicroBatcher[int, int] = MicroBatcher(lambda items: runs.append(items) or list(items))  # type: ignore[func-returns-value]
    assert batcher([3, 4]) == [3, 4]
    assert batcher([]) == []
    assert runs == [[3, 4], []]


def test_those_that_come_meanwhile_are_run_together_in_their_order() -> None:
    gate, results = while_one_runs([[5], [6, 7], []])
    assert gate.runs == [[1], [5, 6, 7]]
    assert results == [[10], [12, 14], []]


def test_a_run_is_bounded_and_a_large_call_goes_alone() -> None:
    gate, results = while_one_runs([[1, 2], [3, 4], [5, 6, 7, 8, 9], [10]], max_items=4)
    assert gate.runs == [[1], [1, 2, 3, 4], [5, 6, 7, 8, 9], [10]]
    assert results[2] == [10, 12, 14, 16, 18]
    assert results[3] == [20]


def test_one_call_s_error_is_not_the_others() -> None:
    _, results = while_one_runs([[5], [-1], [6]])
    assert results == [[10], "negative: -1", [12]]


def test_it_goes_on_after_an_error() -> None:
    gate = Gate()
    gate.open.set()
    batcher = MicroBatcher(gate)
    with pytest.raises(ValueError, match="negative"):
        batcher([-3])
    assert batcher([4]) == [8]


def test_many_threads_get_each_its_own() -> None:
    batcher: MicroBatcher[int, int] = MicroBatcher(lambda items: [item + 1 for item in items], max_items=7)
    with ThreadPoolExecutor(16) as pool:
        asked = [list(range(n, n + n % 5)) for n in range(300)]
        assert list(pool.map(batcher, asked)) == [[item + 1 for item in items] for items in asked]
