"""Which skill replies, with the models left out."""

from __future__ import annotations

import pytest

from skills.dialog import Document, Knowledge, Passage, Preferences
from skills.generation.reply_generator import Draft
from skills.phatic import is_phatic, without_greeting
from skills.qa.calibration import Calibration, Features
from skills.qa.passage_reader import Candidate, Reading
from skills.quoting import make_evidence
from skills.selection import SURELY_TALK, Choice, ReplySelector, SkillChooser, same_answer
from skills.utterances import addresses
from tests.support.letter_encoder import LetterEncoder

SHELF = Knowledge(("shelf",))


class Talk:
    """A classifier that says what it is told."""

    def __init__(self, small_talk: float) -> None:
        self.small_talk = small_talk

    def __call__(self, utterances: list[str]) -> list[float]:
        return [self.small_talk] * len(utterances)


class Holder:
    """Brings the calibration, as the passage reader does."""

    calibration = Calibration(answer_threshold=0.4)


class Quotes:
    """Quotes from documents in memory."""

    def __init__(self, *documents: Document) -> None:
        self.documents = {d.id: d for d in documents}

    def quote(self, candidate: Candidate):  # type: ignore[no-untyped-def]
        return make_evidence(self.documents[candidate.passage.document_id], candidate)


def found(document: Document, answer: str, confidence: float, similarity: float = 0.5) -> Candidate:
    start = document.text.index(answer)
    passage = Passage("shelf", document.id, document.name, None, "", 0, document.text, 0.5, similarity)
    return Candidate(
        passage, start, start + len(answer), 1.0, confidence, Features(1, 0, similarity, 0.5, 0.5)
    )


LEASE = Document("1", "lease.txt", "The rent is 900 euros. The flat is new.")
LETTER = Document("2", "letter.txt", "As agreed the rent is 950 euros.")


def choose(
    small_talk: float, *candidates: Candidate, question: str = "x", knowledge: Knowledge | None = SHELF,
    preferences: Preferences | None = None,
) -> Choice:  # fmt: skip
    chooser = SkillChooser(Holder(), Talk(small_talk))  # type: ignore[arg-type]
    return chooser([question], [knowledge], [preferences], [Reading(tuple(candidates))])[0]


@pytest.mark.parametrize(
    ("small_talk", "confidence", "skill"),
    [
        (0.0, 0.9, "qa"),
        (0.0, 0.5, "qa"),
        (0.0, 0.3, "none"),
        (1.0, 0.3, "chat"),
        (1.0, 0.9, "chat"),
        (0.6, 0.9, "qa"),
    ],
)
def test_skill(small_talk: float, confidence: float, skill: str) -> None:
    choice = choose(small_talk, found(LEASE, "900 euros", confidence))
    assert choice.skill == skill
    assert choice.wants_reply == (skill == "chat")


def test_a_question_close_to_a_passage_is_no_small_talk() -> None:
    near, far = (found(LEASE, "900 euros", 0.1, similarity) for similarity in (0.65, 0.1))
    assert choose(0.95, near, question="May I keep a dog?").skill == "none"
    assert choose(0.999, near, question="Do you like dogs?").skill == "chat"
    assert choose(0.95, far, question="May I keep a dog?").skill == "chat"
    assert choose(0.95, near, question="I love dogs").skill == "chat"


@pytest.mark.parametrize("said", ["Can I bring my dog to the office?", "Do you like dogs?", "notice period"])
def test_what_may_be_no_small_talk_gets_nothing_made_up(said: str) -> None:
    far = found(LEASE, "900 euros", 0.1, similarity=0.1)
    assert choose(SURELY_TALK - 0.01, far, question=said).skill == "none"
    assert choose(SURELY_TALK + 0.01, far, question=said).skill == "chat"


def test_a_greeting_is_no_question_however_close_a_passage_is() -> None:
    near = found(LEASE, "900 euros", 0.1, similarity=0.9)
    assert choose(1.0, near, question="Hello, is anyone there?").skill == "chat"
    assert choose(0.95, near, question="Hello, is the rent due?").skill == "none"


@pytest.mark.parametrize(
    ("question", "skill"),
    [
        ("What is Ann Reed's phone number?", "none"),  # and not a number made up
        ("What is Bob Moss's phone number?", "chat"),
        ("What is your phone number?", "chat"),
        ("Hello, I'm Ann.", "chat"),
    ],
)
def test_a_question_about_somebody_in_the_documents_is_no_small_talk(question: str, skill: str) -> None:
    staff = Document("3", "staff.csv", "Name: Tom Rey | Phone: 4290\nName: Ann Reed | Phone: 4291")
    assert choose(0.95, found(staff, "4290", 0.1, 0.1), question=question).skill == skill


def test_without_documents_everything_is_chat_unless_only_documents_answer() -> None:
    assert choose(0.0, knowledge=None).skill == "chat"
    assert choose(0.0, knowledge=Knowledge()).skill == "chat"
    assert choose(1.0, preferences=Preferences(only_documents=True)).skill == "none"


