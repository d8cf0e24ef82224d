"""The README tells the truth where a program can tell."""

from __future__ import annotations

import json
import re
from importlib.metadata import requires
from pathlib import Path

import pytest

from bot.settings import describe

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_setting_is_in_the_table() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    assert rows == describe()


def test_every_dependency_is_explained() -> None:
    named = requires("quoth")
    assert named
    table = README[README.index("## Dependencies") :]
    for requirement in named:
        name = re.split(r"[<>=;\[ ]", requirement)[0]
        # numpy comes with what is named, the plugin with pytest
        assert name.replace("-client", "_client") in table or name in {"numpy", "pytest-asyncio"}, name


@pytest.mark.parametrize("target", ["chat", "api", "telegram", "test", "bench", "doctor"])
def test_make_targets_exist(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}:.*\$\(MODELS\)", makefile, re.MULTILINE), f"{target} must set up first"


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_chain_of_the_readme_is_the_config() -> None:
    pipe = json.loads((ROOT / "configs" / "dialog.json").read_text("utf-8"))["chainer"]["pipe"]
    steps = [c["class_name"].split(":")[0] for c in pipe if "in" in c]
    table = README[README.index("| step |") : README.index("`skills/` holds")]
    assert re.findall(r"`(skills\.[a-z_.]+)`", table) == steps
