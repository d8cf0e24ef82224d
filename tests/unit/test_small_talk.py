"""Conversations made fit to learn from: claims, tidying, sifting, reading, joining."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.small_talk_lines import TALKS
from skills.errors import InputError
from skills.generation.small_talk import lines
from skills.generation.small_talk.claims import Unclaiming, claims, without_claims
from skills.generation.small_talk.conversations import (
    MAX_WORDS,
    Exchange,
    exchanges,
    merged,
    messages_of,
    tidied,
    unfit,
    windows,
)
from skills.generation.small_talk.dataset import SmallTalkIterator, SmallTalkReader, joined, own_exchanges


@pytest.mark.parametrize(
    "text",
    [
        "I live in a small town.",
        "When I was a kid, everything was bigger.",
        "My mom says so.",
        "I just ate.",
        "I’m so tired",
        "Yesterday I went swimming.",
        "I have two cats.",
        "Not much, just got out of the shower.",
        "I've been to Rome once.",
        "A real person, but a small one.",
        "I'm a human being.",
        "Just going to bed",
    ],
)
def test_a_body_a_past_and_a_place_are_claims(text: str) -> None:
    assert claims(text)


@pytest.mark.parametrize(
    "text",
    [
        "I don't eat, I'm a program.",
        "Nowhere in particular, I'm software on a computer.",
        "I have no body, so I never sleep.",
        "Your mother is right.",
        "I'm not a person. A real person knows more.",
        "Are you going to bed?",
        "What did you have for lunch?",
        "I like a good story. I'm glad that you liked it.",
    ],
)
def test_denials_and_questions_are_none(text: str) -> None:
    assert claims(text) == []


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("im good hahaha", "I'm good."),
        ("thats   SO cool!!! :)", "That's SO cool!"),
        ("lol", ""),
        ("what do u like? i like tea", "What do you like? I like tea."),
        ("yes", "Yes."),
        ("héllo ☃", "Hllo."),
    ],
)
def test_a_typed_message_becomes_a_written_one(typed: str, written: str) -> None:
    assert tidied(typed) == written


def test_messages_of_one_sender_become_one_text() -> None:
    turns = [[{"sender": "a", "text": "hi"}, {"sender": "a", "text": "how are you?"}]]
    turns += [[{"sender": "b", "text": "haha"}], [{"sender": "a", "text": "well"}]]
    assert merged(messages_of(turns)) == ["Hi. How are you?", "", "Well."]


@pytest.mark.parametrize(
    "text",
    ["add me on Snapchat", "me@mail.example", "call 555 123-4567", "www.x.y", "@somebody", "what the hell"],
)
def test_conversations_with_names_addresses_or_curses_are_left_out(text: str) -> None:
    assert unfit(["hello", text])
    assert not unfit(["hello", "the class was fun, I passed in 2018"])


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("I'm fine. I'm going to the gym tomorrow.", "I'm fine."),
        ("My mom called! That's nice, isn't it? I ate.", "That's nice, isn't it?"),
        ("I went home.", ""),
        ("Books, mostly. And you?", "Books, mostly. And you?"),
        ("The sea is 3.5 km away\n\nand blue", "The sea is 3.5 km away\n\nand blue"),
        ("", ""),
    ],
)
def test_what_a_program_cannot_claim_is_left_out(said: str, left: str) -> None:
    assert without_claims(said) == left


def test_a_reply_is_heard_by_sentences_without_those_that_claim() -> None:
    heard: list[str] = []
    hand_on = Unclaiming(lambda piece: bool(heard.append(piece)))
    for piece in ("I'm f", "ine. I'm going", " to the gym. ", "An", "d you"):
        assert hand_on(piece) is False
    assert "".join(heard) == "I'm fine. "
    hand_on.finish()
    assert "".join(heard) == "I'm fine. And you"
    hand_on.finish()
    assert "".join(heard) == "I'm fine. And you"


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        (("Here is how my morning goes", ":", "\n", "- I woke up early."), ""),
        (("Books:\n", "one", ".\n", "\n", "I ate", ".\n", "Tea."), "Books:\none.\n\nTea."),
    ],
)
def test_a_line_s_end_is_no_sentence_s(pieces: tuple[str, ...], kept: str) -> None:
    heard: list[str] = []
    hand_on = Unclaiming(lambda piece: bool(heard.append(piece)))
    for piece in pieces:
        hand_on(piece)
    hand_on.finish()
    assert "".join(heard) == kept == without_claims("".join(pieces))


def test_a_listener_may_stop_before_a_sentence_is_complete() -> None:
    assert Unclaiming(lambda piece: not piece)("I'm f") is True


def test_what_is_learnt_is_new_short_enough_and_claims_nothing() -> None:
    texts = ["What's new?", "Nothing much here.", "And you? Go on.", "I went home early."]
    texts += [
        "Aha.",
        "Nothing much here.",
        "Say more.",
        "Fine.",
        "Why not?",
        "word " * (MAX_WORDS + 1),
        "left over",
    ]
    assert [e.learnt for e in exchanges(texts)] == [True, False, False, False, False]


def test_windows_are_neighbours_most_of_which_are_learnt() -> None:
    good, bad, silent = Exchange("A?", "B."), Exchange("A?", "B.", learnt=False), Exchange("", "B.")
    speech = Exchange("word " * (MAX_WORDS + 1), "B.")
    assert list(windows((good,) * 5, 4)) == [(good,) * 4]
    assert list(windows((good, good, silent, good, bad, good, good), 4)) == [
        (good, good),
        (good, bad, good, good),
    ]
    assert list(windows((good, bad, good, speech, good), 4)) == []


def conversation(*texts: str) -> dict[str, Any]:
    return {"messages": [[{"sender": "ab"[i % 2], "text": text}] for i, text in enumerate(texts)]}


def write(folder: Path, n: int = 60) -> Path:
    said = ("hi there", "hello to you", "what do you like?", "old books and maps")
    found = {f"key {i}": conversation(*said, f"number {i}") for i in range(n)}
    (folder / "dataset.json").write_text(json.dumps(found), "utf-8")
    return folder


def test_a_file_is_read_and_split_by_conversation(tmp_path: Path) -> None:
    read = SmallTalkReader().read(str(write(tmp_path)))
    assert read == SmallTalkReader().read(str(tmp_path / "dataset.json"))
    assert (len(read["train"]) + len(read["valid"]), len(read["test"])) == (60, 0)
    assert 0 < len(read["valid"]) < 15
    (example, label) = read["train"][0]
    assert (example[1], label) == (Exchange("What do you like?", "Old books and maps."), "")


@pytest.mark.parametrize("content", ["[]", "{", '{"a": 1}', '{"a": {"messages": [[1]]}}', '{"a": {}}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=r"is not the dataset\.json of chitchat-dataset"):
        SmallTalkReader().read(str(tmp_path))
    with pytest.raises(InputError, match="no conversations at"):
        SmallTalkReader().read(str(tmp_path / "nowhere"))


def test_utterances_are_written_one_a_line_and_held_out_by_conversation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {
        str(i): conversation(f"said\n in {i}", f"said\n in {i}", "x", "word " * 50)
        for i in range(lines.N_CONVERSATIONS + 7)
    }
    (tmp_path / "dataset.json").write_text(json.dumps(found), "utf-8")
    train, valid = tmp_path / "train.txt", tmp_path / "valid.txt"
    assert lines.main([str(tmp_path), str(train), str(valid)]) == 0
    learnt, kept = (file.read_text("utf-8").splitlines() for file in (train, valid))
    assert sorted(kept) == [f"said in {lines.N_CONVERSATIONS + i}" for i in range(7)]
    assert len(set(learnt)) == len(learnt) == lines.N_CONVERSATIONS
    assert not set(learnt) & set(kept)
    assert lines.main([str(tmp_path / "nowhere"), str(train), str(valid)]) == 2
    assert "no conversations at" in capsys.readouterr().err


def test_both_sources_come_in_their_shares_and_epochs_differ(tmp_path: Path) -> None:
    data = SmallTalkReader().read(str(write(tmp_path)))
    iterator = SmallTalkIterator(data, persona_share="0.5", n_valid=3, seed=1)
    first, again = ([c for batch, _ in iterator.gen_batches(2) for c in batch] for _ in range(2))
    iterator.epoch = 1
    other = [c for batch, _ in iterator.gen_batches(2) for c in batch]
    assert first == again != other
    people = {c for c, _ in data["train"]}
    assert Counter(c in people for c in first)[True] == len(first) / 2 == len(data["train"])
    assert iterator.n_batches(2) == len(data["train"])
    assert sum(len(batch) for batch, _ in iterator.gen_batches(2, "valid")) == 3
    with pytest.raises(InputError, match="persona_share"):
        SmallTalkIterator(data, persona_share=1)


def test_own_exchanges_are_joined_each_about_as_often_as_the_others() -> None:
    own = own_exchanges()
    made = list(joined(own, 400, 5, Random(1)))
    counts = Counter(e for c in made for e in c)
    of_any = [counts[c[0]] for c in own["any"] if sum(c[0] in other for other in own["any"]) == 1]
    assert max(of_any) - min(of_any) <= 1
    begins = {c[0] for c in own["start"]}
    assert all(e not in begins for c in made for e in c[1:])
    ends = {c[0] for c in own["end"]}
    assert all(e not in ends for c in made for e in c[:-2])
    assert max(map(len, made)) <= 5


def test_quoth_is_brief_claims_nothing_and_was_not_told_the_questions_of_the_benchmark() -> None:
    said = [e for conversations in own_exchanges().values() for c in conversations for e in c]
    assert len(said) > 150
    for exchange in said:
        assert not claims(exchange.reply), exchange.reply
        assert len(exchange.reply.split()) <= 30, exchange.reply
    lines = {line.lower().strip("!?. ") for lines in TALKS.values() for line in lines}
    trained = {e.utterance.lower().strip("!?. ") for e in said if len(e.utterance.split()) > 2}
    assert not lines & trained
