"""The mean of stages: what a run left goes in, an adapter that the reader reads comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from skills.deltas import apply_adapter
from skills.learning import load_to_train
from skills.qa.averaging import main
from tests.support.tiny_bert import tiny_bert

BIAS = "qa_outputs.bias"


@pytest.fixture
def stages(tmp_path: Path) -> Path:
    """A base, and what two stages left."""
    from transformers import AutoModelForQuestionAnswering

    base = tiny_bert(tmp_path / "base")
    model, _ = load_to_train(AutoModelForQuestionAnswering, base, 0.0)
    for n, shift in enumerate((0.01, 0.03)):
        tensors = {name: (p.detach() + shift).half() for name, p in model.named_parameters()}
        save_file(tensors, tmp_path / f"{n}.safetensors")
    return tmp_path


def test_the_mean_is_written_as_an_adapter(stages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from transformers import AutoModelForQuestionAnswering

    files = [str(stages / f"{n}.safetensors") for n in range(2)]
    assert main([str(stages / "base"), str(stages / "adapter"), *files]) == 0
    assert "the mean of 2" in capsys.readouterr().out
    model, _ = load_to_train(AutoModelForQuestionAnswering, stages / "base", 0.0)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    apply_adapter(model, stages / "adapter")
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name] + 0.02, atol=2e-3, rtol=0)
    both = [load_file(file)[BIAS].float() for file in files]
    torch.testing.assert_close(model.qa_outputs.bias.detach(), (both[0] + both[1]) / 2, atol=1e-3, rtol=0)


def test_what_does_not_fit_is_named(stages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "python -m skills.qa.averaging" in capsys.readouterr().err
    first, other = stages / "0.safetensors", stages / "other.safetensors"
    save_file({BIAS: torch.zeros(2)}, other)
    for wrong in (other, stages / "nowhere.safetensors", stages / "base" / "tokenizer.json"):
        assert main([str(stages / "base"), str(stages / "adapter"), str(first), str(wrong)]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"{wrong}: expected")
        assert len(error.splitlines()) == 1
    assert not (stages / "adapter").exists()
