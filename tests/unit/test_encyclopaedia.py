"""Questions about Wikipedia: their format, their paragraphs, and the files that are learnt from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skills.errors import ConfigurationError
from skills.qa.encyclopaedia.__main__ import ARTICLES, article_of, main, mark_of

RIVER = "It rises in the Alps and joins the Rhine, which is longer than the Aare, at Koblenz. " * 3
SHORT = "The Aare is the longest river that both rises and ends within Switzerland."


def test_questions_are_joined_to_the_paragraph_of_their_mark() -> None:
    asked = "Q: in which country does it end?\nA: Switzerland\n\nQ: How deep is it?\nA: -\n"
    article = article_of(
        "aare", f"# {mark_of(SHORT)}\n\n{asked}", {mark_of(SHORT): SHORT, mark_of(RIVER): RIVER}
    )
    (paragraph,) = article["paragraphs"]
    first, second = paragraph["qas"]
    assert paragraph["context"] == SHORT
    assert first["answers"] == [{"text": "Switzerland", "answer_start": SHORT.index("Switzerland")}]
    assert not first["is_impossible"]
    assert (second["answers"], second["is_impossible"]) == ([], True)
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Q: How long is it?\nA: 295 km", "expected a line # and 12 digits"),
        ("", "expected a line # and 12 digits"),
        ("# 000000000000\n\nQ: How long is it?\nA: 295 km", "gensim 4.4.0"),
        (f"# {mark_of(SHORT)}\n\nQ: How long is it?\nA: 295 km", "295 km"),
        (f"# {mark_of(SHORT)}\n", "expected a line Q:"),
    ],
)
def test_what_does_not_fit_is_named(content: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        article_of("aare", content, {mark_of(SHORT): SHORT})


def test_another_excerpt_is_refused_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, target = tmp_path / "aare.txt", tmp_path / "train.json"
    texts.write_text(RIVER, "utf-8")
    assert main([str(texts), str(target)]) == 1
    assert "the excerpt is that of gensim 4.4.0" in capsys.readouterr().err
    assert not target.exists()


def test_every_file_that_ships_is_in_the_format_and_no_paragraph_stands_twice() -> None:
    marks: list[str] = []
    for file in sorted(ARTICLES.glob("*.txt")):
        for part in file.read_text("utf-8").removeprefix("# ").split("\n# "):
            mark, *blocks = part.strip().split("\n\n")
            marks.append(mark)
            assert re.fullmatch("[0-9a-f]{12}", mark), file.name
            assert blocks, file.name
            for block in blocks:
                assert re.fullmatch(r"Q: \S.+\n(A: -|A: (?!-$).+(\nA: (?!-$).+)*)", block), block
    assert len(marks) == len(set(marks)) > 1000
