"""What the skills raise, as the service sees it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.errors import MessageTooLong, MessageUnusable, PipelineError
from bot.pipeline import Pipeline
from bot.settings import Settings
from skills.dialog import Knowledge, Preferences
from skills.errors import GenerationError, InputError, InputTooLong


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    """A pipeline that is never built: tests put a chain of their own in its place."""
    made = Pipeline(Settings())
    made._pool = ThreadPoolExecutor(1)
    yield made
    made._pool.shutdown()


@pytest.mark.parametrize(
    ("raised", "seen", "words"),
    [
        (InputTooLong("make it shorter"), MessageTooLong, "make it shorter"),
        (InputError("no text"), MessageUnusable, "no text"),
        (GenerationError("no reply"), PipelineError, "GenerationError: no reply"),
        (ValueError("what somebody said"), PipelineError, "a skill failed with ValueError"),
    ],
)
def test_errors_of_the_skills_become_the_services(
    pipeline: Pipeline, raised: Exception, seen: type[PipelineError], words: str
) -> None:
    def chain(*_: object) -> None:
        raise raised

    pipeline._dialog = chain
    with pytest.raises(PipelineError) as caught:
        pipeline.reply("hello", (), Knowledge(), Preferences())
    assert type(caught.value) is seen
    assert str(caught.value) == words
