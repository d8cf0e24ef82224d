"""configs/generate.json with the real default weights, every preset of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from deeppavlov import build_model

from skills.errors import ConfigurationError, InputError
from skills.generation.decoding import PRESETS
from skills.generation.engines import make_engine
from skills.generation.engines.choice import engine_for
from skills.generation.text_generator import TextGenerator

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "generate.json"
MODEL = "SmolLM2-135M-Instruct"
PROMPTS = ["The old lighthouse keeper opened the door and", "Paris is"]


@pytest.fixture(scope="module")
def engines():
    # one thread: on a busy machine two wait for each other
    made = {
        name: make_engine(name, MODEL, {"n_ctx": 512, "n_threads": 1})
        for name in ("llama_cpp", "transformers")
    }
    yield made
    for engine in made.values():
        engine.close()


@pytest.fixture
def configured(monkeypatch):
    """The config as a user sets its variables."""
    built = []

    def build(**variables):
        for name, value in {"THREADS": "1", "MAX_NEW_TOKENS": "8", **variables}.items():
            monkeypatch.setenv(f"DP_{name}", value)
        built.append(build_model(CONFIG))
        return built[-1]

    yield build
    for model in built:
        model.destroy()


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_writes_with_the_default_model(engines, preset):
    engine = engines[engine_for("auto", MODEL, PRESETS[preset]).name]
    decoding = {"max_new_tokens": 6, "seed": 1}
    texts = TextGenerator(engine, preset=preset, decoding=decoding, prompt_format="text")(PROMPTS)
    assert len(texts) == 2
    assert all(text.strip() for text in texts)


def test_several_texts_come_best_first_and_differ(engines):
    generator = TextGenerator(
        engines["transformers"],
        preset="beam",
        decoding={"num_return_sequences": "3", "length_penalty": "0.5", "max_new_tokens": 6},
    )
    (texts,) = generator(PROMPTS[:1])
    assert len(set(texts)) == 3


def test_variables_choose_the_strategy_and_a_seed_holds(configured):
    variables = {"PRESET": "top_p", "SEED": "5", "TEMPERATURE": "1.3", "PROMPT_FORMAT": "text"}
    model = configured(**variables)
    first = model(PROMPTS)
    assert first == model(PROMPTS)
    assert model(PROMPTS[1:]) == first[1:]  # whatever else is in the batch
    assert first[0] != first[1]


def test_a_control_code_is_an_instruction_to_the_default_model(configured):
    plain = configured(PRESET="greedy")(["The old house"])
    told = configured(PRESET="greedy", CONTROL_CODE="Reviews")(["The old house"])
    assert told != plain
    with pytest.raises(ConfigurationError, match=r"'Romance'.*Horror"):
        configured(CONTROL_CODE="Romance")


def test_prompts_that_do_not_fit_are_input_errors(configured):
    model = configured()
    with pytest.raises(InputError, match="prompt 2 is empty"):
        model(["a", ""])
    with pytest.raises(InputError, match="prompt 1 has"):
        model(["word " * 5000])
