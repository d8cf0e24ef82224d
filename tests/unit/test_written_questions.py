"""Questions written about texts: the paragraphs, the wording and what is kept of it, the file."""

from __future__ import annotations

import gzip
import json
import textwrap
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from skills.errors import InputError
from skills.qa.dataset import SquadFolderReader
from skills.qa.questions.dataset import QuestionsIterator
from skills.qa.questions.paragraphs import MAX_CHARS, Paragraph, paragraphs_of
from skills.qa.questions.wording import Question, continuation, prompt, questions_in
from skills.qa.questions.write import SquadFile, batches, drawn, main

PROSE = "The bridge was opened in 1889 by the mayor of the town. " * 6
BRIDGE = Paragraph("Bridge", PROSE.strip())
WHEN = Question("When was the bridge opened?", "1889")
WHY = Question("Why was the bridge closed again?", "")


def test_paragraphs_of_text_files_are_passages(tmp_path: Path) -> None:
    text = f"= Heading =\n{PROSE}\nShort.\n* {PROSE}\n{'x' * MAX_CHARS}.\n{PROSE.strip()[:-1]}\n"
    (tmp_path / "Old_bridge.txt").write_text(text)
    assert paragraphs_of(tmp_path) == [Paragraph("Old bridge", PROSE.strip())]
    assert paragraphs_of(tmp_path / "Old_bridge.txt") == paragraphs_of(tmp_path)


def test_lines_of_a_wrapped_text_are_one_paragraph(tmp_path: Path) -> None:
    wrapped = textwrap.fill(PROSE, 72)
    (tmp_path / "a.txt").write_text(f"A title\n\n{wrapped}\n \n{wrapped}\n", newline="\r\n")
    assert paragraphs_of(tmp_path) == [Paragraph("a", PROSE.strip())] * 2


