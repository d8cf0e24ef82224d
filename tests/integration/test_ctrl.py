"""CTRL (Keskar et al. 2019) itself: its codes, its penalised sampling, its words, its memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from skills.errors import ConfigurationError
from skills.generation.decoding import Decoding, preset
from skills.generation.engines import make_engine
from skills.generation.text_generator import TextGenerator
from tests.support.tiny_ctrl import CODES, tiny_ctrl

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "the old house by the"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_ctrl(tmp_path_factory.mktemp("ctrl") / "model")


@pytest.fixture(scope="module")
def engine(folder):
    made = make_engine("transformers", str(folder), {"n_threads": 1})
    made.load()
    yield made
    made.close()


@pytest.fixture(scope="module")
def exact(folder):
    """In single precision, to be compared with a computation step by step."""
    made = make_engine("transformers", str(folder), {"n_threads": 1, "dtype": "float32"})
    made.load()
    yield made
    made.close()


def ids_of(engine, text):
    return engine._tokenizer(text)["input_ids"]


def penalised_by_definition(engine, ids, theta, n_tokens):
    """Section 4.1 of the paper with temperature 0: the scores of all tokens so far are discounted."""
    made = []
    for _ in range(n_tokens):
        with torch.inference_mode():
            scores = engine._model(torch.tensor([ids + made])).logits[0, -1].tolist()
        for token in set(ids + made):
            scores[token] = scores[token] / theta if scores[token] > 0 else scores[token] * theta
        made.append(scores.index(max(scores)))
    return made


def test_the_model_s_own_codes_are_known_and_it_has_no_chat_template(engine):
    assert engine.control_codes == frozenset(CODES)
    assert not engine.chats


def test_ctrl_is_loaded_in_half_precision(engine, exact):
    assert {p.dtype for p in engine._model.parameters()} == {torch.float16}
    assert {p.dtype for p in exact._model.parameters()} == {torch.float32}


@pytest.mark.parametrize("theta", [1.2, 2.0])
def test_penalised_sampling_divides_positive_scores_and_multiplies_negative_ones(exact, theta):
    ids = ids_of(exact, f"Horror {PROMPT}")
    expected = penalised_by_definition(exact, ids, theta, 16)
    plain = penalised_by_definition(exact, ids, 1.0, 16)
    made = exact.generate(f"Horror {PROMPT}", Decoding(repetition_penalty=theta), max_new_tokens=16)
    whole_words = re.sub(r"(^| )\S+@@$", "", exact._tokenizer.decode(expected))
    assert made.text == whole_words
    assert expected != plain  # or nothing was shown


def test_the_preset_has_the_paper_s_figures():
    assert preset("ctrl") == Decoding(do_sample=False, repetition_penalty=1.2)


def test_the_code_is_the_first_word_of_the_prompt(engine):
    texts = {}
    for code in CODES:
        generator = TextGenerator(engine, preset="ctrl", control_code=code, decoding={"max_new_tokens": "16"})
        (texts[code],) = generator([PROMPT])
        assert texts[code] == engine.generate(f"{code} {PROMPT}", preset("ctrl"), max_new_tokens=16).text
    assert len(set(texts.values())) > 1


def test_a_code_that_the_model_was_not_trained_on_is_named_beside_those_it_was(engine):
    with pytest.raises(ConfigurationError, match=r"'Romance'.*trained on: Horror, Links, Reviews"):
        TextGenerator(engine, control_code="Romance", decoding={"max_new_tokens": 16})


@pytest.mark.parametrize("name", ["ctrl", "top_p", "beam", "contrastive"])
def test_words_in_pieces_come_whole_in_every_strategy(engine, capfd, name):
    heard = []
    made = engine.generate(PROMPT, preset(name), lambda piece: bool(heard.append(piece)), 24)
    assert made.n_tokens == 24
    assert "@@" not in made.text
    assert "".join(heard) == made.text
    assert made.text
    assert capfd.readouterr() == ("", "")


def test_a_word_in_pieces_is_handed_on_once_it_is_over(engine):
    from skills.generation.engines.token_text import TokenText

    reception = TokenText(engine._tokenizer, (), None, "@@")
    shown = []
    for token in engine._tokenizer.convert_tokens_to_ids(["the", "sea@@", "side", "was"]):
        reception.take([token])
        shown.append("".join(reception.pieces))
    assert shown == ["the", "the", "the seaside", "the seaside was"]


LOAD = """
import sys
import torch, transformers
from benchmarks.report import peak_memory_mb
from skills.generation.engines.causal_model import load_causal_model
warm = load_causal_model(sys.argv[1], "auto")
before = peak_memory_mb()
tokenizer, model = load_causal_model(sys.argv[2], "auto")
n = sum(p.numel() for p in model.parameters())
print(n, before, peak_memory_mb())
"""


def test_weights_are_never_in_memory_twice(folder, tmp_path):
    """Eight files of single precision, loaded in half: what is added is the half, and a file."""
    big = tiny_ctrl(tmp_path / "big", n_embd=768, dff=3072, n_layer=6, max_shard_size="25MB")
    index = json.loads((big / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) >= 6
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder), str(big)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    n_parameters, before, after = (float(word) for word in done.stdout.split())
    single_mb = n_parameters * 4 / 1e6
    assert single_mb > 150
    # the half, and as much of the mapped files as the kernel happens to keep; twice would be 1.5
    assert after - before < single_mb
