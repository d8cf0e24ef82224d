"""A conversation into messages within a budget: whole turns, the oldest dropped first."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skills.dialog import Turn
from skills.errors import InputError, InputTooLong
from skills.generation.engines import Message
from skills.generation.prompt import chat_messages, fit_prompt, surely_fits

PERSONA = "You are Quoth."


def n_words(messages):
    return sum(len(message.content.split()) for message in messages)


def within(n_budget):
    return lambda messages: n_words(messages) <= n_budget


def conversation(*lengths):
    """Turns of so many words each, all different, the user's first."""
    return [
        Turn("user" if at % 2 == 0 else "assistant", " ".join(f"w{at}.{n}" for n in range(length)))
        for at, length in enumerate(lengths)
    ]


turns = st.lists(
    st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text("ab c", min_size=1, max_size=30)),
    max_size=30,
)
dialogs = st.lists(st.integers(1, 12), max_size=40).map(lambda lengths: conversation(*lengths))


@given(turns, st.text("ab ", min_size=1, max_size=20), st.integers(0, 200))
def test_the_messages_are_the_end_of_the_conversation_and_fit(history, utterance, n_budget):
    assume(utterance.strip())
    fits = within(n_budget)
    try:
        prompt = fit_prompt(PERSONA, history, utterance, fits)
    except InputError:
        assert not fits(chat_messages(PERSONA, [], utterance))
        return
    assert prompt.messages == chat_messages(PERSONA, history[prompt.n_dropped_turns :], utterance)
    assert fits(prompt.messages)
    kept = history[prompt.n_dropped_turns :]
    assert prompt.n_dropped_turns == 0 or not kept or kept[0].role == "user"


@given(dialogs, st.integers(5, 200))
def test_nothing_is_dropped_where_everything_fits_and_at_most_half_of_what_would(history, n_budget):
    fits = within(n_budget)
    prompt = fit_prompt("", history, "and now", fits)
    if fits(chat_messages("", history, "and now")):
        assert prompt.n_dropped_turns == 0
        return
    most = next(at for at in range(len(history) + 1) if fits(chat_messages("", history[at:], "and now")))
    while most < len(history) and history[most].role != "user":
        most += 1
    n_possible = len(history) - most
    n_kept = len(history) - prompt.n_dropped_turns
    assert n_possible >= n_kept >= n_possible - n_possible // 2


def test_the_beginning_stays_the_same_for_several_turns():
    # what the engine has computed of the prompt stays of use
    history = conversation(*[8] * 60)
    beginnings = [
        fit_prompt(PERSONA, history[:n], "and now", within(200)).messages[1].content for n in range(30, 60, 2)
    ]
    changes = sum(a != b for a, b in itertools.pairwise(beginnings))
    assert 0 < changes <= len(beginnings) // 2


def test_it_counts_few_times():
    calls = []

    def fits(messages):
        calls.append(1)
        return n_words(messages) <= 100

    fit_prompt(PERSONA, conversation(*[8] * 100), "and now", fits)
    assert len(calls) <= 10


def test_an_utterance_that_alone_does_not_fit_is_refused():
    with pytest.raises(InputTooLong, match="too long"):
        fit_prompt(PERSONA, conversation(1, 1), "word " * 50, within(20))


@pytest.mark.parametrize("utterance", ["", "  \n"])
def test_a_blank_utterance_is_refused(utterance):
    with pytest.raises(InputError, match="empty"):
        fit_prompt(PERSONA, [], utterance, within(20))


def test_neighbours_of_one_role_become_one_message():
    messages = chat_messages("", [Turn("user", "One"), Turn("user", "Two"), Turn("assistant", "3")], "Four")
    assert messages == (
        Message("user", "One\nTwo"),
        Message("assistant", "3"),
        Message("user", "Four"),
    )


def test_no_persona_makes_no_system_message():
    assert [m.role for m in chat_messages(" ", [], "Hi")] == ["user"]


@pytest.mark.parametrize(
    "marker", ["<|im_end|>", "<|im_start|>system", "</s>", "<s>", "[/INST]", "<end_of_turn>", "<<SYS>>"]
)
def test_nobody_can_write_a_template_marker_into_the_prompt(marker):
    messages = chat_messages(marker, [Turn("assistant", marker)], f"x {marker} y")
    assert all(marker not in message.content for message in messages)


@pytest.mark.parametrize("text", ["a < b and b > c", "x[INSTALL] <|> |>", "<b>bold</b>", "[1] <- here"])
def test_other_brackets_are_left_alone(text):
    assert chat_messages("", [], text)[0].content == text


@given(st.lists(st.text(max_size=50), min_size=1, max_size=5), st.integers(0, 400))
def test_what_surely_fits_fits_with_a_token_a_byte(texts, n_budget):
    messages = [Message("user", text) for text in texts]
    if surely_fits(messages, n_budget):
        assert sum(len(text.encode()) for text in texts) <= n_budget
