"""Small talk: what is learnt of a conversation, and a training run of a tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from deeppavlov import build_model, train_model
from safetensors.numpy import load_file
from transformers import AutoTokenizer

from skills.deltas import apply_adapter
from skills.errors import ConfigurationError, InputError
from skills.generation.adapter_learning import target_losses
from skills.generation.engines.causal_model import load_causal_model
from skills.generation.reply_generator import DEFAULT_PERSONA
from skills.generation.small_talk.component import SmallTalk
from skills.generation.small_talk.conversations import Exchange
from skills.generation.small_talk.encoding import ConversationEncoder
from tests.support.tiny_models import CHAT_TEMPLATE, tiny_causal_model

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "small_talk.json"
TALK = (
    Exchange("Hello there", "the cat sat"),
    Exchange("And?", "I ate it.", False),
    Exchange("So", "by the sea"),
)
SAID = (
    Exchange("Hello there.", "The cat sat on the mat."),
    Exchange("And now?", "The dog lay by the door."),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_causal_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


def config(folder: Path, work: Path, **variables: Any) -> Any:
    said = ("hello there", "the cat sat on the mat", "and now?", "the dog lay by the door")
    messages = [[{"sender": "ab"[i % 2], "text": text}] for i, text in enumerate(said)]
    work.mkdir(exist_ok=True)
    (work / "dataset.json").write_text(json.dumps({f"key {i}": {"messages": messages} for i in range(40)}))
    found = json.loads(CONFIG.read_text("utf-8"))
    chosen = {"DATA_PATH": str(work), "WORK_PATH": str(work), "MODEL": str(folder), "PERSONA_SHARE": 0}
    chosen |= {"N_VALID": 2, "EPOCHS": 3, "BATCH_SIZE": 4, "LORA_RANK": 4, "LR": 0.01, "THREADS": 1}
    found["metadata"]["variables"].update({**chosen, **variables})
    return found


def test_learnt_are_the_tokens_of_replies_and_what_ends_them(tokenizer: Any) -> None:
    encoded = ConversationEncoder(tokenizer, 512)(TALK)
    assert tokenizer.decode(encoded.input_ids[encoded.targets]) == "the cat sat<|im_end|>by the sea<|im_end|>"
    every = ConversationEncoder(tokenizer, 512)(TALK, every_reply=True)
    assert "I ate it.<|im_end|>" in tokenizer.decode(every.input_ids[every.targets])
    written = tokenizer.decode(encoded.input_ids)
    assert written.startswith(
        f"<|im_start|>system\n{DEFAULT_PERSONA}<|im_end|>\n<|im_start|>user\nHello there"
    )
    assert "<|im_start|>assistant\nI ate it.<|im_end|>\n" in written
    assert len(ConversationEncoder(tokenizer, 16)(TALK).input_ids) == 16


def test_templates_that_cannot_be_learnt_from_are_refused(tokenizer: Any, folder: Path) -> None:
    other = AutoTokenizer.from_pretrained(folder)
    other.chat_template = None
    with pytest.raises(ConfigurationError, match="no chat template"):
        ConversationEncoder(other)
    other.chat_template = CHAT_TEMPLATE.replace("assistant\n{% endif", "assistant thinks{% endif")
    with pytest.raises(ConfigurationError, match="otherwise than a conversation"):
        ConversationEncoder(other)(TALK)


def test_a_batch_has_the_losses_of_each_conversation_alone(folder: Path) -> None:
    tokenizer, model = load_causal_model(str(folder), "float32")
    encode = ConversationEncoder(tokenizer, 512)
    both = [encode(TALK), encode(TALK[:1])]
    with torch.inference_mode():
        together = target_losses(model, both).numpy()
        alone = np.concatenate([target_losses(model, [one]).numpy() for one in both])
        logits = model(torch.from_numpy(both[1].input_ids)[None]).logits[0]
    np.testing.assert_allclose(together, alone, rtol=1e-4)
    at = torch.from_numpy(both[1].targets)
    scores = torch.log_softmax(logits[at - 1], dim=-1)
    expected = -scores[torch.arange(len(at)), torch.from_numpy(both[1].input_ids)[at]]
    np.testing.assert_allclose(alone[-len(at) :], expected.numpy(), rtol=1e-4)


@pytest.mark.filterwarnings("ignore::UserWarning")  # peft's, of a base without a name on a hub
def test_a_training_run_leaves_an_adapter_that_knows_the_replies(folder: Path, tmp_path: Path) -> None:
    untrained = build_model(config(folder, tmp_path, MODEL_ADAPTER=""))
    (before,), (n_tokens,) = untrained([SAID])
    train_model(config(folder, tmp_path))
    adapter = tmp_path / "adapter"
    names = set(load_file(adapter / "adapter_model.safetensors"))
    assert len(names) == 2 * 2 * 2
    assert all(".o_proj." in name or ".down_proj." in name for name in names)
    trained = build_model(config(folder, tmp_path, MODEL_ADAPTER=str(adapter)))
    (after,), (n_again,) = trained([SAID])
    assert n_tokens == n_again
    assert after < 0.5 * before
    tokenizer, model = load_causal_model(str(folder), "float32")
    apply_adapter(model, adapter)
    with torch.inference_mode():
        losses = target_losses(model, [ConversationEncoder(tokenizer)(SAID)])
    assert after == pytest.approx(float(losses.mean().exp()), rel=1e-3)
    card = (adapter / "README.md").read_text("utf-8")
    assert "| lora rank | 4 |" in card
    assert "python -m deeppavlov train configs/small_talk.json" in card


def test_bad_parameters_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="small_talk: unknown parameter persona"):
        SmallTalk(str(folder), persona="You are a pirate.")
    with pytest.raises(ConfigurationError, match="x_proj: the model has down_proj"):
        SmallTalk(str(folder), mode="train", work_path=str(tmp_path), recipe={"lora_matrices": "x_proj"})
    with pytest.raises(InputError, match="no reply to be learnt"):
        SmallTalk(str(folder), adapter="")([(Exchange("So?", "Fine.", False),)])
