"""A model that learnt from people talks as a program: their lives are left out of its replies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from skills.dialog import Listener, Preferences
from skills.generation.reply_generator import DEFAULT_PERSONA, IN_TRUTH, Draft, ReplyGenerator
from tests.support.fake_engine import FakeEngine

LIFE = "I'm fine. I'm going to the gym tomorrow."
SAILOR = "You are a sailor."


class Talk:
    """Asks generators over engines with replies of the test's own, and closes them."""

    def __init__(self) -> None:
        self.made: list[ReplyGenerator] = []
        self.heard: list[str] = []

    def __call__(
        self, *replies: str, adapter: str = "small-talk", persona: str = DEFAULT_PERSONA, own: str = ""
    ) -> Draft:
        engine = FakeEngine(*replies)
        engine.adapter = adapter
        self.made.append(ReplyGenerator(engine, persona=persona))
        self.heard.clear()
        listener: Listener = lambda piece: bool(self.heard.append(piece))  # noqa: E731
        (draft,) = self.made[-1](["what's up?"], [None], [None], [listener], [Preferences(persona=own)])
        assert draft is not None
        return draft


@pytest.fixture
def talk() -> Iterator[Talk]:
    talk = Talk()
    yield talk
    for generator in talk.made:
        generator.destroy()


def test_what_claims_a_life_is_left_out(talk: Talk) -> None:
    assert talk(LIFE).text == "I'm fine."
    assert "".join(talk.heard) == "I'm fine. "


def test_as_somebody_else_or_without_the_adapter_it_may_be_said(talk: Talk) -> None:
    assert talk(LIFE, own=SAILOR).text == LIFE
    assert talk(LIFE, persona=SAILOR).text == LIFE
    assert talk(LIFE, adapter="").text == LIFE


def test_a_reply_of_nothing_else_is_drawn_again(talk: Talk) -> None:
    assert talk("I went home. I ate.", "Same here.", "Books, mostly. I ate.").text == "Books, mostly."
    assert "".join(talk.heard) == "Books, mostly. "


@pytest.mark.parametrize("replies", [("I am a real person.",), ("I am a real person.", "", "")])
def test_where_nothing_better_comes_the_truth_does(talk: Talk, replies: tuple[str, ...]) -> None:
    assert talk(*replies).text == IN_TRUTH
    assert "".join(talk.heard) == IN_TRUTH
    assert IN_TRUTH.removesuffix(".") in DEFAULT_PERSONA
    assert len(talk.made[-1].engine.calls) == 3
