"""An engine without weights: for tests of what stands on engines."""

from __future__ import annotations

import threading

from skills.generation.engines import Generated


class FakeEngine:
    """Says what it is told to, a word a piece; counts a word a token."""

    name = "fake"
    chats = True
    control_codes = frozenset()

    def __init__(self, *replies, n_ctx=500, n_slots=4, lacks=(), cut=False):
        self.replies = list(replies) or ["Hello there."]
        self.n_ctx, self.n_slots, self.lacks, self.cut = n_ctx, n_slots, lacks, cut
        self.calls = []
        self.loaded = self.closed = 0
        self.together = threading.Barrier(1)
        self._lock = threading.Lock()

    def load(self):
        self.loaded += 1

    def close(self):
        self.closed += 1

    def supports(self, parameter):
        return parameter not in self.lacks

    def count_tokens(self, prompt):
        return len(prompt.split()) if isinstance(prompt, str) else sum(len(m.content.split()) for m in prompt)

    def generate(self, prompt, decoding, listener=None, max_new_tokens=None):
        with self._lock:
            reply = self.replies[min(len(self.calls), len(self.replies) - 1)]
            self.calls.append((prompt, decoding, max_new_tokens))
        self.together.wait(10)
        if isinstance(reply, Exception):
            raise reply
        made = []
        for piece in reply.split(" "):
            made.append(piece + " ")
            if listener is not None and listener(piece + " "):
                return Generated("".join(made), len(made), stopped=True)
        return Generated("".join(made), len(made), cut=self.cut)
