"""Decoding parameters: what is refused, and in which words; the presets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.errors import ConfigurationError
from skills.generation.decoding import CHAT_STYLES, PRESETS, Decoding, decoding_from, preset


@pytest.mark.parametrize(
    ("parameters", "key", "expected", "got"),
    [
        ({"temperature": 0.0, "do_sample": True}, "temperature", "0.01", "0.0"),
        ({"temperature": True, "do_sample": True}, "temperature", "number", "True"),
        ({"top_p": 1.5, "do_sample": True}, "top_p", "up to 1", "1.5"),
        ({"top_p": 0, "do_sample": True}, "top_p", "above 0", "0"),
        ({"top_k": -1, "do_sample": True}, "top_k", "whole number", "-1"),
        ({"top_k": 2.5, "do_sample": True}, "top_k", "whole number", "2.5"),
        ({"min_p": -0.1, "do_sample": True}, "min_p", "0 to 1", "-0.1"),
        ({"typical_p": 0.0, "do_sample": True}, "typical_p", "above 0", "0.0"),
        ({"num_beams": 0}, "num_beams", "from 1", "0"),
        ({"repetition_penalty": 0.5}, "repetition_penalty", "from 1", "0.5"),
        ({"no_repeat_ngram_size": 1}, "no_repeat_ngram_size", "from 2", "1"),
        ({"seed": -1}, "seed", "from 0", "-1"),
        ({"seed": 2**32 - 1}, "seed", str(2**32 - 2), str(2**32 - 1)),
        ({"max_new_tokens": 0}, "max_new_tokens", "from 1", "0"),
        ({"stop": [""]}, "stop", "characters", "''"),
        ({"stop": ["x"] * 17}, "stop", "up to 16", "x"),
        ({"do_sample": "maybe"}, "do_sample", "true or false", "maybe"),
        ({"do_sample": 1}, "do_sample", "true or false", "1"),
        ({"top_k": "many", "do_sample": True}, "top_k", "whole number", "many"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_was_expected(parameters, key, expected, got):
    with pytest.raises(ConfigurationError) as caught:
        decoding_from(parameters)
    message = str(caught.value)
    assert key in message
    assert expected in message
    assert got in message


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"temperature": 0.5}, "do_sample"),
        ({"top_p": 0.9}, "do_sample"),
        ({"top_k": 5}, "penalty_alpha"),
        ({"penalty_alpha": 0.6}, "top_k"),
        ({"penalty_alpha": 0.6, "top_k": 4, "do_sample": True}, "neither"),
        ({"penalty_alpha": 0.6, "top_k": 4, "num_beams": 2}, "neither"),
        ({"length_penalty": 2.0}, "num_beams"),
        ({"num_return_sequences": 2}, "num_beams"),
        ({"num_return_sequences": 5, "num_beams": 4}, "num_beams"),
    ],
)
def test_parameters_that_contradict_are_refused(parameters, word):
    with pytest.raises(ConfigurationError, match=word):
        decoding_from(parameters)


def test_an_unknown_key_is_named_beside_those_there_are():
    with pytest.raises(ConfigurationError, match=r"temprature.*temperature"):
        decoding_from({"temprature": 0.5})


def test_numbers_may_come_as_text():
    decoding = decoding_from({"do_sample": "true", "temperature": "0.5", "top_k": "7", "seed": "none"})
    assert decoding == Decoding(do_sample=True, temperature=0.5, top_k=7, seed=None)


def test_a_stop_may_be_one_text():
    assert decoding_from({"stop": "\n"}).stop == ("\n",)


def test_changes_go_on_top_of_the_base():
    base = preset("balanced")
    assert decoding_from({"temperature": 0.9}, base).top_k == base.top_k
    assert decoding_from({"temperature": 0.9}, base).temperature == 0.9


def test_an_unknown_preset_is_named_beside_those_there_are():
    with pytest.raises(ConfigurationError, match=r"'wild'.*greedy"):
        preset("wild")


def test_every_strategy_of_the_field_has_a_preset():
    strategies = {
        "greedy", "beam", "temperature", "top_k", "top_p", "min_p", "typical", "contrastive",
        "repetition_penalty", "ctrl", "no_repeat_ngram",
    }  # fmt: skip
    assert strategies | set(CHAT_STYLES) == set(PRESETS)


def test_the_presets_differ():
    assert len(set(PRESETS.values())) == len(PRESETS)


def test_parameters_are_those_that_are_not_neutral():
    assert Decoding().parameters() == frozenset()
    assert preset("beam").parameters() == {"num_beams", "no_repeat_ngram_size"}


def test_without_puts_parameters_back_to_neutral():
    assert preset("top_k").without(frozenset({"top_k"})) == Decoding(do_sample=True)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "do_sample": st.booleans(),
            "temperature": st.floats(-1, 11),
            "top_k": st.integers(-2, 100),
            "top_p": st.floats(-0.5, 1.5),
            "num_beams": st.integers(-1, 40),
            "penalty_alpha": st.floats(-0.5, 1.5),
            "num_return_sequences": st.integers(-1, 40),
        },
    )
)
def test_whatever_is_given_it_is_taken_as_it_is_or_refused_by_our_error(parameters):
    try:
        decoding = decoding_from(parameters)
    except ConfigurationError:
        return
    assert {name: getattr(decoding, name) for name in parameters} == parameters
