"""The import rules of the design, and that every config names components that exist."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: module -> the only files (or folders, ending with /) of bot and skills that may import it
ONLY_IN = {
    "telegram": ["bot/telegram/"],
    "redis": ["bot/redis_sessions.py", "bot/embedded_redis.py", "bot/redis_", "bot/telegram/inbox"],
    "deeppavlov": ["bot/pipeline.py", "bot/component.py", "skills/"],
    "torch": ["skills/"],
    "transformers": ["skills/"],
}
#: what the service may import of the skills: plain data and errors
PLAIN = {
    "skills.dialog",
    "skills.errors",
    "skills.checkpoints",
    "skills.footprint",
    "skills.model_sources",
    "skills.retrieval.changes",
}
#: the only files that may load torch or transformers at import time: training and compiling
HEAVY = {
    "skills/compiler.py",
    "skills/deltas.py",
    "skills/generation/language_model/training.py",
    "skills/generation/masked_lm/training.py",
    "skills/generation/adapter_learning.py",
    "skills/learning.py",
    "skills/low_rank.py",
    "skills/quantization_aware.py",
    "skills/training.py",
    "skills/training_checkpoint.py",
    "skills/averaging.py",
    "skills/qa/convert.py",
    "skills/qa/training.py",
}


def imports(file: Path, *, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(file.read_text("utf-8"))
    nodes = ast.walk(tree) if not top_level_only else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("file", sources("skills"), ids=lambda f: f.name)
def test_skills_know_nothing_of_the_service(file: Path) -> None:
    for name in imports(file):
        assert name.split(".")[0] not in {"bot", "telegram", "redis"}, f"{file.name} imports {name}"
    assert "os.environ" not in file.read_text("utf-8")
    assert "os.getenv" not in file.read_text("utf-8")


@pytest.mark.parametrize("file", sources("bot") + sources("skills"), ids=lambda f: f.name)
def test_each_library_stays_in_its_place(file: Path) -> None:
    path = file.relative_to(ROOT).as_posix()
    for name in imports(file):
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or path.startswith(tuple(allowed)), f"{path} imports {name}"


@pytest.mark.parametrize("file", sources("bot"), ids=lambda f: f.name)
def test_the_service_reaches_skills_through_configs(file: Path) -> None:
    for name in imports(file):
        if name.split(".")[0] == "skills":
            assert any(name == p or name.startswith(p + ".") for p in PLAIN), f"{file.name} imports {name}"


@pytest.mark.parametrize("file", sources("skills"), ids=lambda f: f.name)
def test_torch_is_loaded_for_training_and_compiling_only(file: Path) -> None:
    heavy = {n.split(".")[0] for n in imports(file, top_level_only=True)} & {"torch", "transformers", "peft"}
    assert not heavy or file.relative_to(ROOT).as_posix() in HEAVY, f"{file.name} imports {heavy}"


def test_settings_are_the_only_reader_of_the_environment() -> None:
    readers = {
        f.relative_to(ROOT).as_posix()
        for f in sources("bot")
        if any(
            isinstance(n, ast.Attribute) and n.attr in {"environ", "getenv"}
            for n in ast.walk(ast.parse(f.read_text()))
        )
    }
    # the installer runs before anything of the project can be imported
    assert readers <= {"bot/settings.py", "bot/install.py"}


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("*.json")), ids=lambda f: f.name)
def test_components_of_configs_exist(config: Path) -> None:
    def names(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("class_name"), str):
                yield node["class_name"]
            for value in node.values():
                yield from names(value)
        elif isinstance(node, list):
            for value in node:
                yield from names(value)

    found = list(names(json.loads(config.read_text("utf-8"))))
    assert found
    for name in found:
        if ":" in name:
            module, _, kind = name.partition(":")
            tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
            assert kind in {n.name for n in tree.body if isinstance(n, ast.ClassDef)}, name
