"""What only keeps in touch, before what says something."""

from __future__ import annotations

import pytest

from skills.phatic import without_greeting


@pytest.mark.parametrize(
    ("utterance", "left"),
    [
        ("Hi-Fi warranty?", "Hi-Fi warranty?"),
        ("hi - how much is it?", "how much is it?"),
        ("sure, but how much is it?", "but how much is it?"),
        ("hi there how much is it?", "how much is it?"),
        ("hi there is a leak, who repairs it?", "there is a leak, who repairs it?"),
        ("hi there's a leak", "there's a leak"),
        ("hello again, Quoth! Who signs?", "Quoth! Who signs?"),
        ("Great, thanks. When is it due?", "When is it due?"),
        ("Oh I see, and the deposit?", "and the deposit?"),
        ("Thank you very much! Who signs?", "Who signs?"),
        ("No. 5 is what?", "No. 5 is what?"),
        ("Good, bad or ugly?", "Good, bad or ugly?"),
        ("thanks to whom?", "thanks to whom?"),
        ("Hello! Thanks!", "Hello! Thanks!"),
    ],
)
def test_without_greeting(utterance: str, left: str) -> None:
    assert without_greeting(utterance) == left