def test_paragraphs_of_segmented_wikipedia_are_tidied(tmp_path: Path) -> None:
    body = f"The '''bridge''' () was  built , they say. {PROSE}\n|a|b| {PROSE}"
    articles = [{"title": title, "section_texts": [body]} for title in ("Bridge", "Ferry")]
    file = tmp_path / "wiki.jsonl.gz"
    with gzip.open(file, "wt") as stream:
        stream.write("\n".join(map(json.dumps, articles)))
    tidied = f"The bridge was built, they say. {PROSE}".strip()
    assert paragraphs_of(file) == [Paragraph("Bridge", tidied), Paragraph("Ferry", tidied)]
    assert paragraphs_of(file, without="^Fer") == [Paragraph("Bridge", tidied)]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"Nothing of any length.", "found none"),
        ("a.txt", b"\xff\xfe\xff", "expected plain text"),
        ("a.jsonl", b"{}", "KeyError"),
        ("a.jsonl", b"[1]", "TypeError"),
        ("a.jsonl.gz", b"no gzip", "BadGzipFile"),
    ],
)
def test_what_holds_no_passages_is_named(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        paragraphs_of(tmp_path / name)
    with pytest.raises(InputError, match="FileNotFoundError"):
        paragraphs_of(tmp_path / "missing.txt")


def test_what_is_written_can_be_read_again() -> None:
    written = continuation([WHEN, WHY])
    assert written == f"A: 1889\nQ: {WHEN.text}\nA: -\nQ: {WHY.text}\n"
    assert prompt(BRIDGE) == f"Bridge\n{BRIDGE.text}\n"
    assert questions_in(written, BRIDGE) == [WHEN, WHY]
    # what follows the last whole pair was cut off
    assert questions_in(written + "A: the mayor\nQ: Who ope", BRIDGE) == [WHEN, WHY]


@pytest.mark.parametrize(
    "pair",
    [
        "A: 1890\nQ: When was the bridge opened?\n",
        "A: 1889\nQ: When was it?\n",
        "A: 1889\nQ: The bridge was opened when.\n",
        "A: 1889\nQ: Was the bridge opened in 1889?\n",
        f"A: 1889\nQ: When {'really ' * 30}was it?\n",
        f"A: {PROSE.strip()[:130]}\nQ: What is known of the bridge?\n",
        "Q: When was the bridge opened?\nA: 1889\n",
    ],
)
def test_unusable_questions_are_left_out(pair: str) -> None:
    assert questions_in(pair, BRIDGE) == []


def test_a_question_is_taken_once() -> None:
    assert questions_in(continuation([WHEN, WHEN]), BRIDGE) == [WHEN]


def test_the_file_is_one_that_a_reader_learns_from(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    squad = SquadFile(tmp_path / "new" / "train-written.json")
    squad.add(BRIDGE, [WHEN, WHY])
    squad.add(Paragraph("Ferry", PROSE), [])
    squad.write()
    assert (squad.n_questions, squad.n_unanswerable) == (2, 1)
    (article,) = SquadFolderReader().read(str(tmp_path / "new"))["train"]["data"]
    (paragraph,) = article["paragraphs"]
    (when, why) = paragraph["qas"]
    start = when["answers"][0]["answer_start"]
    assert paragraph["context"][start : start + 4] == "1889"
    assert why["answers"] == []
    assert why["is_impossible"]
    assert when["id"] != why["id"]


def test_no_article_has_more_than_its_share() -> None:
    paragraphs = [Paragraph(title, f"{title}{i}") for title in "ab" for i in range(10)]
    some = drawn(paragraphs, 3, 0, Random(1))
    assert Counter(p.title for p in some) == {"a": 3, "b": 3}
    assert len(drawn(paragraphs, 3, 4, Random(1))) == 4
    assert sorted((p for b in batches(some, 4, Random(1)) for p in b), key=lambda p: p.text) == sorted(
        some, key=lambda p: p.text
    )


def squad_data(n_paragraphs: int, n_questions: int) -> dict[str, Any]:
    answers = [{"text": "one"}, {"text": "two"}]
    qas: list[Any] = [{"question": f"What is  {i}?", "answers": answers} for i in range(n_questions)]
    qas.append({"question": "What is not there?", "answers": []})
    paragraphs = [{"context": f"Text {i}.", "qas": qas} for i in range(n_paragraphs)]
    paragraphs.append({"context": "Unasked.", "qas": []})
    return {"data": [{"title": "Old_bridge", "paragraphs": paragraphs}]}


def test_an_epoch_has_every_question_in_an_order_of_its_own() -> None:
    data = {"train": squad_data(2, 5), "valid": squad_data(1, 1)}
    iterator = QuestionsIterator(data, n_questions=4, seed=1)
    first, again, other = (iterator.epoch_examples(Random(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    # six questions: four, and the two others are too few for the paragraph again
    assert [len(questions) for (_, questions), _ in first] == [4, 4]
    assert {q.answer for (_, questions), _ in first + other for q in questions} == {"one", "two", ""}
    assert first[0][0][0] == Paragraph("Old bridge", "Text 0.")
    assert all("  " not in q.text for (_, questions), _ in first for q in questions)
    assert len(iterator.valid) == 1
    (batch,) = iterator.gen_batches(8)
    assert len(batch[0]) == 2


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "out.json")]) == 1
    assert "expected a folder with *.txt" in capsys.readouterr().err
    (tmp_path / "a.txt").write_text(PROSE)
    for option, value, told in (
        ("--without", "(", "expected a regular expression"),
        ("--paragraphs", "-1", "--paragraphs expects a whole number from 0"),
        ("--per-article", "0", "--per-article expects a whole number from 1"),
        ("--longest", "9", "--longest expects a whole number from 250 to 1100"),
    ):
        assert main([str(tmp_path), str(tmp_path / "out.json"), option, value]) == 1
        assert told in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path / "out.json"), "--adapter", str(tmp_path / "none")]) == 1
    assert "adapter_config.json is missing" in capsys.readouterr().err
