"""The text generator over an engine of the test's own, and the choice of an engine: no weights."""

from __future__ import annotations

import threading

import pytest

from skills.errors import ConfigurationError, GenerationError, InputError
from skills.generation.decoding import PRESETS, Decoding, preset
from skills.generation.engines import Generated
from skills.generation.engines.choice import engine_for
from skills.generation.text_generator import TextGenerator
from tests.support.fake_engine import FakeEngine

MODEL = "SmolLM2-135M-Instruct"


@pytest.fixture
def make():
    made = []

    def build(engine=None, **parameters):
        made.append(TextGenerator(engine or FakeEngine(), **parameters))
        return made[-1]

    yield build
    for generator in made:
        generator.destroy()


class Echo(FakeEngine):
    chats = False

    def generate(self, prompt, decoding, listener=None, max_new_tokens=None):
        return Generated(f"{prompt}!", 1, alternatives=("second", "third"))


def test_texts_stay_with_their_prompts(make):
    prompts = [f"number {n}" for n in range(20)]
    assert make(Echo())(prompts) == [f"number {n}!" for n in range(20)]


def test_several_texts_of_a_prompt_are_a_list(make):
    generator = make(Echo(), preset="beam", decoding={"num_return_sequences": "3"})
    assert generator(["a", "b"]) == [["a!", "second", "third"], ["b!", "second", "third"]]


def test_the_entries_of_a_batch_are_generated_together(make):
    engine = FakeEngine(n_slots=3)
    engine.together = threading.Barrier(3)  # breaks, were they made one after the other
    assert len(make(engine)(["a", "b", "c"])) == 3


def test_an_empty_batch_gives_an_empty_list(make):
    assert make()([]) == []


def test_the_preset_is_the_decoding_and_parameters_go_on_top(make):
    engine = FakeEngine()
    make(engine, preset="top_p", decoding={"temperature": "0.5", "seed": 3, "top_k": "", "stop": None})(["a"])
    assert engine.calls[0][1] == Decoding(do_sample=True, top_p=0.9, temperature=0.5, seed=3)


@pytest.mark.parametrize(("prompt_format", "chats", "is_chat"), [
    ("auto", True, True), ("auto", False, False), ("text", True, False), ("chat", False, True),
])  # fmt: skip
def test_a_prompt_is_a_message_where_the_model_has_a_template(make, prompt_format, chats, is_chat):
    engine = FakeEngine()
    engine.chats = chats
    make(engine, prompt_format=prompt_format)(["Hello"])
    assert (engine.calls[0][0] != "Hello") == is_chat


def test_a_control_code_comes_to_the_model(make):
    engine = FakeEngine()
    make(engine, control_code="Horror", prompt_format="text")(["Hello"])
    assert engine.calls[0][0].startswith("Write a horror story.")


@pytest.mark.parametrize("prompt", ["", " \n", None, 7])
def test_an_empty_prompt_is_an_input_error_that_says_which(make, prompt):
    engine = FakeEngine()
    with pytest.raises(InputError, match="prompt 2 is empty"):
        make(engine)(["a", prompt])
    assert not engine.calls  # nothing is generated in vain


def test_a_prompt_that_does_not_fit_is_an_input_error_without_its_words(make):
    with pytest.raises(InputError, match="prompt 1 has 600 tokens, and 434 fit") as caught:
        make(decoding={"max_new_tokens": 64})(["secret " * 600])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"preset": "wild"}, "'wild'.*greedy"),
        ({"decoding": {"temprature": 1}}, "temprature.*temperature"),
        ({"decoding": {"top_k": "many"}}, "top_k.*many"),
        ({"preset": "greedy", "decoding": {"temperature": 0.5}}, "temperature.*do_sample"),
        ({"control_code": "Romance"}, "'Romance'.*Horror"),
        ({"prompt_format": "poem"}, "prompt_format.*auto, chat, text.*poem"),
        ({"decoding": {"max_new_tokens": 499}}, "max_new_tokens 499"),
        ({"presett": "greedy"}, "presett"),
    ],
)
def test_what_does_not_fit_is_refused_at_start(parameters, words):
    with pytest.raises(ConfigurationError, match=words):
        TextGenerator(FakeEngine(), **parameters)


def test_an_engine_s_error_comes_through(make):
    with pytest.raises(GenerationError, match="broke"):
        make(FakeEngine(GenerationError("it broke")))(["a"])


def test_destroy_closes_the_engine():
    engine = FakeEngine()
    TextGenerator(engine).destroy()
    assert engine.closed == 1


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_auto_takes_the_quick_engine_where_it_has_all_that_is_asked(name):
    slow = name in ("beam", "contrastive")
    assert engine_for("auto", MODEL, preset(name)).name == ("transformers" if slow else "llama_cpp")


def test_auto_looks_at_the_parameters_beside_the_preset_and_at_the_model(tmp_path):
    assert engine_for("auto", MODEL, Decoding(do_sample=True, num_return_sequences=2)).name == "transformers"
    assert engine_for("auto", str(tmp_path), preset("top_k")).name == "transformers"
    assert engine_for("auto", "http://127.0.0.1:1/v1", preset("top_p")).name == "openai"


def test_an_engine_that_was_asked_for_and_lacks_something_is_refused():
    with pytest.raises(ConfigurationError, match="llama_cpp lacks num_beams"):
        engine_for("llama_cpp", MODEL, Decoding(num_beams=2))
    with pytest.raises(ConfigurationError, match="openai lacks top_k"):
        engine_for("auto", "http://127.0.0.1:1/v1", preset("top_k"))
