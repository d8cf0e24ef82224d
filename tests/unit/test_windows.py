"""Windows: offsets in the whole context, whatever the window."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from skills.errors import ConfigurationError, DamagedCheckpoint
from skills.qa.windows import WindowTokenizer, collate
from skills.runtime import by_length, side_by_side


def tokenizer_file(folder: Path, style: str = "bert") -> Path:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] if style == "bert" else ["<s>", "<pad>", "</s>", "<unk>"]
    unknown = "[UNK]" if style == "bert" else "<unk>"
    tokenizer = Tokenizer(WordLevel({t: i for i, t in enumerate(specials)}, unk_token=unknown))
    tokenizer.pre_tokenizer = Whitespace()
    if style == "bert":
        single, pair, used = "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ["[CLS]", "[SEP]"]
    else:
        single, pair, used = "<s> $A </s>", "<s> $A </s> </s> $B </s>", ["<s>", "</s>"]
    tokenizer.post_processor = TemplateProcessing(
        single=single, pair=pair, special_tokens=[(t, specials.index(t)) for t in used]
    )
    file = folder / f"{style}.json"
    tokenizer.save(str(file))
    return file


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> WindowTokenizer:
    return WindowTokenizer(
        tokenizer_file(tmp_path_factory.mktemp("t")), 24, doc_stride=4, max_question_length=6
    )


@given(st.lists(st.sampled_from(["ab", "cd", "é", "𝒳", "x\u0301"]), max_size=60), st.integers(0, 12))
@settings(max_examples=150)
def test_windows_cover_the_context_and_overlap(small: WindowTokenizer, words: list[str], n: int) -> None:
    context, question = "  ".join(words), " ".join(["q"] * n)
    windows = small.windows([question], [context])
    tokens = small.tokens(context)
    if not len(tokens.ids):
        assert windows == []
        return
    covered = np.zeros(len(tokens.ids), dtype=int)
    for window in windows:
        assert len(window.input_ids) <= 24
        size = len(window.offsets)
        covered[window.token_start : window.token_start + size] += 1
        assert (window.offsets == tokens.offsets[window.token_start : window.token_start + size]).all()
        inside = window.input_ids[window.context_start : window.context_start + size]
        assert (inside == tokens.ids[window.token_start : window.token_start + size]).all()
    assert covered.min() >= 1
    for one, other in pairwise(windows):
        assert one.token_start + len(one.offsets) - other.token_start == 4


def test_pair_templates_are_read_off_the_tokenizer(tmp_path: Path) -> None:
    bert = WindowTokenizer(tokenizer_file(tmp_path, "bert"))
    assert (bert.template.before, bert.template.between, bert.template.after) == ((2,), (3,), (3,))
    assert bert.template.context_type_id == 1
    roberta = WindowTokenizer(tokenizer_file(tmp_path, "roberta"))
    assert (roberta.template.before, roberta.template.between, roberta.template.after) == ((0,), (2, 2), (2,))
    assert roberta.template.context_type_id == 0


def test_collate_fills_up_to_the_longest_with_what_ends_a_window(small: WindowTokenizer) -> None:
    windows = small.windows(["q", "q q q"], ["ab", "ab cd"])
    ids, mask, types = collate(windows)
    assert ids.shape == mask.shape == types.shape == (2, 8)
    assert mask.sum(1).tolist() == [5, 8]
    assert ids[0, 4:].tolist() == [small.template.after[0]] * 4
    assert types[1].tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


def test_texts_side_by_side_end_in_their_own_last_tokens() -> None:
    ids, mask = side_by_side([[2, 5, 3], [2, 3]], multiple_of=4)
    assert ids.tolist() == [[2, 5, 3, 3], [2, 3, 3, 3]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
    assert side_by_side([[7]])[0].tolist() == [[7]]


@given(st.lists(st.integers(1, 60), max_size=30), st.integers(1, 80))
def test_batches_hold_inputs_of_similar_length(lengths: list[int], max_tokens: int) -> None:
    groups = by_length(lengths, max_tokens)
    assert sorted(i for g in groups for i in g) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= max_tokens
    longest = [max(lengths[i] for i in group) for group in groups]
    assert longest == sorted(longest)


def test_threads_share_a_tokenizer(small: WindowTokenizer) -> None:
    contexts = [f"ab cd {'x ' * i}" for i in range(40)]
    alone = [small.windows(["q"], [c]) for c in contexts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda c: small.windows(["q"], [c]), contexts * 5))
    for i, windows in enumerate(together):
        expected = alone[i % 40]
        assert [w.input_ids.tolist() for w in windows] == [w.input_ids.tolist() for w in expected]


def test_no_room_for_the_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="doc_stride must be from 0 to 4"):
        WindowTokenizer(tokenizer_file(tmp_path), 24, doc_stride=5, max_question_length=16)


def test_a_damaged_tokenizer_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{")
    with pytest.raises(DamagedCheckpoint, match=r"tokenizer\.json is not a tokenizer file"):
        WindowTokenizer(broken)