def select(choice: Choice, draft: Draft | None = None):  # type: ignore[no-untyped-def]
    selector = ReplySelector(Holder(), Quotes(LEASE, LETTER), LetterEncoder())  # type: ignore[arg-type]
    return selector(["x"], [choice], [draft])[0]


def test_documents_that_disagree_are_both_shown() -> None:
    reading = Reading((found(LEASE, "900 euros", 0.9), found(LETTER, "950 euros", 0.8)))
    reply = select(Choice("qa", 0.9, reading))
    assert (reply.text, reply.evidence.quote) == ("900 euros", "The rent is 900 euros.")
    assert [e.answer for e in reply.also] == ["950 euros"]


def test_a_doubtful_answer_is_given_alone() -> None:
    candidates = found(LEASE, "900 euros", 0.45), found(LETTER, "950 euros", 0.44)
    choice = choose(0.0, *candidates)
    reply = select(choice)
    assert (reply.skill, reply.text, reply.confidence, reply.also) == ("qa", "900 euros", 0.45, ())


def test_documents_that_agree_are_one_answer() -> None:
    copy = Document("3", "copy.txt", "Rent: 900 euros a month.")
    reading = Reading((found(LEASE, "900 euros", 0.9), found(copy, "900 euros a month", 0.8)))
    selector = ReplySelector(Holder(), Quotes(LEASE, copy), LetterEncoder())  # type: ignore[arg-type]
    assert selector(["x"], [Choice("qa", 0.9, reading)], [None])[0].also == ()


def test_a_close_sentence_is_offered_though_the_reader_believes_in_nothing() -> None:
    selector = ReplySelector(Holder(), Quotes(LEASE), LetterEncoder())  # type: ignore[arg-type]
    reading = Reading((found(LEASE, "new", 0.01),))
    close, far = (
        selector([question], [Choice("none", 0.99, reading)], [None])[0]
        for question in ("The rent is how many euros?", "Wer war Johann Gutenberg?")
    )
    assert (close.skill, close.text, close.evidence.quote) == ("none", "", "The rent is 900 euros.")
    assert far.evidence is None


def test_nothing_generated_is_shown_as_evidence() -> None:
    reply = select(Choice("chat", 1.0, Reading((found(LEASE, "900 euros", 0.4),))), Draft("Hello!", 2))
    assert (reply.text, reply.skill, reply.evidence, reply.also, reply.n_dropped_turns) == (
        "Hello!",
        "chat",
        None,
        (),
        2,
    )


def test_a_quote_that_does_not_hold_is_not_sent() -> None:
    changed = Document("1", "lease.txt", "Something else entirely stands here now.")
    selector = ReplySelector(Holder(), Quotes(changed), LetterEncoder())  # type: ignore[arg-type]
    reply = selector(["x"], [Choice("qa", 0.9, Reading((found(LEASE, "900 euros", 0.9),)))], [None])[0]
    assert (reply.skill, reply.text, reply.evidence) == ("none", "", None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("30 days", "30 days.", True),
        ("30 days", "within 30 days", True),
        ("30 days", "60 days", False),
        ("allowed", "Not allowed.", False),
        ("Dogs aren’t allowed", "dogs allowed", False),
        ("not allowed", "Dogs are not allowed", True),
    ],
)
def test_same_answer(one: str, other: str, same: bool) -> None:
    assert same_answer(one, other) is same


@pytest.mark.parametrize(
    ("utterance", "speaks_of_you"),
    [
        ("What do you like?", True),
        ("Is this your idea?", True),
        ("А ты кто?", True),
        ("Are youths let in?", False),
    ],
)
def test_addresses(utterance: str, speaks_of_you: bool) -> None:
    assert addresses(utterance) == speaks_of_you


@pytest.mark.parametrize(
    ("utterance", "phatic"),
    [
        ("Hi there!", True),
        ("hello is anyone there?", True),
        ("Hey Quoth, how's it going today?", True),
        ("Are you still there?", True),
        ("Hello?", True),
        ("Sure", True),
        ("oh, thank you so much", True),
        ("Good evening", True),
        ("Доброе утро!", True),
        ("спасибо", True),
        ("hello, when is the rent due?", False),
        ("hi, how much is it?", False),
        ("Really?", False),
        ("No notice?", False),
        ("right of way", False),
        ("is it ok to smoke?", False),
        ("What is this for?", False),
        ("OK 12", False),
        ("thanks " * 8, False),
        ("!?", False),
    ],
)
def test_is_phatic(utterance: str, phatic: bool) -> None:
    assert is_phatic(utterance) is phatic


@pytest.mark.parametrize(
    ("utterance", "left"),
    [
        ("hi, how much is it?", "how much is it?"),
        ("Good morning Quoth! Who signs?", "Who signs?"),
        ("thanks. And the rent?", "And the rent?"),
        ("thanks to whom?", "thanks to whom?"),
        ("Hello!", "Hello!"),
        ("Hillside owns it", "Hillside owns it"),
    ],
)
def test_without_greeting(utterance: str, left: str) -> None:
    assert without_greeting(utterance) == left
