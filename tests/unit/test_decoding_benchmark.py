"""What benchmarks.decoding makes of the texts: figures, picture, page."""

from __future__ import annotations

import pytest

from benchmarks.decoding import PROMPTS, Result, markdown
from benchmarks.decoding_plot import FAMILIES, MEANINGS, plot
from skills.generation.decoding import PRESETS

TEXTS = [["a b c d a b c d"] * len(PROMPTS), ["a b c d a b c d"] * len(PROMPTS)]


def test_figures_are_of_sets_with_one_text_a_prompt():
    metrics = Result("top_p", "llama_cpp", TEXTS, 9.0, -1.5).metrics()
    assert metrics == pytest.approx(
        {
            "tokens/s": 9.0,
            "distinct-1": 4 / 32,
            "distinct-2": 4 / 28,
            "seq-rep-4": 1 / 5,
            "self-BLEU": 1.0,
            "log-prob.": -1.5,
        }
    )
    assert set(metrics) == set(MEANINGS)


def test_draws_without_chance_are_alike_by_definition():
    assert Result("greedy", "llama_cpp", TEXTS[:1], 9.0, -1.5).metrics()["self-BLEU"] == 1.0


def test_every_preset_has_its_row_in_the_picture():
    assert {preset for _, presets in FAMILIES.values() for preset in presets} == set(PRESETS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # matplotlib's own, of pyparsing
def test_the_picture_is_a_png(tmp_path):
    results = [(p, "llama_cpp", Result(p, "", TEXTS, 9.0, -1.5).metrics()) for p in PRESETS]
    plot(results, tmp_path / "decoding.png")
    assert (tmp_path / "decoding.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_has_each_text_under_its_prompt():
    page = markdown([Result("greedy", "llama_cpp", [["one\n\ntwo", "x", "y", "z"]], 9.0, -1.5)], 48)
    assert f"## {PROMPTS[0]}\n\n**greedy** one two\n" in page
