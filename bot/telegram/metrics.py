"""What this process did, for Prometheus. Counts and durations only: no ids, nothing that was said."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._updates = Counter(
            "quoth_updates",
            "Updates that arrived, by what became of them.",
            ["result"],
            registry=self.registry,
        )
        self._replies = Counter(
            "quoth_replies", "Replies sent, by the skill that gave them.", ["skill"], registry=self.registry
        )
        self._faults = Counter("quoth_faults", "Faults, by kind.", ["kind"], registry=self.registry)
        self._first = Histogram(
            "quoth_first_piece_seconds", "From an update's arrival to the first piece of its reply.",
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._whole = Histogram(
            "quoth_reply_seconds", "From an update's arrival to the end of its reply.",
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._waiting = Gauge(
            "quoth_waiting_updates", "Updates that wait or are in hand, in all processes.",
            registry=self.registry,
        )  # fmt: skip

    def update(self, result: str) -> None:
        """An update arrived."""
        self._updates.labels(result).inc()

    def reply(self, skill: str, seconds: float) -> None:
        """A reply was sent whole, so many seconds after its update had arrived."""
        self._replies.labels(skill).inc()
        self._whole.observe(max(0.0, seconds))

    def first_piece(self, seconds: float) -> None:
        """The first a user sees of a reply."""
        self._first.observe(max(0.0, seconds))

    def fault(self, kind: str) -> None:
        """Something went wrong."""
        self._faults.labels(kind).inc()

    def waiting(self, n: int) -> None:
        """Length of the queue."""
        self._waiting.set(n)

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
