"""Readers that others trained: DeepPavlov's checkpoints, and models with other special tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from deeppavlov import build_model
from transformers import BertForQuestionAnswering

from skills.compiled import compile_checkpoint
from skills.errors import DamagedCheckpoint, MissingCheckpoint
from skills.qa.convert import convert, main
from skills.qa.reader import SquadReader
from tests.support.tiny_bert import tiny_bert

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "squad_bert.json"
CONTEXT = "the lighthouse was built in 1874 by mara. the bridge was built in 1901."
SHORT: dict[str, Any] = {"max_seq_length": 64, "max_question_length": 16, "doc_stride": 8}


def saved(base: Path, file: Path, prefix: str = "", **more: Any) -> dict[str, torch.Tensor]:
    """A file as DeepPavlov saves it."""
    state = BertForQuestionAnswering.from_pretrained(base).state_dict()
    named = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    torch.save({"model_state_dict": named, "optimizer_state_dict": {}, "epochs_done": 2, **more}, file)
    return state


def expected_logits(base: Path, ids: Any, types: Any) -> Any:
    with torch.inference_mode():
        model = BertForQuestionAnswering.from_pretrained(base).eval()
        return model(input_ids=torch.from_numpy(ids), token_type_ids=torch.from_numpy(types))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("prefix", ["", "module."])
def test_deeppavlov_s_checkpoint_reads_through_the_same_component(tmp_path: Path, prefix: str) -> None:
    base, file = tiny_bert(tmp_path / "base"), tmp_path / "model.pth.tar"
    saved(base, file, prefix)
    assert main([str(file), str(base), str(tmp_path / "converted")]) == 0
    content = json.loads(CONFIG.read_text("utf-8"))
    content["metadata"]["variables"]["CHECKPOINT"] = str(tmp_path / "converted")
    content["chainer"]["pipe"][0].update(SHORT, cache_path=str(tmp_path / "cache"), precision="fp32")
    chain = build_model(content)
    answers, starts, _, _ = chain([CONTEXT], ["when was the bridge built?"])
    assert CONTEXT[starts[0] : starts[0] + len(answers[0])] == answers[0] != ""
    reader = chain.pipe[0][-1]
    windows = reader.tokenizer.windows(["when was the bridge built?"], [CONTEXT])
    ids, types = (np.stack([getattr(w, n) for w in windows]) for n in ("input_ids", "token_type_ids"))
    start, _ = reader.model(ids, np.ones_like(ids), types)
    np.testing.assert_allclose(start, expected_logits(base, ids, types).start_logits, atol=2e-3)


class Runs:
    """What a hostile pickle would do."""

    def __reduce__(self) -> Any:
        return (Path("/tmp/quoth-must-not-exist").write_text, ("run",))


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    base, file = tiny_bert(tmp_path / "base"), tmp_path / "model.pth.tar"
    saved(base, file, more=Runs())
    with pytest.raises(DamagedCheckpoint, match="expected DeepPavlov's checkpoint"):
        convert(file, base, tmp_path / "converted")
    assert not Path("/tmp/quoth-must-not-exist").exists()
    assert not (tmp_path / "converted").exists()


def test_what_does_not_fit_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, file = tiny_bert(tmp_path / "base"), tmp_path / "model.pth.tar"
    with pytest.raises(MissingCheckpoint, match=r"model\.pth\.tar is missing"):
        convert(file, base, tmp_path / "converted")
    torch.save({"model_state_dict": {"qa_outputs.bias": torch.zeros(2)}}, file)
    assert main([str(file), str(base), str(tmp_path / "converted")]) == 1
    assert "is not in it; is" in capsys.readouterr().err
    torch.save([1, 2], file)
    with pytest.raises(DamagedCheckpoint, match="a dictionary with model_state_dict"):
        convert(file, base, tmp_path / "converted")
    assert main([]) == 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["roberta", "mpnet"])
def test_models_with_other_special_tokens_read_as_transformers_has_them(tmp_path: Path, family: str) -> None:
    import transformers
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    folder = tiny_bert(tmp_path / family)  # for its tokenizer
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    name = {"roberta": "Roberta", "mpnet": "MPNet"}[family]
    torch.manual_seed(1)
    config = getattr(transformers, f"{name}Config")(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=130, pad_token_id=0, type_vocab_size=1,
    )  # fmt: skip
    model = getattr(transformers, f"{name}ForQuestionAnswering")(config).eval()
    for layer, parameter in model.named_parameters():
        if layer.endswith("intermediate.dense.weight"):  # few tokens have a large value
            parameter.data[0] = torch.eye(32)[0] * 20
        elif layer.endswith("intermediate.dense.bias"):
            parameter.data[0] = -20
    model.save_pretrained(folder)
    reader = SquadReader(str(folder), cache_path=str(tmp_path / "cache"), precision="fp32", **SHORT)
    windows = reader.tokenizer.windows(["when was the bridge built?"], [CONTEXT])
    ids = np.stack([w.input_ids for w in windows])
    start, end = reader.model(ids, np.ones_like(ids), np.zeros_like(ids))
    with torch.inference_mode():
        expected = model(input_ids=torch.from_numpy(ids))
    np.testing.assert_allclose(start, expected.start_logits, atol=1e-4)
    np.testing.assert_allclose(end, expected.end_logits, atol=1e-4)
    # shorter ones beside longer ones are padded; that changes nothing
    padded = np.concatenate([ids, np.zeros((1, 7), dtype=np.int64)], axis=1)
    mask = (np.arange(padded.shape[1]) < ids.shape[1]).astype(np.int64)[None]
    start_padded, _ = reader.model(padded, mask, np.zeros_like(padded))
    np.testing.assert_allclose(start_padded[:, : ids.shape[1]], start, atol=1e-4)
    # in int8 no product with weights stays in float, what goes into each is evened out by token or by channel
    compiled = compile_checkpoint(str(folder), "span", precision="int8", cache_path=str(tmp_path / "cache"))
    graph = onnx.load(str(compiled), load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    assert not [n.name for n in graph.node if n.op_type == "MatMul" and n.input[1] in constants]
    names = [node.name for node in graph.node]
    assert len([name for name in names if name.endswith("output/dense/MatMul/Div")]) == 2
    assert len([name for name in names if name.endswith("/Even")]) == 5  # two a layer, and before the head
    reader = SquadReader(str(folder), cache_path=str(tmp_path / "cache"), precision="int8", **SHORT)
    start_int8, _ = reader.model(ids, np.ones_like(ids), np.zeros_like(ids))
    assert np.abs(start_int8 - start).max() < 0.1 * start.std()
