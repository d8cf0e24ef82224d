"""The files that the transformers engine reads: damaged, pickled, GGUF, of another precision."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from skills.errors import DamagedCheckpoint
from skills.generation.engines import causal_model, gguf_model, make_engine, safetensors_model
from tests.support.tiny_models import drop_weight, tiny_causal_model, tiny_gguf


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_causal_model(tmp_path_factory.mktemp("tiny"))


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
