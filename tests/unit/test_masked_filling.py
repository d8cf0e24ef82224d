"""Writing mask by mask, over a fake model: orders, ends, rules of writing, penalties."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordPiece
from tokenizers.processors import TemplateProcessing

from skills.errors import ConfigurationError
from skills.generation.decoding import Decoding
from skills.generation.masked_lm.filling import ORDERS, Filling, Order, Request, continuation
from skills.generation.masked_lm.masking import FloatArray
from skills.generation.masked_lm.prompts import continued, make_prompt
from skills.generation.masked_lm.sampling import distribution, draw
from skills.generation.masked_lm.vocabulary import Vocabulary

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TOKENS = [
    *SPECIALS, "[unused0]", "the", "cat", "dog", "sat", "##s", "##ting",
    ".", "?", "!", ",", "(", "i", "'", "t",
]  # fmt: skip
ID = {token: index for index, token in enumerate(TOKENS)}
GREEDY = Decoding()


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    tokenizer = Tokenizer(WordPiece(ID, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    from tokenizers import decoders

    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(SPECIALS)
    file = tmp_path_factory.mktemp("vocabulary") / "tokenizer.json"
    tokenizer.save(str(file))
    return Vocabulary(file)


def logits_for(**wishes: float) -> FloatArray:
    row = np.zeros(len(TOKENS), dtype=np.float32)
    for token, value in wishes.items():
        row[ID[token]] = value
    return row


def write(
    vocabulary: Vocabulary,
    answer: Callable[[Request], FloatArray],
    prompt: str = "the cat",
    decoding: Decoding = GREEDY,
    seed: int = 0,
    **filling: object,
) -> tuple[str, list[Request]]:
    """Text of the new tokens, and what the model was asked."""
    writer = continuation(
        vocabulary.encode(prompt), vocabulary, Filling(**filling), decoding,  # type: ignore[arg-type]
        np.random.default_rng(seed),
    )  # fmt: skip
    asked = []
    try:
        request = next(writer)
        while True:
            asked.append(request)
            request = writer.send(answer(request))
    except StopIteration as stop:
        return " ".join(TOKENS[i] for i in stop.value), asked


def always(**wishes: float) -> Callable[[Request], FloatArray]:
    return lambda request: np.stack([logits_for(**wishes)] * len(request.places))


def test_the_vocabulary_is_read_off_the_tokenizer(vocabulary: Vocabulary) -> None:
    assert (vocabulary.before, vocabulary.after) == ((2,), (3,))
    assert (vocabulary.mask_id, vocabulary.pad_id, vocabulary.separator_id) == (4, 0, 3)
    kinds = {
        name: {TOKENS[i] for i in np.flatnonzero(getattr(vocabulary, name))}
        for name in ("words", "begins", "marks", "ends")
    }
    assert kinds["words"] - kinds["begins"] == {"##s", "##ting"}
    assert kinds["begins"] == {"the", "cat", "dog", "sat", "i", "t"}
    assert (kinds["marks"], kinds["ends"]) == ({",", "'"}, {".", "?", "!"})
    assert not vocabulary.lowercases


def test_left_to_right_shows_few_masks_and_what_was_written(vocabulary: Vocabulary) -> None:
    written, asked = write(vocabulary, always(sat=1.0), max_new_tokens=4, lookahead=1)
    assert written == "sat sat sat sat"
    assert [TOKENS[i] for i in asked[0].input_ids] == ["[CLS]", "the", "cat", "[MASK]", "[MASK]", "[SEP]"]
    assert [list(r.places) for r in asked] == [[3], [4], [5], [6]]
    assert TOKENS[asked[1].input_ids[3]] == "sat"


def test_the_most_confident_place_is_filled_first(vocabulary: Vocabulary) -> None:
    def answer(request: Request) -> FloatArray:
        return np.stack([logits_for(dog=float(place)) for place in request.places])

    _, asked = write(vocabulary, answer, max_new_tokens=3, order="confident")
    assert [list(r.places) for r in asked] == [[3, 4, 5], [3, 4], [3]]


def test_random_order_fills_every_place_once(vocabulary: Vocabulary) -> None:
    orders = set()
    for seed in range(8):
        _, asked = write(vocabulary, always(dog=1.0), seed=seed, max_new_tokens=4, order="random")
        places = [int(r.places[0]) for r in asked]
        assert sorted(places) == [3, 4, 5, 6]
        orders.add(tuple(places))
    assert len(orders) > 3


@pytest.mark.parametrize("end", [".", "?", "!"])
def test_the_first_end_ends_it_but_not_before_the_shortest(vocabulary: Vocabulary, end: str) -> None:
    wishes = {end: 5.0, "dog": 1.0}
    written, asked = write(vocabulary, always(**wishes), max_new_tokens=9, min_new_tokens=2)
    assert written == f"dog dog {end}"
    assert len(asked) == 3


def test_the_separator_ends_it_and_is_not_written(vocabulary: Vocabulary) -> None:
    written, _ = write(vocabulary, always(**{"[SEP]": 5.0, "dog": 1.0}), max_new_tokens=9, min_new_tokens=1)
    assert written == "dog"


def test_special_and_reserved_tokens_are_never_written(vocabulary: Vocabulary) -> None:
    wishes = {t: 9.0 for t in [*SPECIALS, "[unused0]", "("] if t != "[SEP]"}
    assert write(vocabulary, always(**wishes, sat=1.0), max_new_tokens=3)[0] == "sat sat sat"


def test_pieces_join_words_only_and_only_where_allowed(vocabulary: Vocabulary) -> None:
    wishes = {"##s": 9.0, "cat": 1.0}
    assert write(vocabulary, always(**wishes), max_new_tokens=3)[0] == "cat cat cat"
    assert write(vocabulary, always(**wishes), max_new_tokens=3, word_pieces=True)[0] == "cat ##s ##s"
    wishes = {"##s": 9.0, ",": 10.0, "cat": 1.0}
    assert write(vocabulary, always(**wishes), max_new_tokens=4, word_pieces=True)[0] == "cat , cat ,"


def test_refinement_draws_each_place_again_and_keeps_the_end(vocabulary: Vocabulary) -> None:
    drafts = 4

    def answer(request: Request) -> FloatArray:
        answer.calls += 1  # type: ignore[attr-defined]
        first = answer.calls <= drafts  # type: ignore[attr-defined]
        wish = {"cat": 1.0, ".": 2.0} if first else {"dog": 3.0, ".": 9.0}
        return np.stack([logits_for(**wish)] * len(request.places))

    answer.calls = 0  # type: ignore[attr-defined]
    written, asked = write(vocabulary, answer, max_new_tokens=9, min_new_tokens=3, refinement_passes=2)
    assert written == "dog dog dog ."
    again = [int(r.places[0]) for r in asked[drafts:]]
    assert sorted(again[:3]) == sorted(again[3:]) == [3, 4, 5]
    assert all(TOKENS[r.input_ids[r.places[0]]] == "[MASK]" for r in asked[drafts:])


def test_the_most_plausible_of_several_is_returned(vocabulary: Vocabulary) -> None:
    def answer(request: Request) -> FloatArray:
        answer.calls += 1  # type: ignore[attr-defined]
        if answer.calls == 1:  # type: ignore[attr-defined]
            return logits_for(dog=9.0)[None]
        return logits_for(cat=1.0, sat=2.0)[None]

    answer.calls = 0  # type: ignore[attr-defined]
    written, asked = write(vocabulary, answer, max_new_tokens=1, n_candidates=2)
    assert written == "sat"
    assert [list(r.places) for r in asked] == [[3]] * 4


def test_runs_of_tokens_need_not_come_twice(vocabulary: Vocabulary) -> None:
    wishes = always(the=4.0, cat=3.0, dog=2.0)
    decoding = Decoding(no_repeat_ngram_size=2)
    assert (
        write(vocabulary, wishes, prompt="the cat", decoding=decoding, max_new_tokens=3)[0] == "the the dog"
    )


def test_a_penalty_is_for_what_was_said() -> None:
    row = np.array([2.0, 1.9, -1.0], dtype=np.float32)
    penalised = distribution(row, Decoding(repetition_penalty=1.5), repeated=[0])
    assert list(penalised) == [0.0, 1.0, 0.0]
    assert list(distribution(row, Decoding())) == [1.0, 0.0, 0.0]


def test_filters_and_temperature() -> None:
    row = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    sampling = {"do_sample": True}
    np.testing.assert_allclose(
        distribution(row, Decoding(**sampling, top_k=2)), [0.625, 0.375, 0, 0], rtol=1e-5
    )
    np.testing.assert_allclose(
        distribution(row, Decoding(**sampling, top_p=0.6)), [0.625, 0.375, 0, 0], rtol=1e-5
    )
    sharp = distribution(row, Decoding(**sampling, temperature=0.1))
    assert sharp[0] > 0.99
    np.testing.assert_allclose(distribution(row, Decoding(**sampling)), np.exp(row), rtol=1e-5)


@settings(max_examples=50)
@given(
    st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=30),
    st.integers(0, 5),
    st.floats(0.05, 1.0),
    st.floats(0.05, 5.0),
    st.integers(0, 2**32 - 1),
)
def test_only_tokens_with_a_chance_are_drawn(
    scores: list[float], top_k: int, top_p: float, temperature: float, seed: int
) -> None:
    row = np.array([-np.inf, *scores], dtype=np.float32)
    decoding = Decoding(do_sample=True, top_k=top_k, top_p=top_p, temperature=temperature)
    chances = distribution(row, decoding)
    assert chances.sum() == pytest.approx(1.0, abs=1e-4)
    assert chances[draw(chances, np.random.default_rng(seed))] > 0


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    order=st.sampled_from(ORDERS),
    word_pieces=st.booleans(),
    passes=st.integers(0, 1),
    n=st.integers(1, 8),
)
def test_whatever_the_model_says_the_rules_of_writing_hold(
    vocabulary: Vocabulary, seed: int, order: Order, word_pieces: bool, passes: int, n: int
) -> None:
    noise = np.random.default_rng(seed)
    written, _ = write(
        vocabulary,
        lambda request: noise.normal(0, 5, (len(request.places), len(TOKENS))).astype(np.float32),
        decoding=Decoding(do_sample=True),
        seed=seed,
        order=order,
        word_pieces=word_pieces,
        refinement_passes=passes,
        max_new_tokens=n,
    )
    tokens = written.split()
    assert 1 <= len(tokens) <= n
    assert not set(tokens) & {*SPECIALS, "[unused0]", "("}
    assert tokens[0] in {"the", "cat", "dog", "sat", "i", "t"}
    assert not any(t in ".?!" for t in tokens[:-1])
    for before, token in pairwise(tokens):
        if token.startswith("##"):
            assert word_pieces
        if not token.isalpha():
            assert before not in {",", "'"}


def test_prompts_are_cut_from_the_left(vocabulary: Vocabulary) -> None:
    prompt = make_prompt(vocabulary, "the cat sat", " the dog ", room=3)
    assert [TOKENS[i] for i in prompt.ids] == ["sat", "the", "dog"]
    assert prompt.n_cut == 2
    assert make_prompt(vocabulary, "", "", room=3).ids == ()
    assert make_prompt(vocabulary, "cat [MASK] sat", "", room=5).ids == (ID["cat"], ID["sat"])


def test_the_suggestion_stays_as_it_came(vocabulary: Vocabulary) -> None:
    new = [ID[t] for t in ("cat", "##s", ",", "i", "'", "t", ".")]
    assert continued(vocabulary, "I Think  ", new) == "I Think cats, i't."
    assert continued(vocabulary, "see (", new[:1]) == "see (cat"
    assert continued(vocabulary, "", new[:1]) == "cat"
    assert continued(vocabulary, "the", []) == "the"


def test_a_tokenizer_without_a_mask_is_refused(tmp_path: Path) -> None:
    Tokenizer(WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ConfigurationError, match=r"expected a token \[MASK\] or <mask>"):
        Vocabulary(tmp_path / "tokenizer.json")
