"""How a continuation is written with a masked language model: mask by mask, then over again.

A prompt is followed by masks; one after another gets a token drawn from the model's
distribution at its place. In what order, :class:`Filling` says. Afterwards places are masked
and drawn again, given all others (Wang & Cho 2019, arXiv 1902.04094). Their paper calls BERT
a Markov random field and this Gibbs sampling from it; their own erratum takes that back: BERT's
conditionals belong to no joint distribution that we could name, so there is no stationary
distribution that more passes would come nearer to. What is left, and what we claim, is the
procedure: each pass makes words agree with what came to stand right of them.

Knows tokens, rules of writing and randomness; a model is whatever answers a :class:`Request`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from skills.generation.decoding import Decoding
from skills.generation.masked_lm.masking import FloatArray, IntArray, log_softmax
from skills.generation.masked_lm.sampling import distribution, draw
from skills.generation.masked_lm.vocabulary import BoolArray, Vocabulary

Order = Literal["left_to_right", "confident", "random"]
#: The model's own probabilities.
_PLAIN = Decoding(do_sample=True)
ORDERS: tuple[Order, ...] = ("left_to_right", "confident", "random")


@dataclass(frozen=True)
class Filling:
    """How masks are filled.

    Attributes:
        max_new_tokens: masks, at least 1.
        min_new_tokens: tokens before a sentence may end, at least 1.
        order: ``left_to_right``; ``confident``, the place whose likeliest token is likeliest
            first (Ghazvininejad et al. 2019, arXiv 1904.09324, one place at a time); ``random``.
        lookahead: left to right, how many masks stand after the one that is filled, at most;
            the fewer, the nearer the end of the text seems.
        refinement_passes: how often every place is drawn again.
        n_candidates: continuations written, of which the most plausible is returned.
        word_pieces: whether words may be put together from pieces; without, every word is one
            of the vocabulary's.
    """

    max_new_tokens: int = 20
    min_new_tokens: int = 3
    order: Order = "left_to_right"
    lookahead: int = 3
    refinement_passes: int = 0
    n_candidates: int = 1
    word_pieces: bool = False


@dataclass(frozen=True)
class Request:
    """A question to the model.

    Attributes:
        input_ids: tokens with masks and special tokens, shape (length,).
        places: positions whose logits are asked for, shape (n,); the answer is (n, vocabulary).
    """

    input_ids: IntArray
    places: IntArray


def continuation(
    prompt: Sequence[int],
    vocabulary: Vocabulary,
    filling: Filling,
    decoding: Decoding,
    random: np.random.Generator,
) -> Generator[Request, FloatArray, list[int]]:
    """Write one continuation: yields requests, is sent logits, returns the new tokens.

    Of several candidates the one is returned whose tokens the model finds likeliest. They hold no
    special token, begin with a word, and end with the first . ? or !, or where the model puts the
    separator, or when the masks are used up.

    Args:
        prompt: tokens before it, without special ones.
        vocabulary: the model's tokens.
        filling: in what order.
        decoding: how a token is drawn.
        random: makes every choice.
    """
    drafts = []
    for _ in range(filling.n_candidates):
        draft = yield from _draft(_Page(prompt, vocabulary, filling, decoding), filling, random)
        score = 0.0
        if filling.n_candidates > 1:
            score = yield from _plausibility(prompt, draft, vocabulary)
        drafts.append((score, draft))
    return max(drafts, key=lambda scored: scored[0])[1]


def _plausibility(
    prompt: Sequence[int], draft: Sequence[int], vocabulary: Vocabulary
) -> Generator[Request, FloatArray, float]:
    """Mean log-probability of a draft's tokens, each given all others (see ``scoring``)."""
    before = [*vocabulary.before, *prompt]
    total = 0.0
    for place, token in enumerate(draft):
        shown = [*draft[:place], vocabulary.mask_id, *draft[place + 1 :]]
        ids = np.array([*before, *shown, *vocabulary.after], dtype=np.int64)
        logits = yield Request(ids, np.array([len(before) + place], dtype=np.int64))
        total += float(log_softmax(logits)[0, token])
    return total / len(draft)


def _draft(
    page: _Page, filling: Filling, random: np.random.Generator
) -> Generator[Request, FloatArray, list[int]]:
    """Fill the masks of a page in the order asked for, then refine."""
    while page.open:
        if filling.order == "left_to_right":
            asked = page.open[:1]
        elif filling.order == "random":
            asked = [page.open[int(random.integers(len(page.open)))]]
        else:
            asked = page.open
        logits = yield page.request(asked, asked[0] + 1 + filling.lookahead)
        best = 0
        if len(asked) > 1:
            best = int(np.argmax([page.confidence(p, row) for p, row in zip(asked, logits, strict=True)]))
        page.put(asked[best], draw(page.chances(asked[best], logits[best]), random))
    for _ in range(filling.refinement_passes):
        for place in random.permutation(page.n_inner):
            logits = yield page.request([int(place)])
            page.put(int(place), draw(page.chances(int(place), logits[0]), random))
    return page.written()


