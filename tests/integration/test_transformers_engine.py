"""The transformers engine on a tiny random model: every strategy, compared with its definition."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from skills.errors import ConfigurationError, DamagedCheckpoint, GenerationError, MissingCheckpoint
from skills.generation.decoding import PRESETS, Decoding
from skills.generation.engines import (
    Engine,
    Message,
    causal_model,
    gguf_model,
    lacking,
    make_engine,
    safetensors_model,
)
from tests.support.tiny_models import drop_weight, tiny_causal_model, tiny_gguf

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
    assert heard == [made.text]


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


def test_missing_weights_are_refused_not_made_up(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    drop_weight(copy, "model.layers.1.mlp.up_proj.weight")
    with pytest.raises(DamagedCheckpoint, match=r"model\.layers\.1\.mlp\.up_proj\.weight"):
        make_engine("transformers", str(copy)).load()


def test_a_damaged_file_is_refused(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DamagedCheckpoint, match="copy"):
        make_engine("transformers", str(copy)).load()


def test_pickled_weights_are_not_read(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    torch.save({}, copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(DamagedCheckpoint):
        make_engine("transformers", str(copy)).load()


def test_what_does_not_fit_is_refused_before_anything_is_imported():
    with pytest.raises(ConfigurationError, match="dtype"):
        make_engine("transformers", "SmolLM2-135M-Instruct", {"dtype": "int3"})
    with pytest.raises(MissingCheckpoint):
        make_engine("transformers", "/no/such/folder")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_gguf_file_becomes_a_model_of_the_precision_asked_for(tmp_path: Path, dtype: str, monkeypatch):
    monkeypatch.setattr(gguf_model, "_PIECE", 100)  # tensors are put together of several pieces
    weights = tiny_gguf(tmp_path / "tiny.gguf")
    model, report = gguf_model.gguf_model(tmp_path / "tiny.gguf", dtype)
    assert not any(report.values())
    assert model.dtype == getattr(torch, dtype)
    layer = model.model.layers[1]
    for name, loaded in {
        "token_embd": model.model.embed_tokens,
        "output_norm": model.model.norm,
        "blk.1.attn_v": layer.self_attn.v_proj,
        "blk.1.ffn_down": layer.mlp.down_proj,
    }.items():
        assert torch.equal(loaded.weight, torch.from_numpy(weights[name]).to(model.dtype)), name
    assert model.lm_head.weight is model.model.embed_tokens.weight
    # llama.cpp turns the halves of each head's queries into pairs; here they are halves again
    turned = layer.self_attn.q_proj.weight.float().reshape(4, 2, 8, 64).transpose(1, 2).reshape(64, 64)
    assert torch.equal(turned, torch.from_numpy(weights["blk.1.attn_q"]).to(model.dtype).float())
    with torch.inference_mode():
        assert model(torch.tensor([[1, 2, 3]])).logits.isfinite().all()


@pytest.mark.parametrize("tied", [True, False])
def test_files_of_another_precision_are_read_by_pieces(folder, tmp_path, tied, monkeypatch):
    monkeypatch.setattr(safetensors_model, "_PIECE", 100)
    config = AutoConfig.from_pretrained(folder, tie_word_embeddings=tied)
    torch.manual_seed(3)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    expected = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    model, report = safetensors_model.safetensors_model(tmp_path, "bfloat16")
    assert not any(report.values())
    assert (model.lm_head.weight is model.get_input_embeddings().weight) is tied
    theirs = expected.state_dict()
    assert model.state_dict().keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in model.state_dict().items())
    assert model.generation_config.to_dict() == expected.generation_config.to_dict()
    assert safetensors_model.stored_precision(tmp_path) == "float32"
    file = sorted(tmp_path.glob("*.safetensors"))[-1]
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(DamagedCheckpoint, match="in the midst of a tensor"):
        safetensors_model.safetensors_model(tmp_path, "bfloat16")
    with pytest.raises(DamagedCheckpoint, match="has no"):
        safetensors_model.stored_precision(tmp_path / "nowhere")


def test_a_text_begins_in_both_engines_as_the_gguf_file_says():
    model = "SmolLM2-135M-Instruct"
    folder, file = causal_model.locate(model, verify=False)
    with causal_model._gguf_made_quick():
        tokenizer = AutoTokenizer.from_pretrained(str(folder), gguf_file=file, local_files_only=True)
    engine = make_engine("llama_cpp", model, {"n_threads": 1, "n_ctx": 256, "n_slots": 1})
    engine.load()
    n_tokens = engine.count_tokens("The sea was calm in 1806.")
    engine.close()
    # transformers' own idea is another one, which is what has to be mended
    assert len(tokenizer("The sea was calm in 1806.")["input_ids"]) == n_tokens + 1
    causal_model._begin_as_the_file_says(tokenizer, folder / file)
    assert len(tokenizer("The sea was calm in 1806.")["input_ids"]) == n_tokens
