"""Retrieval with the real encoder: shelves merged, follow-ups completed, any number of threads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.follow_ups import DIALOGS, NEW_TOPICS, TEXTS, UNSEEN, found_first, shelf_of_texts
from skills.dialog import Document, Knowledge
from skills.errors import ConfigurationError, InputError, ShelfError
from skills.retrieval.changes import AddDocument, DropDocument, ListDocuments
from skills.retrieval.encoder import OnnxEncoder, SentenceEncoder
from skills.retrieval.question import complete_question
from skills.retrieval.retriever import Retriever
from skills.retrieval.shelf_writer import ShelfWriter
from skills.runtime import by_length
from tests.support.letter_encoder import LetterEncoder


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.fixture(scope="module")
def shelf(encoder: SentenceEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shelves") / "texts.db"
    shelf_of_texts(path, encoder)
    return path


# -- the encoder -----------------------------------------------------------------------------


def test_embeddings_have_length_one_and_do_not_depend_on_the_batch(encoder: SentenceEncoder) -> None:
    texts = ["", "short", "a somewhat longer text about a lighthouse", "word " * 600, "東京 ﬁne \x00 \ud800"]
    together = encoder.encode(texts)
    assert together.shape == (5, 384)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    for text, vector in zip(texts, together, strict=True):
        # int8 scales depend on what else is in the batch
        assert float(encoder.encode([text])[0] @ vector) > 0.95
    assert encoder.encode([]).shape == (0, 384)


def test_meaning_counts_and_not_only_words(encoder: SentenceEncoder) -> None:
    question, right = encoder.encode(["Who is the boss of the firm?", "The chief executive is Ann Reed."])
    assert question @ right > 0.2
    car, automobile, banana = encoder.encode(["a car", "an automobile", "a banana"])
    assert car @ automobile > car @ banana + 0.3


def test_the_precisions_agree(encoder: SentenceEncoder) -> None:
    exact = SentenceEncoder(precision="fp32")
    texts = list(TEXTS.values())[:4]
    assert ((exact.encode(texts) * encoder.encode(texts)).sum(axis=1) > 0.97).all()
    assert exact.name == encoder.name


def test_progress_of_the_encoder(encoder: SentenceEncoder) -> None:
    told: list[float] = []
    encoder.encode(["a text of some length"] * 200, told.append)
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_passes_at_the_same_time_give_the_vectors_of_passes_in_turn() -> None:
    texts = [f"{text} {n}" for n in range(8) for text in TEXTS.values()]
    together, in_turn = (SentenceEncoder(n_threads=n).encode(texts) for n in (3, 1))
    np.testing.assert_array_equal(together, in_turn)


def test_giving_up_ends_the_passes(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []

    def forward(model: object, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        passes.append(len(ids))
        time.sleep(0.01)
        return np.zeros((len(ids), 384), dtype=np.float32)

    def give_up(share: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(encoder._encoder, "_forward", forward)
    with pytest.raises(KeyboardInterrupt):
        encoder.encode(["word " * 250] * 100, give_up)
    assert len(passes) < 25
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("encoder")]


def test_batches_hold_every_text_once_and_keep_the_bound() -> None:
    lengths = [5, 300, 7, 7, 900, 1, 64, 64]
    groups = by_length(lengths, 512)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(len(g) == 1 or max(lengths[i] for i in g) * len(g) <= 512 for g in groups)


def test_wrong_files_and_parameters_are_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("{}")
    with pytest.raises(Exception, match="not a tokenizer file"):
        OnnxEncoder(bad, bad, "bad")
    with pytest.raises(ConfigurationError, match="max_length"):
        SentenceEncoder(max_length=3)
    with pytest.raises(ConfigurationError, match="expects a whole number"):
        SentenceEncoder(max_batch_tokens=0)


# -- the retriever ---------------------------------------------------------------------------


def test_the_right_text_is_found(encoder: SentenceEncoder, shelf: Path) -> None:
    retriever = Retriever(encoder, k=3)
    questions = [
        "How high is the Amsel dam's cost?",
        "What must I bake at 160 degrees?",
        "Who heads the Wool Guild?",
    ]
    found = retriever(questions, [Knowledge((str(shelf),))] * 3)
    rights = ["amsel dam", "shortbread", "wool guild"]
    assert [passages[0].text for passages in found] == [TEXTS[right] for right in rights]
    assert all(len(passages) == 3 for passages in found)


def test_without_shelves_nothing_is_found(encoder: SentenceEncoder, shelf: Path, tmp_path: Path) -> None:
    retriever = Retriever(encoder)
    missing = str(tmp_path / "missing.db")
    known = [
        None,
        Knowledge(),
        Knowledge((missing,)),
        Knowledge((str(shelf),)),
        Knowledge((missing, str(shelf))),
    ]
    found = retriever(["Who heads the Wool Guild?"] * 3 + ["  "] + ["Who heads the Wool Guild?"], known)
    assert [len(passages) for passages in found] == [0, 0, 0, 0, 10]
    assert retriever([], []) == []


def test_shelves_are_merged_by_score(encoder: SentenceEncoder, shelf: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.db"
    text = "The president of the Wool Guild is now Ada Stern, elected last week."
    writer = ShelfWriter(encoder)
    writer([own], [AddDocument(Document("news", "news.txt", text))])
    writer([own], [AddDocument(Document("stones", "stones.txt", "Granite is an igneous rock."))])
    (passages,) = Retriever(encoder, k=6)(
        ["Who is the president of the Wool Guild?"], [Knowledge((str(own), str(shelf)))]
    )
    assert {p.shelf for p in passages[:2]} == {str(own), str(shelf)}
    assert {p.text for p in passages[:2]} == {text, TEXTS["wool guild"]}
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)


def test_a_document_on_two_shelves_is_found_once(encoder: SentenceEncoder, tmp_path: Path) -> None:
    shelves = tuple(str(tmp_path / name) for name in ("a.db", "b.db"))
    change = AddDocument(Document("x", "x.txt", "The mill was built in 1790."))
    ShelfWriter(encoder)(shelves, [change, change], [None, None])
    (passages,) = Retriever(encoder)(["When was the mill built?"], [Knowledge(shelves)])
    assert len(passages) == 1


def test_a_bad_shelf_is_left_out_and_alone_is_an_error(
    encoder: SentenceEncoder, shelf: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"nonsense" * 1000)
    retriever = Retriever(encoder)
    with caplog.at_level(logging.ERROR):
        (passages,) = retriever(["Who heads the Wool Guild?"], [Knowledge((str(bad), str(shelf)))])
    assert passages[0].text == TEXTS["wool guild"]
    assert "left out" in caplog.text
    assert "Guild" not in caplog.text
    with pytest.raises(ShelfError, match="damaged"):
        retriever(["Who heads the Wool Guild?"], [Knowledge((str(bad),))])


def test_many_threads_find_the_same(encoder: SentenceEncoder, shelf: Path) -> None:
    retriever = Retriever(encoder, k=4)
    questions = [question for question, _, _, _ in DIALOGS]
    known = Knowledge((str(shelf),))
    alone = [retriever([question], [known])[0] for question in questions]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda question: retriever([question], [known])[0], questions))
    assert together == alone


def test_follow_ups_are_found_once_they_are_completed(encoder: SentenceEncoder, shelf: Path) -> None:
    retriever = Retriever(encoder)
    for dialogs, least in ((DIALOGS, 0.9), (UNSEEN, 0.9)):
        completed = found_first(retriever, shelf, dialogs, complete_question)
        as_said = found_first(retriever, shelf, dialogs, lambda said, history: said)
        assert sum(completed) / len(completed) >= least
        assert sum(completed) >= sum(as_said) + 4
    as_said = found_first(retriever, shelf, NEW_TOPICS, lambda said, history: said)
    assert found_first(retriever, shelf, NEW_TOPICS, complete_question) == as_said


def test_parameters_are_checked(encoder: SentenceEncoder) -> None:
    with pytest.raises(ConfigurationError, match="kk"):
        Retriever(encoder, kk=3)
    with pytest.raises(ConfigurationError, match="at least 1"):
        Retriever(encoder, k=0)
    with pytest.raises(ConfigurationError, match="k"):
        ShelfWriter(encoder, k=3)


# -- the writer ------------------------------------------------------------------------------


def test_changes_of_every_kind(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf.db"
    writer = ShelfWriter(LetterEncoder())
    told: list[float] = []
    one, two = Document("1", "one.txt", "A boat."), Document("2", "two.txt", "A cart.")
    added = writer([shelf, str(shelf)], [AddDocument(one), AddDocument(two)], [told.append, None])
    assert [[entry.name for entry in entries] for entries in added] == [["one.txt"], ["one.txt", "two.txt"]]
    assert told[-1] == 1.0
    assert writer([shelf], [ListDocuments()]) == [added[1]]
    assert [entry.name for entry in writer([shelf], [DropDocument("1")])[0]] == ["two.txt"]
    with pytest.raises(InputError, match="str"):
        writer([shelf], ["drop it"])  # type: ignore[list-item]
