"""The llama.cpp engine with the real default weights."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from skills.dialog import Preferences, Turn
from skills.errors import DamagedCheckpoint, GenerationError, MissingCheckpoint
from skills.generation.cleaning import TEMPLATE_MARKERS
from skills.generation.decoding import PRESETS, Decoding
from skills.generation.engines import Engine, Message, lacking, make_engine
from skills.generation.reply_generator import ReplyGenerator
from tests.support.weight_headers import write_gguf

MODEL = "SmolLM2-135M-Instruct"
ROOT = Path(__file__).resolve().parents[2]
SAMPLED = Decoding(do_sample=True, temperature=0.8, top_k=40, seed=11, max_new_tokens=24)
TOPICS = ("the sea", "cats", "Paris", "bread", "the moon", "chess", "rain", "old books")


def chat(text):
    return [Message("system", "You give short replies."), Message("user", text)]


def test_it_is_an_engine(engine):
    assert isinstance(engine, Engine)


def test_a_seed_gives_the_same_reply_twice_and_another_seed_another(engine):
    def replies(seed):
        decoding = Decoding(do_sample=True, temperature=1.0, seed=seed)
        return engine.generate(chat("Tell me about the sea."), decoding, max_new_tokens=24).text

    assert replies(1) == replies(1)
    assert replies(1) != replies(2)


def test_without_a_seed_replies_differ(engine):
    decoding = Decoding(do_sample=True, temperature=1.5)
    made = {engine.generate(chat("Tell me a story."), decoding, max_new_tokens=16).text for _ in range(3)}
    assert len(made) > 1


def test_eight_at_once_get_the_replies_they_get_alone(engine):
    prompts = [chat(f"Tell me about {topic}.") for topic in TOPICS]
    alone = [engine.generate(prompt, SAMPLED).text for prompt in prompts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda prompt: engine.generate(prompt, SAMPLED).text, prompts))
    assert together == alone
    assert len(set(alone)) == len(TOPICS)


def test_the_pieces_are_the_reply(engine):
    heard = []
    made = engine.generate(chat("Tell me about cats."), SAMPLED, lambda piece: bool(heard.append(piece)))
    assert "".join(heard) == made.text
    assert len(heard) > 10
    assert made.n_tokens == 24
    assert made.cut


def test_it_stops_at_once(engine):
    heard = []

    def listener(piece):
        heard.append(piece)
        return len(heard) == 3

    made = engine.generate(chat("Count from 1 to 100."), Decoding(max_new_tokens=400), listener)
    assert made.stopped
    assert not made.cut
    assert made.text == "".join(heard)
    assert len(heard) == 3


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_what_a_listener_raises_comes_through(engine, error):
    def listener(piece):
        raise error

    with pytest.raises(error):
        engine.generate(chat("Hi"), SAMPLED, listener)
    assert engine.generate(chat("Hi"), SAMPLED).text


@pytest.mark.parametrize("text", ["Hi!", "Hi ", "Как дела?\n\n", "a a a", "x", "Tell me. " * 20])
def test_tokens_are_counted_as_the_model_does(engine, text):
    n_tokens = engine.generate(chat(text), Decoding(), max_new_tokens=1).n_prompt_tokens
    assert engine.count_tokens(chat(text)) == n_tokens


def test_counting_leaves_what_was_computed_of_other_prompts(engine):
    long = chat("Tell me about lighthouses. " * 12)
    engine.generate(long, SAMPLED)
    for n in range(engine.n_slots + 1):
        assert engine.count_tokens(chat(f"Something else {n} " * 200)) > engine.n_ctx
    made = engine.generate(long, SAMPLED)
    assert made.n_cached_tokens == made.n_prompt_tokens - 1


def test_text_is_gone_on_with(engine):
    made = engine.generate("The capital of France is", Decoding(), max_new_tokens=3)
    assert "Paris" in made.text
    assert engine.count_tokens("The capital of France is") == made.n_prompt_tokens == 5


def test_a_stop_text_ends_the_reply_and_is_not_part_of_it(engine):
    decoding = Decoding(stop=("6",), max_new_tokens=60)
    made = engine.generate("1, 2, 3, 4, 5, 6, 7, 8, 9, 10\n1, 2, 3, 4,", decoding)
    assert made.text.strip() == "5,"
    assert not made.cut


def test_what_it_lacks_it_says(engine):
    lacks = {name for name, decoding in PRESETS.items() if lacking(engine, decoding)}
    assert lacks == {"beam", "contrastive"}


def test_a_prompt_that_does_not_fit_is_an_error(engine):
    with pytest.raises(GenerationError, match="longer than a slot"):
        engine.generate(chat("word " * 600), SAMPLED)


def test_nothing_can_connect_to_it(engine):
    connections = psutil.Process().net_connections(kind="all")
    listening = [c for c in connections if c.status == psutil.CONN_LISTEN]
    assert listening == []
    sockets = [c.laddr for c in connections if "llama.sock" in str(c.laddr)]
    assert sockets
    assert not any(Path(str(address)).parent.exists() for address in sockets)


def test_it_makes_no_noise_and_imports_no_torch():
    program = (
        "import sys\n"
        "from skills.generation.engines import Message, make_engine\n"
        "from skills.generation.decoding import Decoding\n"
        f"engine = make_engine('llama_cpp', {MODEL!r}, {{'n_ctx': 256, 'n_slots': 1, 'n_threads': 1}})\n"
        "engine.load()\n"
        "engine.generate([Message('user', 'Hi')], Decoding(), None, 4)\n"
        "sys.exit(3 if {'torch', 'transformers'} & set(sys.modules) else 0)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=ROOT, timeout=120)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_files_that_are_no_models_are_refused_quietly(tmp_path, capfd):
    text = tmp_path / "text.gguf"
    text.write_bytes(b"not a model")
    with pytest.raises(DamagedCheckpoint, match="GGUF"):
        make_engine("llama_cpp", str(text)).load()
    half = tmp_path / "half.gguf"
    half.write_bytes(b"GGUF\x03\0\0\0" + b"\xff" * 100)
    with pytest.raises(DamagedCheckpoint, match=r"half\.gguf is not a GGUF file"):
        make_engine("llama_cpp", str(half)).load()
    hollow = write_gguf(tmp_path / "hollow.gguf", 10_000, {"general.architecture": "llama"}, 64)
    with pytest.raises(GenerationError, match="damaged"):
        make_engine("llama_cpp", str(hollow)).load()
    with pytest.raises(MissingCheckpoint):
        make_engine("llama_cpp", str(tmp_path / "none.gguf"))
    assert capfd.readouterr() == ("", "")


def test_closed_it_says_so_and_can_be_loaded_again():
    engine = make_engine("llama_cpp", MODEL, {"n_ctx": 256, "n_slots": 1, "n_threads": 1})
    with pytest.raises(GenerationError, match="not loaded"):
        engine.generate(chat("Hi"), SAMPLED)
    for _ in range(2):
        engine.load()
        assert engine.generate(chat("Hi"), SAMPLED).text
        engine.close()
        engine.close()
        with pytest.raises(GenerationError, match="not loaded"):
            engine.count_tokens(chat("Hi"))


def test_closing_lets_a_reply_in_hand_finish():
    engine = make_engine("llama_cpp", MODEL, {"n_ctx": 256, "n_slots": 1, "n_threads": 1})
    engine.load()
    first = threading.Event()

    def listener(piece):
        first.set()
        return False

    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(engine.generate, chat("Tell me about the sea."), SAMPLED, listener)
        assert first.wait(60)
        engine.close()
        assert reply.result(60).n_tokens == 24


def test_the_reply_generator_talks_and_forgets_what_does_not_fit(engine):
    generator = ReplyGenerator(engine, seed=4, max_new_tokens=32)
    history = [
        Turn("user" if n % 2 == 0 else "assistant", f"Let us talk about {TOPICS[n % 8]}, number {n}. " * 3)
        for n in range(40)
    ]
    heard = []
    (draft,) = generator(
        ["What is your name?"], [history], [None], [lambda piece: bool(heard.append(piece))], [None]
    )
    assert 0 < draft.n_dropped_turns < 40
    assert draft.text
    assert "".join(heard).startswith(draft.text)
    assert not any(marker in draft.text for marker in TEMPLATE_MARKERS)
    again = [generator(["Hi!"], [None], [None], [None], [Preferences(style="creative")]) for _ in range(2)]
    assert again[0] == again[1]


def test_deeppavlov_builds_the_component_from_a_config():
    from deeppavlov import build_model

    chain = build_model(
        {
            "chainer": {
                "in": ["utterances", "histories", "findings", "listeners", "preferences"],
                "pipe": [
                    {
                        "class_name": "skills.generation.reply_generator:ReplyGenerator",
                        "id": "reply_generator",
                        "model": MODEL,
                        "n_ctx": "512",
                        "n_slots": 1,
                        "n_threads": "1",
                        "max_new_tokens": 8,
                        "in": ["utterances", "histories", "findings", "listeners", "preferences"],
                        "out": ["drafts"],
                    }
                ],
                "out": ["drafts"],
            }
        }
    )
    try:
        (draft,) = chain(["Hi!"], [None], [None], [None], [None])
        assert draft.text
    finally:
        chain.destroy()
