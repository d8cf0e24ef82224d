"""The reply generator over an engine of the test's own: no weights, no sockets."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import pytest

from skills.dialog import Preferences, Turn
from skills.errors import ConfigurationError, GenerationError, InputError
from skills.generation.decoding import CHAT_STYLES, Decoding, preset
from skills.generation.engines import Engine, Generated, make_engine
from skills.generation.reply_generator import DEFAULT_PERSONA, Draft, ReplyGenerator, talked
from tests.support.fake_engine import FakeEngine


@dataclass
class Found:
    wants_reply: bool


def ask(generator, *utterances, histories=None, findings=None, listeners=None, preferences=None):
    n = len(utterances)
    return generator(
        utterances,
        histories or [None] * n,
        findings or [None] * n,
        listeners or [None] * n,
        preferences or [None] * n,
    )


@pytest.fixture
def make():
    made = []

    def build(engine=None, **parameters):
        made.append(ReplyGenerator(engine or FakeEngine(), **parameters))
        return made[-1]

    yield build
    for generator in made:
        generator.destroy()


def test_the_fake_is_an_engine():
    assert isinstance(FakeEngine(), Engine)


def test_a_draft_carries_the_reply_and_what_it_took(make):
    assert ask(make(), "Hi") == [Draft("Hello there.", 0, False, 2)]


def test_the_prompt_is_persona_history_and_utterance(make):
    engine = FakeEngine()
    ask(make(engine), "And now?", histories=[[Turn("user", "Hi"), Turn("assistant", "Hello")]])
    messages = engine.calls[0][0]
    assert [(m.role, m.content) for m in messages] == [
        ("system", DEFAULT_PERSONA),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "And now?"),
    ]


def test_preferences_replace_persona_and_style(make):
    engine = FakeEngine()
    ask(make(engine), "Hi", preferences=[Preferences(style="precise", persona="A pirate.")])
    messages, decoding, _ = engine.calls[0]
    assert messages[0].content == "A pirate."
    assert decoding == preset("precise")


def test_an_unknown_style_of_a_conversation_is_the_configured_one(make):
    engine = FakeEngine()
    ask(make(engine, style="creative"), "Hi", preferences=[Preferences(style="gone")])
    assert engine.calls[0][1] == preset("creative")


def test_where_no_reply_is_wanted_nothing_is_generated(make):
    engine = FakeEngine()
    drafts = ask(make(engine), "A?", "Hi", findings=[Found(wants_reply=False), Found(wants_reply=True)])
    assert drafts[0] is None
    assert drafts[1].text == "Hello there."
    assert len(engine.calls) == 1


def test_the_entries_of_a_batch_are_generated_together(make):
    engine = FakeEngine(n_slots=3)
    engine.together = threading.Barrier(3)  # breaks, were they made one after the other
    assert [d.text for d in ask(make(engine), "A", "B", "C")] == ["Hello there."] * 3


def test_replies_stay_with_their_utterances(make):
    class Echo(FakeEngine):
        def generate(self, prompt, decoding, listener=None, max_new_tokens=None):
            listener(prompt[-1].content)
            return Generated(prompt[-1].content, 1)

    utterances = [f"number {n}" for n in range(20)]
    assert [d.text for d in ask(make(Echo(n_slots=4)), *utterances)] == utterances


def test_the_listener_hears_each_piece_and_no_marker(make):
    heard = []
    listener = lambda piece: bool(heard.append(piece))  # noqa: E731
    (draft,) = ask(make(FakeEngine("Well met <|im_end|> you fool")), "Hi", listeners=[listener])
    assert heard == ["Well ", "met "]
    assert draft == Draft("Well met", 0, False, 3)


def test_the_listener_stops_the_reply(make):
    (draft,) = ask(make(FakeEngine("one two three four")), "Hi", listeners=[lambda piece: "two" in piece])
    assert draft == Draft("one two", 0, True, 2)


def test_a_listener_may_stop_before_there_is_anything_to_show(make):
    (draft,) = ask(make(FakeEngine(" a")), "Hi", listeners=[lambda piece: True])
    assert draft.stopped


def test_turns_that_do_not_fit_are_counted(make):
    history = [Turn("user" if n % 2 == 0 else "assistant", f"turn {n} " + "word " * 60) for n in range(20)]
    engine = FakeEngine(n_ctx=600)
    (draft,) = ask(make(engine, max_new_tokens=50), "Hi", histories=[history])
    messages = engine.calls[0][0]
    assert 0 < draft.n_dropped_turns < 20
    assert messages[1].content == history[draft.n_dropped_turns].text
    assert engine.count_tokens(messages) <= 600 - 50


def test_an_utterance_that_does_not_fit_is_an_input_error_without_its_words(make):
    with pytest.raises(InputError) as caught:
        ask(make(), "secret " * 600)
    assert "secret" not in str(caught.value)


def test_a_reply_that_the_limit_cut_ends_with_a_sentence(make):
    (draft,) = ask(make(FakeEngine("It is late. I must g", cut=True)), "Hi")
    assert draft.text == "It is late."


def test_an_empty_reply_is_drawn_anew(make):
    engine = FakeEngine("", "<|im_end|>", "Third time lucky.")
    (draft,) = ask(make(engine, seed=5), "Hi")
    assert draft.text == "Third time lucky."
    assert [call[1].seed for call in engine.calls] == [5, 6, 7]


def test_a_greedy_empty_reply_is_drawn_at_random(make):
    engine = FakeEngine("", "Better.")
    assert ask(make(engine, style="greedy"), "Hi")[0].text == "Better."
    assert engine.calls[1][1].do_sample


def test_replies_that_stay_empty_are_an_error(make):
    with pytest.raises(GenerationError, match="3 times"):
        ask(make(FakeEngine("")), "Hi")


def test_an_engine_s_error_comes_through_and_the_others_are_stopped(make):
    stopped = threading.Event()

    class Half(FakeEngine):
        def generate(self, prompt, decoding, listener=None, max_new_tokens=None):
            if prompt[-1].content == "bad":
                raise GenerationError("the engine broke")
            while not listener("word "):
                stopped.wait(0.001)
            stopped.set()
            return Generated("word", 1, stopped=True)

    with pytest.raises(GenerationError, match="the engine broke"):
        ask(make(Half()), "good", "bad")
    assert stopped.wait(10)


def test_what_a_listener_raises_comes_through(make):
    def listener(piece):
        raise LookupError("gone")

    with pytest.raises(LookupError):
        ask(make(), "Hi", listeners=[listener])


def test_lists_of_different_lengths_are_refused(make):
    with pytest.raises(ValueError, match="zip"):
        make()(["a", "b"], [None], [None], [None], [None])


def test_parameters_of_the_framework_pass_and_misspelt_ones_do_not(make):
    make(**{"in": ["utterances"], "out": ["drafts"], "mode": "infer"})
    with pytest.raises(ConfigurationError, match="persna"):
        make(persna="x")


def test_numbers_may_come_as_text(make):
    engine = FakeEngine()
    ask(make(engine, max_new_tokens="50", seed="7"), "Hi")
    assert engine.calls[0][1].seed == 7
    assert engine.calls[0][2] == 50


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_new_tokens": "many"}, "max_new_tokens"),
        ({"max_new_tokens": 490}, "n_ctx"),
        ({"seed": -1}, "seed"),
        ({"style": "wild"}, "wild"),
    ],
)
def test_values_that_do_not_fit_are_refused_at_start(parameters, word):
    with pytest.raises(ConfigurationError, match=word):
        ReplyGenerator(FakeEngine(), **parameters)


def test_a_configured_style_that_the_engine_lacks_is_refused_before_it_loads():
    engine = FakeEngine(lacks=["num_beams"])
    with pytest.raises(ConfigurationError, match=r"fake lacks num_beams of the preset beam"):
        ReplyGenerator(engine, style="beam")
    assert not engine.loaded


def test_chat_styles_go_without_what_the_engine_lacks_and_it_is_said(make, caplog):
    engine = FakeEngine(lacks=["top_k", "min_p", "no_repeat_ngram_size"])
    with caplog.at_level(logging.WARNING):
        generator = make(engine)
    assert set(CHAT_STYLES) <= set(generator.styles)
    assert generator.styles["balanced"] == Decoding(
        do_sample=True, temperature=preset("balanced").temperature
    )
    assert any("fake" in m and "balanced" in m and "min_p" in m for m in caplog.messages)


def test_other_presets_that_the_engine_lacks_are_not_there(make, caplog):
    with caplog.at_level(logging.INFO):
        generator = make(FakeEngine(lacks=["num_beams"]))
    assert "beam" not in generator.styles
    assert any("fake" in m and "beam" in m and "num_beams" in m for m in caplog.messages)


def test_nothing_that_was_said_is_logged(make, caplog):
    with caplog.at_level(logging.DEBUG):
        ask(make(FakeEngine("a secret reply")), "a secret question")
    assert "secret" not in caplog.text


def test_destroy_closes_the_engine():
    engine = FakeEngine()
    ReplyGenerator(engine).destroy()
    assert engine.closed == 1


def test_an_unknown_engine_is_named_beside_those_there_are():
    with pytest.raises(ConfigurationError, match=r"'gpt'.*llama_cpp"):
        make_engine("gpt", "model")


def test_an_unknown_engine_parameter_is_named():
    with pytest.raises(ConfigurationError, match=r"llama_cpp.*n_thread\b"):
        make_engine("llama_cpp", "model", {"n_thread": 2})


def test_what_documents_did_not_answer_is_not_talked_on() -> None:
    history = [
        Turn("user", "hi"), Turn("assistant", "Hello.", "chat"),
        Turn("user", "Who signs?"), Turn("assistant", "The documents don't say.", "none"),
        Turn("user", "And when?"), Turn("assistant", "1874", "qa"),
    ]  # fmt: skip
    assert [turn.text for turn in talked(history)] == ["hi", "Hello.", "And when?", "1874"]
