"""The mean of stages: what a run left goes in, an adapter that the reader reads comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from skills.averaging import main
from skills.compiled import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from skills.deltas import apply_adapter
from skills.learning import load_to_train
from skills.low_rank import save_low_rank, with_low_rank
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


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two low-rank adapters of one base."""
    from transformers import AutoModelForQuestionAnswering

    base = tiny_bert(tmp_path / "base")
    for n in range(2):
        model, fresh = load_to_train(AutoModelForQuestionAnswering, base, 0.0)
        learner = with_low_rank(model, 2, fresh, None)
        changed = {name: p.detach() + n for name, p in learner.named_parameters() if "lora_" in name}
        save_low_rank(learner, changed, tmp_path / str(n), "tiny")
    return tmp_path


def test_low_rank_adapters_are_averaged_pair_by_pair(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(pairs / str(n)) for n in range(2)]
    assert main(["tiny", str(pairs / "mean"), *folders]) == 0
    assert "the mean of 2" in capsys.readouterr().out
    one, other, mean = (load_file(pairs / n / ADAPTER_WEIGHTS) for n in ("0", "1", "mean"))
    assert mean.keys() == one.keys()
    for name, tensor in mean.items():
        expected = (one[name].float() + other[name].float()) / 2
        torch.testing.assert_close(tensor.float(), expected, atol=1e-3, rtol=1e-3)
    config = (pairs / "0" / ADAPTER_CONFIG).read_text("utf-8")
    assert (pairs / "mean" / ADAPTER_CONFIG).read_text("utf-8") == config
    # into one of them
    assert main(["tiny", folders[0], *folders]) == 0
    assert torch.equal(load_file(pairs / "0" / ADAPTER_WEIGHTS)[name], mean[name])


def test_adapters_that_do_not_fit_are_named(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["another", str(pairs / "mean"), str(pairs / "0"), str(pairs / "1")]) == 1
    assert capsys.readouterr().err.startswith(f"{pairs / '0'}: expected a low-rank adapter of another")
    assert main(["tiny", str(pairs / "mean"), str(pairs / "0"), str(pairs / "base")]) == 1
    assert capsys.readouterr().err.startswith(f"{pairs / 'base'}: expected an adapter")
    assert not (pairs / "mean").exists()


def test_what_does_not_fit_is_named(stages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "python -m skills.averaging" in capsys.readouterr().err
    first, other = stages / "0.safetensors", stages / "other.safetensors"
    save_file({BIAS: torch.zeros(2)}, other)
    for wrong in (other, stages / "nowhere.safetensors", stages / "base" / "tokenizer.json"):
        assert main([str(stages / "base"), str(stages / "adapter"), str(first), str(wrong)]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"{wrong}: expected")
        assert len(error.splitlines()) == 1
    assert not (stages / "adapter").exists()
