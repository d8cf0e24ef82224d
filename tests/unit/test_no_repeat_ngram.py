"""Which tokens a repeated run forbids: the reply's own, never its end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skills.generation.engines.no_repeat_ngram import NoRepeatNGram

END, ROLE = 0, 1


@given(st.lists(st.integers(2, 4), max_size=20), st.integers(2, 4))
def test_in_a_text_no_run_comes_twice(ids: list[int], size: int) -> None:
    forbidden = NoRepeatNGram(size, 0, frozenset({END})).forbidden(ids)
    runs = [ids[at : at + size] for at in range(len(ids) - size + 1)]
    assert forbidden == {token for token in range(2, 5) if [*ids, token][-size:] in runs and len(ids) >= size}


def test_the_template_before_a_reply_forbids_it_nothing() -> None:
    prompt = [7, END, ROLE, 5, 6, END, 7, END, ROLE]
    no_repeat = NoRepeatNGram(3, len(prompt), frozenset({END}))
    assert no_repeat.forbidden(prompt) == set()
    assert no_repeat.forbidden([*prompt, 5]) == set()


def test_what_was_said_is_forbidden_and_the_end_is_not() -> None:
    prompt = [ROLE, 5, 6, 8, END, ROLE]
    no_repeat = NoRepeatNGram(3, len(prompt), frozenset({END}))
    assert no_repeat.forbidden([*prompt, 5, 6]) == {8}
    assert no_repeat.forbidden([*prompt, 6, 8]) == set()
