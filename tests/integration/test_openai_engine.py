"""The openai engine against a small server of the test's own that also misbehaves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from skills.errors import ConfigurationError, GenerationError
from skills.generation.decoding import Decoding, preset
from skills.generation.engines import Engine, Message, make_engine
from tests.support.fake_openai import Server

CHAT = [Message("system", "Be brief."), Message("user", "a secret question")]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.over.set()
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def connect(server):
    engines = []

    def build(way, load=True, **parameters):
        address = f"http://127.0.0.1:{server.server_port}/{way}/v1"
        engines.append(make_engine("openai", address, {"timeout_s": 5.0, **parameters}))
        if load:
            engines[-1].load()
        return engines[-1]

    yield build
    for engine in engines:
        engine.close()


def test_it_is_an_engine(connect):
    assert isinstance(connect("good", load=False), Engine)


@pytest.mark.parametrize("way", ["good", "crlf"])
def test_the_reply_comes_in_pieces(connect, way):
    heard = []
    made = connect(way).generate(CHAT, Decoding(), lambda piece: bool(heard.append(piece)))
    assert made.text == "Well met"
    assert heard == ["Well", " met"]
    assert not made.cut


def test_characters_may_come_byte_by_byte(connect):
    assert connect("slices").generate(CHAT, Decoding()).text == "Привет"


def test_the_request_holds_chat_decoding_and_key(connect, server):
    decoding = Decoding(do_sample=True, temperature=0.5, top_p=0.9, seed=3, stop=("END",), max_new_tokens=7)
    connect("good", api_key="k1").generate(CHAT, decoding)
    (_, _, headers, _), (method, path, _, body) = server.requests
    assert headers["Authorization"] == "Bearer k1"
    assert (method, path) == ("POST", "chat/completions")
    assert body == {
        "model": "served",
        "stream": True,
        "max_tokens": 7,
        "messages": [m.as_dict() for m in CHAT],
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 3,
        "stop": ["END"],
    }


def test_greedy_is_temperature_zero_and_a_named_model_is_not_asked_for(connect, server):
    connect("good", server_model="mine").generate(CHAT, Decoding(), max_new_tokens=9)
    ((_, _, _, body),) = server.requests
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("mine", 0, 9)


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("vllm", {"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.2}),
        ("llama_server", {"top_k": 5, "min_p": 0.1, "repeat_penalty": 1.2}),
    ],
)
def test_a_dialect_brings_further_parameters(connect, server, dialect, expected):
    engine = connect("good", dialect=dialect)
    engine.generate(CHAT, Decoding(do_sample=True, top_k=5, min_p=0.1, repetition_penalty=1.2))
    body = server.requests[-1][3]
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("dialect", "penalty", "off"),
    [
        ("openai", {}, {"temperature": 1.0, "top_p": 1.0}),
        ("vllm", {"repetition_penalty": 1.0}, {"temperature": 1.0, "top_p": 1.0, "top_k": -1, "min_p": 0.0}),
        (
            "llama_server",
            {"repeat_penalty": 1.0},
            {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "typical_p": 1.0},
        ),
    ],
)
def test_what_is_off_is_said_lest_the_server_s_defaults_act(connect, server, dialect, penalty, off):
    engine = connect("good", dialect=dialect)
    bodies = []
    for decoding in (Decoding(do_sample=True), Decoding()):
        engine.generate(CHAT, decoding)
        body = server.requests[-1][3]
        bodies.append(
            {k: v for k, v in body.items() if k not in ("model", "stream", "max_tokens", "messages")}
        )
    assert bodies == [{**penalty, **off}, {**penalty, "temperature": 0}]


def test_what_a_dialect_lacks_it_says(connect):
    assert not connect("good", load=False).supports("top_k")
    assert connect("good", load=False, dialect="vllm").supports("top_k")
    for dialect in ("openai", "vllm", "llama_server"):
        engine = connect("good", load=False, dialect=dialect)
        assert not engine.supports("num_beams")
        assert all(engine.supports(name) for name in preset("top_p").parameters())


def test_text_is_gone_on_with(connect, server):
    assert connect("text").generate("The capital is", Decoding()).text == " Paris"
    assert server.requests[-1][1] == "completions"
    assert server.requests[-1][3]["prompt"] == "The capital is"


def test_the_limit_is_seen(connect):
    assert connect("long").generate(CHAT, Decoding()).cut


def test_a_connection_that_breaks_off_is_an_error(connect):
    with pytest.raises(GenerationError, match="broke off"):
        connect("hanging").generate(CHAT, Decoding())


def test_stopping_leaves_the_server_at_once(connect, server):
    made = connect("forever").generate(CHAT, Decoding(), lambda piece: True)
    assert made.stopped
    assert made.text == "more "
    assert server.left.wait(10)


def test_what_a_listener_raises_comes_through(connect):
    def listener(piece):
        raise LookupError

    with pytest.raises(LookupError):
        connect("good").generate(CHAT, Decoding(), listener)


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("broken", "500"),
        ("moved", "307"),
        ("garbage", "not JSON"),
        ("array", "not a JSON object"),
        ("shapeless", "not a JSON object"),
        ("choiceless", "no choices"),
        ("failing", "reported an error"),
        ("empty", "no reply"),
        ("huge", "larger"),
        ("endless_line", "larger"),
    ],
)
def test_a_bad_answer_is_a_clear_error_without_its_words(connect, caplog, way, words):
    with caplog.at_level(logging.DEBUG, "skills"), pytest.raises(GenerationError, match=words) as caught:
        connect(way).generate(CHAT, Decoding(), max_new_tokens=10)
    assert "secret" not in str(caught.value)
    assert "secret" not in caplog.text


def test_an_endless_reply_is_bounded(connect):
    with pytest.raises(GenerationError, match="larger"):
        connect("forever").generate(CHAT, Decoding(), max_new_tokens=5)


def test_a_silent_server_runs_into_the_time_out(connect):
    with pytest.raises(GenerationError, match="took too long"):
        connect("silent", timeout_s=0.2).generate(CHAT, Decoding())


def test_a_server_that_only_keeps_the_line_open_does_too(connect):
    with pytest.raises(GenerationError, match="took too long"):
        connect("dripping", reply_timeout_s=0.3).generate(CHAT, Decoding())


@pytest.mark.parametrize(
    ("way", "words"),
    [("bare", "server_model"), ("locked", "api_key"), ("odd", "not JSON"), ("silent", "took too long")],
)
def test_a_server_that_cannot_be_used_is_refused_at_start(connect, way, words):
    with pytest.raises(GenerationError, match=words):
        connect(way, timeout_s=0.3)


def test_a_server_that_is_not_there_is_said_at_start(server):
    port = server.server_port
    server.shutdown()
    server.server_close()
    with pytest.raises(GenerationError, match="cannot be reached"):
        make_engine("openai", f"http://127.0.0.1:{port}/v1", {"timeout_s": 2.0}).load()


def test_the_estimate_of_tokens_is_on_the_safe_side(connect):
    engine = connect("good", load=False)
    assert engine.count_tokens([Message("user", "The quick brown fox jumps over the lazy dog")]) >= 10
    assert engine.count_tokens("one two three") >= 3


@pytest.mark.parametrize(
    ("model", "parameters", "word"),
    [
        ("SmolLM2", {}, "address"),
        ("ftp://host/v1", {}, "address"),
        ("http://host/v1", {"dialect": "klingon"}, "dialect"),
        ("http://host/v1", {"n_ctx": 1}, "n_ctx"),
    ],
)
def test_values_that_do_not_fit_are_refused(model, parameters, word):
    with pytest.raises(ConfigurationError, match=word):
        make_engine("openai", model, parameters)


def test_closed_it_says_so(connect):
    engine = connect("good")
    engine.close()
    with pytest.raises(GenerationError, match="not loaded"):
        engine.generate(CHAT, Decoding())
