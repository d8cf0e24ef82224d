"""The pure parts of the language model: shape, tokens, blocks, masks, schedule, metric, card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.errors import ConfigurationError
from skills.generation.language_model.architecture import Architecture, Kind
from skills.generation.language_model.card import card, draw_curve
from skills.generation.language_model.masking import mask_blocks
from skills.generation.language_model.metrics import perplexity
from skills.generation.language_model.packing import PackedTextIterator, encode, learnt_tokenizer, pack
from skills.generation.language_model.schedule import cosine
from skills.generation.language_model.tokenizer import special_ids, train_tokenizer
from skills.training_progress import duration

TEXTS = [f"the sea was calm on day {i} and mara walked to the lighthouse\n" * 4 for i in range(40)]


def data() -> dict[str, list[tuple[str, str]]]:
    return {"train": [(t, "") for t in TEXTS], "valid": [(TEXTS[3], "")]}


def iterator(folder: Path, **changed: Any) -> PackedTextIterator:
    values: dict[str, Any] = {"kind": "causal", "context": "16", "vocabulary": "320"} | changed
    return PackedTextIterator(data(), tokenizer_path=str(folder), **values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "both"}, "kind expects masked or causal; got 'both'"),
        ({"hidden": "wide"}, "hidden expects a whole number; got 'wide'"),
        ({"n_layers": 0}, "n_layers must be at least 1, not 0"),
        ({"context": 8}, "context must be at least 16, not 8"),
        ({"hidden": 90, "n_heads": 4}, "hidden 90 must be a multiple of n_heads 4"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Architecture.from_config(**{"kind": "causal", **values})


KINDS: tuple[Kind, ...] = ("causal", "masked")
TOKENIZERS = [train_tokenizer(TEXTS, kind, 320) for kind in KINDS]


@given(st.text(), st.sampled_from(TOKENIZERS))
def test_any_text_comes_back_to_the_letter(text: str, tokenizer: Any) -> None:
    assert tokenizer.get_vocab_size() <= 320
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text


def test_a_vocabulary_smaller_than_the_bytes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="vocabulary expects at least 300 tokens"):
        train_tokenizer(TEXTS, "causal", 200)


def test_blocks_hold_the_stream_and_a_masked_model_has_edges(tmp_path: Path) -> None:
    for kind, length in (("causal", 16), ("masked", 14)):
        shape = Architecture.from_config(kind=kind, context=16, vocabulary=320)
        tokenizer = learnt_tokenizer(TEXTS, shape, tmp_path / kind)
        special = special_ids(tokenizer, shape.kind)
        stream = encode(tokenizer, TEXTS, special["eos_token_id"])
        assert tokenizer.decode(stream.tolist()) == "".join(TEXTS)
        assert (stream == special["eos_token_id"]).sum() == len(TEXTS)
        blocks = pack(stream, shape, special)
        assert blocks.shape == (len(stream) // length, 16)
        body = blocks if kind == "causal" else blocks[:, 1:-1]
        np.testing.assert_array_equal(body.reshape(-1), stream[: body.size])
        if kind == "masked":
            assert {*blocks[:, 0]} == {special["cls_token_id"]} == {0}
            assert {*blocks[:, -1]} == {special["sep_token_id"]} == {2}


def test_an_epoch_is_the_same_again_and_the_next_is_not(tmp_path: Path) -> None:
    batches = iterator(tmp_path)
    first, again = ([x for x, _ in batches.gen_batches(4)] for _ in range(2))
    batches.epoch = 1
    second = [x for x, _ in batches.gen_batches(4)]
    assert len(first) == len(second) == batches.n_batches(4)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not all((a == b).all() for a, b in zip(first, second, strict=True))
    assert {x.dtype for x in first} == {np.dtype(np.int64)}
    held_out = [x for x, _ in batches.gen_batches(4, "valid", shuffle=False)]
    assert sum(map(len, held_out)) == len(batches.data["valid"])


def test_the_tokenizer_is_learnt_once_and_another_text_is_refused(tmp_path: Path) -> None:
    iterator(tmp_path)
    written = (tmp_path / "tokenizer.json").stat().st_mtime_ns
    iterator(tmp_path)
    assert (tmp_path / "tokenizer.json").stat().st_mtime_ns == written
    with pytest.raises(
        ConfigurationError, match=r"other kind and vocabulary than are now asked for.*DP_WORK_"
    ):
        iterator(tmp_path, kind="masked", vocabulary=400)
    other = {"train": [("another text", "")], "valid": [("and more", "")]}
    with pytest.raises(ConfigurationError, match="other texts than are now asked for"):
        PackedTextIterator(other, "causal", 16, 320, str(tmp_path))


def test_too_little_text_for_a_block_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 5000 tokens of train text, one block, found"):
        iterator(tmp_path, context=5000)


def test_a_tokenizer_is_what_transformers_reads(tmp_path: Path) -> None:
    iterator(tmp_path, kind="masked")
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    assert settings["mask_token"] == "<mask>"
    assert settings["cls_token"] == "<s>"
    assert settings["model_max_length"] == 16


@given(st.integers(0, 1000), st.floats(0.01, 0.9))
def test_masks_hide_tokens_and_never_the_edges(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    blocks = random.integers(5, 40, (3, 12))
    blocks[:, 0], blocks[:, -1] = 0, 2
    seen, chosen = mask_blocks(blocks, share, 4, frozenset(range(5)), 40, random)
    assert chosen.any(axis=1).all()
    assert not chosen[:, [0, -1]].any()
    assert (seen == blocks)[~chosen].all()
    assert (seen[chosen] >= 4).all()


def test_masks_are_in_the_usual_shares() -> None:
    random = np.random.default_rng(0)
    blocks = random.integers(5, 5000, (200, 500))
    seen, chosen = mask_blocks(blocks, 0.15, 4, frozenset(range(5)), 5000, random)
    assert chosen.mean() == pytest.approx(0.15, abs=0.01)
    assert (seen[chosen] == 4).mean() == pytest.approx(0.8, abs=0.02)
    assert (seen[chosen] == blocks[chosen]).mean() == pytest.approx(0.1, abs=0.02)


def test_the_learning_rate_rises_then_falls_to_its_floor() -> None:
    factors = [cosine(i / 100, 0.1, 0.02) for i in range(101)]
    assert factors[0] == 0.01
    assert factors[10] == max(factors) == 1.0
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] == pytest.approx(0.02)
    assert cosine(0.0, 0.0, 0.1) == 1.0


def test_perplexity_weighs_texts_by_their_predictions() -> None:
    assert perplexity([8.0, 8.0], [3, 100]) == pytest.approx(8)
    assert perplexity([2.0, 4.0], [1, 1]) == pytest.approx(8**0.5)
    assert perplexity([2.0, 4.0], [3, 1]) == pytest.approx(2 ** (5 / 4))


def test_a_card_says_which_perplexity_it_is_and_shows_samples() -> None:
    text = card("masked", Path("runs/m"), {"masked perplexity": 31.5}, ["a sea\nof words", ""], 0.15)
    assert "| masked perplexity | 31.5 |" in text
    assert "of the 15% of the tokens that are hidden" in text
    assert "> a sea\n> of words\n\n---\n\n>\n" in text
    assert "configs/bert_generator.json" in text
    assert "configs/chat.json" in card("causal", Path("runs/m"), {}, [], 0.15)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # matplotlib's own, at its import
def test_a_curve_is_drawn(tmp_path: Path) -> None:
    entry = {"tokens": 10**6, "epoch": 1.0, "seconds": 60.0, "loss": 5.0, "perplexity": 150.0}
    draw_curve([entry, {**entry, "tokens": 2 * 10**6, "perplexity": 70.0}], "perplexity", tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("seconds", "said"), [(4.4, "4 s"), (720, "12 min"), (12600, "3.5 h")])
def test_a_time_is_said_shortly(seconds: float, said: str) -> None:
    assert duration(seconds) == said
