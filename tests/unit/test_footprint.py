"""What a configuration needs, from the headers of files that hold no weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from skills import footprint as constants
from skills.compiled import resolved
from skills.errors import DamagedCheckpoint, MissingCheckpoint
from skills.footprint import MIB, Footprint, Part, footprint
from skills.weight_files import gguf_header, n_safetensors_weights
from tests.support.weight_headers import write_gguf, write_safetensors

READER = "skills.qa.reader:SquadReader"
ENCODER = "skills.retrieval.encoder:SentenceEncoder"
GENERATOR = "skills.generation.reply_generator:ReplyGenerator"
VALUES = {
    "general.architecture": "llama",
    "tokenizer.ggml.tokens": ["a", "b", "один"],
    "llama.block_count": 4,
    "llama.embedding_length": 1024,
    "llama.attention.head_count": 16,
    "llama.attention.head_count_kv": 2,
}
#: 4 blocks, 2 heads of 64 keys and 64 values, two bytes each
TOKEN_BYTES = 4 * 2 * 128 * 2


@pytest.fixture
def gguf(tmp_path: Path) -> str:
    return str(write_gguf(tmp_path / "model.gguf", 100 * MIB, VALUES, 150 * MIB))


@pytest.fixture
def bert(tmp_path: Path) -> str:
    return str(write_safetensors(tmp_path / "bert", {"a": [MIB, 20], "b": [4, MIB], "c": []}))


def needs(**component: object) -> Part:
    return footprint([component]).parts[-1]


def test_headers_tell_numbers_of_weights(gguf: str, bert: str) -> None:
    header = gguf_header(Path(gguf))
    assert header.n_weights == 150 * MIB
    assert header.types == {3}
    assert header.cache_bytes_per_token() == TOKEN_BYTES
    assert "tokenizer.ggml.tokens" not in header.values
    assert n_safetensors_weights(Path(bert)) == 24 * MIB + 1


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"\xff" * 64, b"GGUF\x03\0\0\0" + b"\xff" * 100])
def test_what_is_no_gguf_file_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match=r"x\.gguf is not a GGUF file"):
        gguf_header(file)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{"])
def test_what_is_no_safetensors_file_is_said(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DamagedCheckpoint, match=r"has no \*\.safetensors"):
        n_safetensors_weights(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match="is not a safetensors file"):
        n_safetensors_weights(tmp_path)


def test_a_reading_model_takes_its_weights_once(bert: str) -> None:
    for precision, mib in (("int8", 24), ("fp32", 96), ("auto", 24 if resolved("auto") == "int8" else 96)):
        reader = needs(class_name=READER, checkpoint=bert, precision=precision)
        assert reader.mib == pytest.approx(constants.READING + mib)
    twice = footprint([{"class_name": ENCODER, "checkpoint": bert}] * 2)
    assert twice.parts[-1].mib == constants.TOKENIZER
    assert twice.mib == pytest.approx(constants.PROGRAM + constants.READING + 24 + constants.TOKENIZER)


def test_a_generator_takes_what_its_engine_does(gguf: str, bert: str) -> None:
    llama = needs(class_name=GENERATOR, engine="llama_cpp", model=gguf, n_ctx="1024", n_slots=8)
    context = TOKEN_BYTES * 1024 * 8 / MIB
    assert llama.mib == pytest.approx(100 + context + 64 + constants.LLAMA_CPP)
    half = {"engine_parameters": {"dtype": "bfloat16"}}
    of_gguf = needs(class_name=GENERATOR, engine="transformers", model=gguf, **half)
    assert of_gguf.mib == pytest.approx(300 * (1 + constants.TORCH_LOADING) + constants.TORCH)
    of_folder = needs(class_name=GENERATOR, engine="transformers", model=bert)
    assert of_folder.mib == pytest.approx(96 * (1 + constants.TORCH_LOADING) + constants.TORCH)
    assert needs(class_name=GENERATOR, engine="openai", model="http://x").mib == constants.CLIENT


def test_components_without_weights_take_nothing() -> None:
    assert footprint([{"class_name": "skills.quoting:Quoter"}, {"ref": "x"}]).mib == constants.PROGRAM


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingCheckpoint, match="nowhere"):
        footprint([{"class_name": READER, "checkpoint": str(tmp_path / "nowhere")}])


def test_a_refusal_has_the_figures_and_what_fits_instead(gguf: str) -> None:
    needed = footprint([{"class_name": GENERATOR, "engine": "transformers", "model": gguf}])
    assert needed.refusal(needed.mib, "CAP") is None
    line = needed.refusal(400, "CAP")
    assert line is not None
    assert "\n" not in line
    assert line.startswith("CAP is 400, and this configuration needs about 1220 MiB: program 120, replies by")
    assert "Set it to 1220 or more, or choose QUOTH_ENGINE=llama_cpp (342 MiB) or QUOTH_ENGINE=openai" in line
    assert "n_ctx" not in line, "a smaller context of torch does not fit, either"
    small = needed.refusal(50, "CAP")
    assert small is not None
    assert "no choice of engine or context fits" in small


def test_a_smaller_context_is_offered_where_it_fits(gguf: str) -> None:
    needed = footprint([{"class_name": GENERATOR, "engine": "llama_cpp", "model": gguf, "n_ctx": 100_000}])
    line = needed.refusal(400, "CAP")
    assert line is not None
    assert "n_ctx 1024, n_slots 1 for reply_generator in the config (328 MiB)" in line


def test_a_footprint_reads_as_a_sum() -> None:
    assert str(Footprint((Part("program", 100.4), Part("reader", 20, "weights 5")))) == (
        "120 MiB: program 100, reader 20 (weights 5)"
    )
