"""Low-rank adapters: the same model in both engines, files made once, and what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from skills.errors import ConfigurationError, DamagedCheckpoint, MissingCheckpoint
from skills.generation.adapters import ADAPTERS, OWN, adapter_folder
from skills.generation.engines import make_engine
from skills.generation.engines.gguf_model import gguf_model
from skills.generation.engines.lora_gguf import compile_adapter, gguf_tensors, interleaved
from skills.generation.reply_generator import ReplyGenerator
from skills.weight_files import gguf_header
from tests.support.tiny_adapter import SMOL_SHAPES, TINY_SHAPES, write_adapter
from tests.support.tiny_models import tiny_gguf

MODEL = "SmolLM2-135M-Instruct"
PROMPT = "The best way to learn a language is"


def test_both_engines_compute_the_same_with_an_adapter(tmp_path: Path) -> None:
    # every matrix of every layer, and far from the base
    adapter = write_adapter(tmp_path / "every", MODEL, SMOL_SHAPES, range(30), size=0.2)
    with_it, without = (next_token(str(folder), tmp_path) for folder in (adapter, ""))
    engine: Any = make_engine("transformers", MODEL, {"adapter": str(adapter), "n_threads": 1})
    engine.load()
    ids = engine._tokenizer(PROMPT, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        scores = torch.log_softmax(engine._model(ids).logits[0, -1], dim=-1)
    engine.close()
    apart = np.mean([abs(value - float(scores[token])) for token, value in with_it.items()])
    changed = np.mean([abs(value - float(scores[token])) for token, value in without.items()])
    # llama.cpp rounds what goes into a matrix of four bits to eight, the other does not
    assert apart < 0.2
    assert changed > 5 * apart


def next_token(adapter: str, cache: Path) -> dict[int, float]:
    """llama.cpp's log-probabilities of the 40 likeliest next tokens."""
    parameters = {"n_ctx": 256, "n_slots": 1, "n_threads": 1, "adapter": adapter, "cache_path": str(cache)}
    engine: Any = make_engine("llama_cpp", MODEL, parameters)
    engine.load()
    body = {"prompt": PROMPT, "max_tokens": 1, "temperature": 0, "logprobs": 40, "n_probs": 40}
    answer = engine._server.handle_completions(body, None)
    engine.close()
    return {t["id"]: t["logprob"] for t in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]}


def test_pairs_fit_the_matrices_of_the_file(tmp_path: Path) -> None:
    weights = tiny_gguf(tmp_path / "tiny.gguf")
    adapter = write_adapter(tmp_path / "adapter", "tiny", TINY_SHAPES, range(2))
    tensors = gguf_tensors(
        load_file(adapter / "adapter_model.safetensors"), gguf_header(tmp_path / "tiny.gguf"), adapter
    )
    assert len(tensors) == 2 * 2 * len(TINY_SHAPES)
    merged, _ = gguf_model(tmp_path / "tiny.gguf", "float32")
    from skills.deltas import apply_adapter

    apply_adapter(merged, adapter)
    attention = merged.model.layers[1].self_attn
    for name, n_heads, matrix in (("attn_q", 4, attention.q_proj), ("attn_k", 2, attention.k_proj)):
        first, second = (tensors[f"blk.1.{name}.weight.lora_{which}"].astype(np.float32) for which in "ab")
        expected = weights[f"blk.1.{name}"] + 2 * second @ first
        turned = interleaved(matrix.weight.detach().numpy(), n_heads)
        np.testing.assert_allclose(turned, expected, atol=1e-5)


def test_an_adapter_is_made_once_and_again_when_it_is_damaged(tmp_path: Path) -> None:
    tiny_gguf(tmp_path / "tiny.gguf")
    adapter = write_adapter(tmp_path / "adapter", "tiny", TINY_SHAPES, range(2))
    made = compile_adapter(adapter, tmp_path / "tiny.gguf", str(tmp_path / "cache"))
    whole, written = made.read_bytes(), made.stat().st_mtime_ns
    assert compile_adapter(adapter, tmp_path / "tiny.gguf", str(tmp_path / "cache")) == made
    assert made.stat().st_mtime_ns == written
    made.write_bytes(whole[:100])
    assert compile_adapter(adapter, tmp_path / "tiny.gguf", str(tmp_path / "cache")) == made
    assert made.read_bytes() == whole
    other = write_adapter(tmp_path / "other", "tiny", TINY_SHAPES, range(2), seed=1)
    assert compile_adapter(other, tmp_path / "tiny.gguf", str(tmp_path / "cache")) != made


def test_adapters_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    tiny_gguf(tmp_path / "tiny.gguf")

    def refused(error: type[Exception], says: str, adapter: Path) -> None:
        with pytest.raises(error, match=says):
            compile_adapter(adapter, tmp_path / "tiny.gguf", str(tmp_path / "cache"))

    deep = write_adapter(tmp_path / "deep", "tiny", TINY_SHAPES, range(3))
    refused(DamagedCheckpoint, r"layers\.2.* fits nothing", deep)
    narrow = write_adapter(tmp_path / "narrow", "tiny", {"self_attn.q_proj": (60, 64)}, range(2))
    refused(DamagedCheckpoint, "60 rows, not those of 4 heads", narrow)
    dora = write_adapter(tmp_path / "dora", "tiny", TINY_SHAPES, range(2), use_dora=True)
    refused(ConfigurationError, "without use_dora", dora)
    single = write_adapter(tmp_path / "single", "tiny", TINY_SHAPES, range(2))
    tensors = load_file(single / "adapter_model.safetensors")
    tensors.pop(next(name for name in tensors if "lora_B" in name))
    save_file(tensors, single / "adapter_model.safetensors")
    refused(DamagedCheckpoint, "fits nothing", single)
    (single / "adapter_model.safetensors").write_bytes(b"nothing")
    refused(DamagedCheckpoint, "cannot be read", single)


def test_the_default_adapter_goes_with_its_model_alone(tmp_path: Path) -> None:
    assert adapter_folder("auto", MODEL) == ADAPTERS / OWN[MODEL.lower()]
    assert adapter_folder("auto", "another.gguf") is None
    assert adapter_folder("", MODEL) is None


def test_an_adapter_that_is_asked_for_must_be_there_and_fit(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", MODEL, TINY_SHAPES, range(2))
    assert adapter_folder(str(adapter), f"/models/{MODEL}.Q8_0.gguf") == adapter
    with pytest.raises(ConfigurationError, match=rf"trained on {MODEL} .* model .*other"):
        adapter_folder(str(adapter), "/models/other.gguf")
    with pytest.raises(MissingCheckpoint, match=r"nowhere/adapter_config\.json is missing"):
        adapter_folder(str(tmp_path / "nowhere"), MODEL)
    (adapter / "adapter_config.json").write_text("[]")
    with pytest.raises(DamagedCheckpoint, match="not an adapter's config"):
        adapter_folder(str(adapter), MODEL)


def test_a_server_has_its_model_and_takes_no_adapter() -> None:
    with pytest.raises(ConfigurationError, match=r"openai expects no adapter.* got 'smollm2-small-talk'"):
        ReplyGenerator("openai", "http://127.0.0.1:9/v1", adapter="smollm2-small-talk")
