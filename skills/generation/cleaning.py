"""What of a model's words reaches a person. Pure: strings in, strings out.

Small models write template markers into their replies ("<|im_end|>"), play the user's part
("User: …") and are cut off at the limit of tokens. Nothing of that is shown, while a reply
streams no more than in the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from skills.dialog import Listener

#: Where one of these begins, the reply is over.
TEMPLATE_MARKERS: tuple[str, ...] = (
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|end|>", "<|user|>", "<|assistant|>",
    "<|system|>", "<|eot_id|>", "<|end_of_text|>", "<|begin_of_text|>", "<|start_header_id|>",
    "<|end_header_id|>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "<<SYS>>",
    "<</SYS>>", "<s>", "</s>", "<bos>", "<eos>", "<pad>", "<unk>",
    "\nUser:", "\nHuman:", "\nAssistant:",
)  # fmt: skip

_OPENING_ROLES = ("Quoth:", "Assistant:", "AI:", "Bot:")
#: A reply that begins with one of these is none: the model plays the person.
_PERSON_ROLES = ("User:", "Human:")
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'”’»)\]*]*(?=\s|$)")
_LIST_NUMBER = re.compile(r"(?:^|\n)\s*\d{1,3}$")
#: How templates write what is theirs: none of it may come from a person's text.
_CONTROL = re.compile(
    r"<(?=\|[^<>\s]{1,40}\|>|/?s>|(?:start|end)_of_turn>|bos>|eos>|pad>|unk>|</?SYS>>)|\[(?=/?INST\])"
)


class StopFilter:
    """Passes a text on piece by piece, up to the first of some stop texts.

    What may still become a stop text is held back until it is clear.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = tuple(stops)
        self.hit = False
        self._held = ""

    def feed(self, piece: str) -> str:
        """The part that may be shown now; nothing after a stop text was seen."""
        if self.hit:
            return ""
        text = self._held + piece
        found = [at for at in (text.find(stop) for stop in self.stops) if at >= 0]
        if found:
            self.hit, self._held = True, ""
            return text[: min(found)]
        n_held = max((_overlap(text, stop) for stop in self.stops), default=0)
        self._held = text[len(text) - n_held :]
        return text[: len(text) - n_held]

    def rest(self) -> str:
        """What was held back, once nothing more comes; nothing after a stop."""
        held, self._held = self._held, ""
        return "" if self.hit else held


class ReplyStream:
    """A listener for engines that hands on to a person's listener what may be shown, "" where nothing may.

    Attributes:
        stopped: the person's listener asked to stop.
    """

    def __init__(self, listener: Listener | None) -> None:
        self.stopped = False
        self._listener = listener
        self._filter = StopFilter(TEMPLATE_MARKERS)
        self._shown: list[str] = []
        self._begun = False
        self._opening = ""  # held back until it is clear that it is no role of anybody

    def __call__(self, piece: str) -> bool:
        """Take a piece; True ends the generation."""
        if not self._begun:
            piece = piece.lstrip()
            self._begun = bool(piece)
        self._show(self._filter.feed(piece))
        return self.stopped or self._filter.hit

    def finish(self) -> str:
        """Hand on what was held back; returns all that was shown."""
        if not self.stopped:
            self._show(self._filter.rest(), last=True)
        return self.text

    @property
    def text(self) -> str:
        """All that was shown so far."""
        return "".join(self._shown)

    def _show(self, text: str, last: bool = False) -> None:
        if not self._shown:
            text = self._begin(text, last)
        if text:
            self._shown.append(text)
        # where it goes on with "", too, for the listener may want to stop before anything can be shown
        goes_on = not (last or self._filter.hit)
        if (text or goes_on) and self._listener is not None and self._listener(text):
            self.stopped = True

    def _begin(self, text: str, last: bool) -> str:
        """What may be shown of a reply's beginning; the rest is held back."""
        text = _without_role((self._opening + text).lstrip())
        self._opening = ""
        if text.startswith(_PERSON_ROLES):
            self._filter.hit = True
            return ""
        if not last and any(role.startswith(text) for role in (*_OPENING_ROLES, *_PERSON_ROLES)):
            self._opening = text
            return ""
        return text


def clean_reply(text: str, cut: bool = False) -> str:
    """A reply as it stands in the conversation.

    Args:
        text: what was shown of it.
        cut: the limit of tokens ended it: it is taken back to its last whole sentence, where it
            has one.
    """
    text = text.lstrip()
    for marker in TEMPLATE_MARKERS:
        text = text.partition(marker)[0]
    text = _without_role(text).rstrip()
    if text.startswith(_PERSON_ROLES):
        return ""
    return _whole_sentences(text) if cut else text


def without_control(text: str) -> str:
    """A person's text with nothing in it that a chat template could take for its own.

    A space after the bracket is enough: ``<|im_end|>`` becomes ``< |im_end|>``.
    """
    return _CONTROL.sub(lambda found: found.group() + " ", text)


def _without_role(text: str) -> str:
    while role := next((role for role in _OPENING_ROLES if text.startswith(role)), ""):
        text = text[len(role) :].lstrip()
    return text


def _whole_sentences(text: str) -> str:
    ends = [
        match.end()
        for match in _SENTENCE_END.finditer(text)
        if not _LIST_NUMBER.search(text[: match.start()])  # "1." begins a list's entry
    ]
    return text[: ends[-1]] if ends else text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of a text that begins a stop text."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
