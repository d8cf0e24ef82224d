"""Every config is built, as DeepPavlov builds it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tiny_bert import tiny_bert

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.json"))
BUILD = """
import sys
from bot.settings import offline_environment
offline_environment()
from deeppavlov import build_model
model = build_model(sys.argv[1])
print("torch" in sys.modules, "transformers" in sys.modules, *model.out_params)
"""
#: What comes out, by config: callers depend on it.
OUTPUTS = {
    "bert_generator.json": "result",
    "chat.json": "reply",
    "chat_api.json": "reply skill confidence evidence",
    "dialog.json": "replies",
    "generate.json": "texts",
    "ingest.json": "results",
    "lm_from_scratch.json": "perplexities n_predictions",
    "masked_lm.json": "hits log_probabilities",
    "question_writer.json": "perplexities n_predictions",
    "small_talk.json": "perplexities n_predictions",
    "squad_bert.json": "answers starts scores no_answer_scores",
    "squad_reader.json": "answers starts scores no_answer_scores",
}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_config_is_built_without_torch(config: Path, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("QUOTH_", "REDIS_", "DP_"))}
    environment["QUOTH_DATA_DIR"] = str(tmp_path)
    if config.name == "squad_bert.json":  # its weights are a user's own
        environment["DP_CHECKPOINT"] = str(tiny_bert(tmp_path / "bert"))
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(config)], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"False False {OUTPUTS[config.name]}"


def test_a_missing_reader_is_one_clear_line(tmp_path: Path) -> None:
    environment = {**os.environ, "QUOTH_DATA_DIR": str(tmp_path), "QUOTH_READER": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, "-m", "deeppavlov", "interact", "configs/chat.json"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False, input="",
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "nowhere" in done.stderr


@pytest.mark.parametrize(
    ("mode", "config", "variable", "value", "said"),
    [
        ("interact", "generate", "DP_PRESET", "nonsense", "no preset 'nonsense'; there are: balanced"),
        ("train", "squad_reader", "DP_DATA_PATH", "/nowhere", "expected *.json files in SQuAD's format"),
        ("interact", "squad_reader", "DP_ADAPTER", "/nowhere", "expected an adapter"),
        ("interact", "bert_generator", "DP_PRETRAINED_MODEL", "/nowhere", "no checkpoint '/nowhere'"),
    ],
)
def test_deeppavlov_s_programs_tell_an_error_in_a_line(
    mode: str, config: str, variable: str, value: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deeppavlov", mode, f"configs/{config}.json"],
        cwd=ROOT, env={**os.environ, variable: value}, capture_output=True, text=True, timeout=300,
        check=False, input="",
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert not last.startswith("skills.")


def test_every_config_with_components_of_ours_has_its_errors_told_so() -> None:
    for config in CONFIGS:
        text = config.read_text("utf-8")
        assert '"skills.plain_errors"' in text or "skills." not in text, config.name