class _Page:
    """A continuation in the making: None stands for a mask."""

    def __init__(
        self, prompt: Sequence[int], vocabulary: Vocabulary, filling: Filling, decoding: Decoding
    ) -> None:
        self.prompt = list(prompt)
        self.vocabulary = vocabulary
        self.filling = filling
        self.decoding = decoding
        self.slots: list[int | None] = [None] * filling.max_new_tokens
        self.closed = False  # whether the last slot ends the text

    @property
    def open(self) -> list[int]:
        """Places that are still masks."""
        return [i for i, token in enumerate(self.slots) if token is None]

    @property
    def n_inner(self) -> int:
        """How many places a refinement draws again: all but the end."""
        return len(self.slots) - self.closed

    def request(self, places: Sequence[int], shown: int | None = None) -> Request:
        """Ask for the logits of places, showing masks there; of the slots, only ``shown`` from the
        left where the order is left to right."""
        if self.filling.order != "left_to_right" or not self.open:
            shown = None
        mask = self.vocabulary.mask_id
        slots = [mask if t is None or i in places else t for i, t in enumerate(self.slots[:shown])]
        before = [*self.vocabulary.before, *self.prompt]
        ids = np.array([*before, *slots, *self.vocabulary.after], dtype=np.int64)
        return Request(ids, np.array(places, dtype=np.int64) + len(before))

    def chances(self, place: int, logits: FloatArray) -> FloatArray:
        """Distribution that the token of a place is drawn from, shape (vocabulary,)."""
        others = [t for i, t in enumerate(self.slots) if t is not None and i != place]
        return distribution(self._rule_out(place, logits), self.decoding, [*self.prompt, *others])

    def confidence(self, place: int, logits: FloatArray) -> float:
        """Probability of the likeliest token that may stand at a place, in (0, 1]."""
        return float(distribution(self._rule_out(place, logits), _PLAIN).max())

    def _rule_out(self, place: int, logits: FloatArray) -> FloatArray:
        """Logits of a place, -inf where a token may not stand there."""
        allowed = self._allowed(place)
        shut = np.full(len(logits), -np.inf, dtype=np.float32)
        shut[: len(allowed)][allowed] = logits[: len(allowed)][allowed]
        return shut

    def put(self, place: int, token: int) -> None:
        """Write a token; what ends the sentence drops what stands after it."""
        self.slots[place] = token
        if token in self.vocabulary.end_ids or token == self.vocabulary.separator_id:
            self.slots = self.slots[: place + 1]
            self.closed = True

    def written(self) -> list[int]:
        """The tokens, without the separator."""
        return [t for t in self.slots if t is not None and t != self.vocabulary.separator_id]

    def _allowed(self, place: int) -> BoolArray:
        """Which tokens may stand at a place, given its neighbours."""
        v = self.vocabulary
        previous = self.slots[place - 1] if place else None
        following = self.slots[place + 1] if place + 1 < len(self.slots) else None
        allowed = v.begins.copy()
        after_word = previous is None or bool(v.words[previous])
        piece_follows = following is not None and bool(v.words[following] and not v.begins[following])
        mark_follows = following is not None and not v.words[following]
        if self.filling.word_pieces and previous is not None and after_word:
            allowed |= v.words
        if place and after_word and not piece_follows and not mark_follows:
            allowed |= v.marks
            refining = not self.open
            if place >= self.filling.min_new_tokens and not refining:
                allowed |= v.ends
                allowed[v.separator_id] = True
        for token in self._repeating(place):
            allowed[token] = False
        return allowed if allowed.any() else v.begins

    def _repeating(self, place: int) -> set[int]:
        """Tokens that would make a run of ``no_repeat_ngram_size`` tokens stand twice."""
        size = self.decoding.no_repeat_ngram_size
        if not size:
            return set()
        tokens: list[int | None] = [*self.prompt, *self.slots]
        at = len(self.prompt) + place
        lead = tokens[max(0, at - size + 1) : at]
        if len(lead) < size - 1 or None in lead:
            return set()
        found = set()
        for start in range(len(tokens) - size + 1):
            last = tokens[start + size - 1]
            if start + size - 1 != at and last is not None and tokens[start : start + size - 1] == lead:
                found.add(last)
        return found
