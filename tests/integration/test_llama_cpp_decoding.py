"""The llama.cpp engine with the real default weights: what decoding settings do to a reply."""

from __future__ import annotations

import pytest

from skills.generation.decoding import Decoding
from skills.generation.engines import Message


def repeating():
    words = "Repeat the word banana twenty times: banana banana banana banana"
    return [Message("system", "You give short replies."), Message("user", words)]


def test_no_run_of_tokens_comes_twice(engine):
    prompt = repeating()

    def trigrams(size):
        words = engine.generate(prompt, Decoding(no_repeat_ngram_size=size), max_new_tokens=60).text.split()
        return [tuple(words[at : at + 3]) for at in range(len(words) - 2)]

    assert len(set(free := trigrams(0))) < len(free)
    assert len(set(bound := trigrams(3))) == len(bound)


def test_the_template_does_not_count_as_a_run(engine):
    def reply(*texts):
        roles = ("user", "assistant")
        prompt = [Message(roles[n % 2], text) for n, text in enumerate(texts)]
        return engine.generate(prompt, Decoding(no_repeat_ngram_size=4), max_new_tokens=8).text

    # "?" and the template after it stand before the earlier reply, too, which began with "My"
    again = "Say this: My name is Ivo.", "My name is Mara.", "Say this: My name is Ivo."
    assert reply(*again).startswith("My")
    # and the end of the message stands after the same three tokens
    assert reply("Say this: Hello, Ann", "Hello, Ann", "Say this: Hello, Ann") == "Hello, Ann"


def test_a_repetition_penalty_changes_a_greedy_reply(engine):
    prompt = repeating()
    plain = engine.generate(prompt, Decoding(), max_new_tokens=40).text
    penalised = engine.generate(prompt, Decoding(repetition_penalty=1.5), max_new_tokens=40).text
    assert penalised.lower().count("banana") < plain.lower().count("banana")


@pytest.mark.parametrize("name", ["top_k", "top_p", "min_p", "typical_p"])
def test_a_filter_that_leaves_only_the_likeliest_is_greedy(engine, name):
    narrow = {"top_k": 1, "top_p": 1e-6, "min_p": 1.0, "typical_p": 1e-6}[name]
    greedy = engine.generate("The capital of France is", Decoding(), max_new_tokens=4).text
    filtered = Decoding(do_sample=True, temperature=1.2, seed=3, **{name: narrow})
    text = engine.generate("The capital of France is", filtered, max_new_tokens=4).text
    if name == "typical_p":  # keeps the token nearest to the entropy, likeliest or not
        wide = Decoding(do_sample=True, temperature=1.2, seed=3)
        assert text != engine.generate("The capital of France is", wide, max_new_tokens=4).text
    else:
        assert text == greedy


def test_the_temperature_acts_before_the_filters_as_in_transformers(engine):
    def first_tokens(temperature, n_draws):
        draws = (
            Decoding(do_sample=True, temperature=temperature, min_p=0.5, seed=seed, max_new_tokens=1)
            for seed in range(n_draws)
        )
        return {engine.generate("Once upon a time there was a", draw).text for draw in draws}

    # the other way round, heat would draw among the same few tokens
    assert first_tokens(3.0, 20) - first_tokens(1.0, 40)
