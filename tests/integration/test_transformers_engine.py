"""The transformers engine on a tiny random model: every strategy, compared with its definition."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from skills.errors import ConfigurationError, GenerationError, MissingCheckpoint
from skills.generation.decoding import PRESETS, Decoding
from skills.generation.engines import (
    Engine,
    Message,
    lacking,
    make_engine,
)
from tests.support.tiny_models import tiny_causal_model

CHAT = [Message("system", "You give short replies."), Message("user", "Tell me about the sea.")]
PROMPT = "once upon a time"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_causal_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def engine(folder):
    made = make_engine("transformers", str(folder), {"n_threads": 1})
    made.load()
    yield made
    made.close()


def logits_of(engine, ids):
    with torch.inference_mode():
        return engine._model(torch.tensor([ids])).logits[0]


def decoded(engine, ids):
    """The text of tokens; half a character at the end is never shown."""
    return engine._tokenizer.decode(ids).rstrip("�")


def log_probability(engine, prompt, text):
    ids = engine._tokenizer(prompt)["input_ids"]
    whole = ids + engine._tokenizer(text)["input_ids"]
    scores = torch.log_softmax(logits_of(engine, whole), dim=-1)
    return sum(float(scores[at - 1, whole[at]]) for at in range(len(ids), len(whole)))


def test_it_is_an_engine_and_has_every_strategy(engine):
    assert isinstance(engine, Engine)
    assert [name for name, decoding in PRESETS.items() if lacking(engine, decoding)] == []


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_gives_its_reply_twice(engine, name):
    decoding = Decoding(**{**vars(PRESETS[name]), "seed": 5})
    first = engine.generate(CHAT, decoding, max_new_tokens=12)
    assert first == engine.generate(CHAT, decoding, max_new_tokens=12)
    assert 0 < first.n_tokens <= 12


def test_the_strategies_differ(engine):
    replies = {
        name: engine.generate(CHAT, Decoding(**{**vars(decoding), "seed": 5}), max_new_tokens=24).text
        for name, decoding in PRESETS.items()
    }
    assert len(set(replies.values())) >= 8


def test_greedy_takes_the_likeliest_each_time(engine):
    ids = engine._tokenizer(PROMPT)["input_ids"]
    made = []
    for _ in range(10):
        token = int(logits_of(engine, ids + made)[-1].argmax())
        if token in engine._end_tokens():
            break
        made.append(token)
    assert engine.generate(PROMPT, Decoding(), max_new_tokens=10).text == decoded(engine, made)


def test_a_beam_finds_a_likelier_text_than_greedy(engine):
    lengths = {"max_new_tokens": 8}
    greedy = engine.generate(PROMPT, Decoding(), **lengths).text
    beams = engine.generate(PROMPT, Decoding(num_beams=8, length_penalty=0.0), **lengths).text
    assert log_probability(engine, PROMPT, beams) >= log_probability(engine, PROMPT, greedy)


def test_several_replies_come_back_best_first(engine):
    made = engine.generate(PROMPT, Decoding(num_beams=4, num_return_sequences=3), max_new_tokens=8)
    assert len({made.text, *made.alternatives}) == 3


def test_several_draws_come_back(engine):
    decoding = Decoding(do_sample=True, num_return_sequences=3, seed=1)
    made = engine.generate(PROMPT, decoding, max_new_tokens=12)
    assert len({made.text, *made.alternatives}) == 3


def contrastive_by_definition(engine, ids, alpha, top_k, n_tokens):
    """Everything computed anew at each step, without a cache."""
    made = []
    for _ in range(n_tokens):
        with torch.inference_mode():
            context = engine._model(torch.tensor([ids + made]), output_hidden_states=True)
        before = torch.nn.functional.normalize(context.hidden_states[-1][0], dim=-1)
        likely = torch.softmax(context.logits[0, -1], dim=-1).topk(top_k)
        scores = []
        for p, token in zip(likely.values.tolist(), likely.indices.tolist(), strict=True):
            with torch.inference_mode():
                output = engine._model(torch.tensor([[*ids, *made, token]]), output_hidden_states=True)
            hidden = torch.nn.functional.normalize(output.hidden_states[-1][0, -1], dim=-1)
            scores.append(((1 - alpha) * p - alpha * float((before @ hidden).max()), token))
        token = max(scores)[1]
        if token in engine._end_tokens():
            break
        made.append(token)
    return made


@pytest.mark.parametrize(("alpha", "top_k"), [(0.6, 4), (0.3, 8), (0.9, 3)])
def test_contrastive_search_is_what_the_paper_defines(engine, alpha, top_k):
    made = engine.generate(PROMPT, Decoding(penalty_alpha=alpha, top_k=top_k), max_new_tokens=10)
    expected = contrastive_by_definition(engine, engine._tokenizer(PROMPT)["input_ids"], alpha, top_k, 10)
    assert made.text == decoded(engine, expected)


def test_contrastive_search_heeds_the_other_penalties(engine):
    plain = Decoding(penalty_alpha=0.05, top_k=2)
    penalised = Decoding(penalty_alpha=0.05, top_k=2, repetition_penalty=1.8)
    made = [engine.generate(PROMPT, decoding, max_new_tokens=60).text for decoding in (plain, penalised)]
    assert made[0] != made[1]


@pytest.mark.parametrize(
    "decoding",
    [Decoding(), Decoding(num_beams=2), Decoding(penalty_alpha=0.1, top_k=2)],
    ids=["greedy", "beam", "contrastive"],
)
def test_no_run_comes_twice_but_a_reply_may_begin_as_an_earlier_one(engine, decoding):
    def reply(prompt, size, length):
        return engine.generate(prompt, replace(decoding, no_repeat_ngram_size=size), None, length).text

    # the template before the reply stands before the earlier reply, too
    word = "\x11"
    chat = [*CHAT, Message("assistant", word), CHAT[1]]
    assert reply(chat, 0, 1) == reply(chat, 4, 1) == word
    assert reply(word * 6, 2, 60) != reply(word * 6, 0, 60)


def test_forbidding_runs_takes_the_likeliest_that_makes_none_twice(engine):
    ids, made = engine._tokenizer(PROMPT)["input_ids"], []
    while len(made) < 60:
        ranked = logits_of(engine, ids + made)[-1].argsort(descending=True).tolist()
        pairs = set(pairwise(ids + made))
        made.append(next(token for token in ranked if (*(ids + made)[-1:], token) not in pairs))
    text = engine.generate(PROMPT, Decoding(no_repeat_ngram_size=2), max_new_tokens=60).text
    assert text == decoded(engine, made) != engine.generate(PROMPT, Decoding(), max_new_tokens=60).text


@pytest.mark.parametrize(
    "decoding",
    [Decoding(), Decoding(do_sample=True, seed=3), Decoding(penalty_alpha=0.6, top_k=4)],
    ids=["greedy", "sample", "contrastive"],
)
def test_pieces_come_one_by_one_and_the_listener_stops(engine, decoding):
    whole = engine.generate(CHAT, decoding, max_new_tokens=20)
    heard = []
    made = engine.generate(CHAT, decoding, lambda piece: bool(heard.append(piece)), 20)
    assert made == whole
    assert "".join(heard) == whole.text
    assert len(heard) > 3
    stopped = engine.generate(CHAT, decoding, lambda piece: True, 20)
    assert stopped.stopped
    assert not stopped.cut
    assert stopped.text == heard[0]


def test_beams_are_handed_on_once_done(engine):
    heard = []
    made = engine.generate(CHAT, Decoding(num_beams=3), lambda piece: bool(heard.append(piece)), 8)
    assert heard[-1] == "".join(heard) == made.text


@pytest.mark.parametrize(
    "decoding",
    [Decoding(num_beams=3), Decoding(do_sample=True, num_return_sequences=2, seed=1)],
    ids=["beam", "several"],
)
def test_what_is_handed_on_once_done_is_stopped_on_the_way(engine, decoding):
    asked = []

    def listener(piece):
        asked.append(piece)
        return len(asked) == 3

    made = engine.generate(CHAT, decoding, listener, 40)
    assert asked == [""] * 3
    assert (made.text, made.alternatives, made.n_tokens) == ("", (), 3)
    assert made.stopped
    assert not made.cut


def test_what_a_listener_raises_comes_through(engine):
    def listener(piece):
        raise LookupError

    with pytest.raises(LookupError):
        engine.generate(CHAT, Decoding(), listener, 5)
    assert engine.generate(CHAT, Decoding(), max_new_tokens=5).text


def test_a_stop_text_ends_the_reply_and_is_never_shown(engine):
    whole = engine.generate(CHAT, Decoding(), max_new_tokens=24).text
    stop = whole[8:11]
    heard = []
    made = engine.generate(CHAT, Decoding(stop=(stop,)), lambda piece: bool(heard.append(piece)), 24)
    assert made.text == whole[: whole.index(stop)] == "".join(heard)
    assert not made.stopped
    assert not made.cut


def test_a_seed_holds_whatever_else_draws(engine):
    decoding = Decoding(do_sample=True, temperature=1.5, seed=9)
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda _: engine.generate(CHAT, decoding, max_new_tokens=12).text, range(8)))
    assert len(made) == 1
    free = Decoding(do_sample=True, temperature=1.5)
    assert len({engine.generate(CHAT, free, max_new_tokens=12).text for _ in range(4)}) > 1


def test_generating_leaves_the_process_s_random_state_alone(engine):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    engine.generate(CHAT, Decoding(do_sample=True, seed=2), max_new_tokens=5)
    assert torch.equal(torch.rand(3), expected)


def test_tokens_are_counted_and_the_context_is_the_model_s(engine):
    made = engine.generate(CHAT, Decoding(), max_new_tokens=2)
    assert engine.count_tokens(CHAT) == made.n_prompt_tokens
    assert engine.n_ctx == 256
    with pytest.raises(GenerationError, match="longer"):
        engine.generate([Message("user", "the sea " * 300)], Decoding())


def test_the_model_s_own_chat_template_is_used(engine):
    ids = engine._encode([Message("user", "the sea")])[0].tolist()
    assert engine._tokenizer.decode(ids) == ("<|im_start|>user\nthe sea<|im_end|>\n<|im_start|>assistant\n")


def test_a_model_without_a_template_gets_a_plain_dialog(tmp_path):
    engine = make_engine("transformers", str(tiny_causal_model(tmp_path, chat_template=None)))
    engine.load()
    text = engine._tokenizer.decode(engine._encode(CHAT)[0].tolist())
    assert text == "You give short replies.\n\nUser: Tell me about the sea.\nAssistant:"


def test_what_does_not_fit_is_refused_before_anything_is_imported():
    with pytest.raises(ConfigurationError, match="dtype"):
        make_engine("transformers", "SmolLM2-135M-Instruct", {"dtype": "int3"})
    with pytest.raises(MissingCheckpoint):
        make_engine("transformers", "/no/such/folder")
