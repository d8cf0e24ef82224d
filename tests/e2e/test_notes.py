"""Every command of docs/text-generation.md, run as it stands there; training is made short by variables."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTES = (ROOT / "docs" / "text-generation.md").read_text("utf-8")
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", NOTES, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]  # fmt: skip

#: What makes a command short where the notes leave it long, by its config.
SHORT = {
    "configs/generate.json": {"DP_MAX_NEW_TOKENS": "6"},
    "configs/bert_generator.json": {"DP_MAX_NEW_TOKENS": "6"},
    "configs/masked_lm.json": {"DP_MAX_BATCHES": "2", "DP_BATCH_SIZE": "2", "DP_N_VALID": "4"},
    "configs/lm_from_scratch.json": {
        "DP_LAYERS": "1", "DP_HIDDEN": "16", "DP_HEADS": "2", "DP_CONTEXT": "32", "DP_VOCABULARY": "300",
        "DP_EPOCHS": "1", "DP_TIME_LIMIT_S": "5",
    },
    "configs/squad_reader.json": {"DP_EPOCHS": "1", "DP_BATCH_SIZE": "2"},
}  # fmt: skip
SENTENCES = (
    "The harbour lies behind the old market, and the boats come in before the sun is up. ",
    "Nobody had told her that the letter was meant for somebody else. ",
    "In the evening the lamps were lit one after the other along the river. ",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the notes speak of: configs, texts, squad."""
    folder = tmp_path_factory.mktemp("notes")
    (folder / "configs").symlink_to(ROOT / "configs")
    (folder / "texts").mkdir()
    for name in ("one.txt", "two.txt"):
        (folder / "texts" / name).write_text("\n".join(s * 4 for s in SENTENCES) * 12, "utf-8")
    (folder / "squad").mkdir()
    for name in ("train.json", "valid-v1.json"):
        context = "The harbour was built in 1871 by Anna Berg."
        asked = [("When was it built?", "1871"), ("Who built the harbour?", "Anna Berg")]
        qas = [
            {"id": f"{name}{i}", "question": q, "answers": [{"text": a, "answer_start": context.index(a)}]}
            for i, (q, a) in enumerate(asked)
        ]
        data = {"data": [{"title": "Harbour", "paragraphs": [{"context": context, "qas": qas}]}]}
        (folder / "squad" / name).write_text(json.dumps(data), "utf-8")
    return folder


def test_the_notes_have_their_commands() -> None:
    assert {config for config in SHORT if not any(config in command for command in COMMANDS)} == set()
    assert all(any(config in command for config in SHORT) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_notes(command: str, folder: Path) -> None:
    short = next(values for config, values in SHORT.items() if config in command)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DP_", "QUOTH_"))} | short
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DP_SKIP_NLTK_DOWNLOAD": "true",
    }
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    if " predict " in command:
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(rows) == 1
        texts = rows[0][0] if isinstance(rows[0][0], list) else rows[0]
        assert texts
        assert all(text.strip() for text in texts)
    elif " evaluate " in command:
        assert '"valid"' in done.stdout + done.stderr
