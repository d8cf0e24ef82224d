"""Which words of a follow-up question mean something said before."""

from __future__ import annotations

import time

import pytest

from skills.dialog import Turn
from skills.retrieval.question import complete_question

RENT = (Turn("user", "How much is the rent?"), Turn("assistant", "900 euros", "qa"))


@pytest.mark.parametrize(
    "said",
    [
        "Is it allowed to keep a dog?",
        "IS IT ALLOWED TO KEEP A DOG?",
        "Isn't it possible for my guests to park?",
        "Is it ok if I smoke?",
        "Is it allowed if the neighbours agree?",
        "Would it be a problem if I had guests?",
        "Is it true that pets are banned?",
        "Is it clear who pays?",
        "it's allowed to smoke?",
        "How hard is it to get out early?",
        "How long does it take to get the keys?",
        "How long will it take me to move out?",
        "Does it cost extra to park?",
        "Does it matter whether I pay in cash?",
        "Does it matter?",
    ],
)
def test_an_it_that_announces_a_clause_means_nothing_said_before(said: str) -> None:
    assert complete_question(said, RENT) == said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Is it due to be paid in May?", "Is the rent due to be paid in May?"),
        ("Is it going to rise?", "Is the rent going to rise?"),
        ("Is it payable to the landlord?", "Is the rent payable to the landlord?"),
        ("Is it payable to Ann Reed?", "Is the rent payable to Ann Reed?"),
        ("Is it known to tenants?", "Is the rent known to tenants?"),
        ("Is it included if I sublet?", "Is the rent included if I sublet?"),
        ("Is it refundable if I leave?", "Is the rent refundable if I leave?"),
        ("Can it be paid in cash?", "Can the rent be paid in cash?"),
        ("Does it need to be paid?", "Does the rent need to be paid?"),
        ("Does it rise if I stay?", "Does the rent rise if I stay?"),
        ("Is it possible to pay it in cash?", "Is it possible to pay the rent in cash?"),
    ],
)
def test_an_it_of_which_something_is_said_means_the_topic(said: str, expected: str) -> None:
    assert complete_question(said, RENT) == expected


@pytest.mark.parametrize(
    "said",
    [
        "Is there a warranty?",
        "Aren't there any rooms?",
        "Will there be a penalty?",
        "Has there been a leak?",
        "How many rooms are there?",
        "What happens if there is a leak?",
        "Must there be a guarantor?",
        "If there's a leak, who pays?",
    ],
)
def test_a_there_beside_to_be_is_no_place(said: str) -> None:
    assert complete_question(said, RENT) == said


@pytest.mark.parametrize("said", ["How many people live there?", "When must we be there?"])
def test_another_there_is_a_place(said: str) -> None:
    turns = [Turn("user", "Where is the office?"), Turn("assistant", "Cork", "qa")]
    assert complete_question(said, turns) == f"{said[:-1]} Cork?"


@pytest.mark.parametrize(
    "said",
    [
        "When does this lease end?",
        "What does this contract say about pets?",
        "Are these fees legal?",
        "Does this include heating?",  # may be a noun as well
        "Who signed that letter?",
    ],
)
def test_a_this_before_a_noun_carries_nothing(said: str) -> None:
    assert complete_question(said, RENT) == said


@pytest.mark.parametrize(
    "said",
    [
        "What is this?",
        "Is that per month?",
        "Was this signed by Ann?",
        "How does this work?",
    ],
)
def test_what_cannot_be_put_in_place_is_carried(said: str) -> None:
    assert complete_question(said, RENT) == f"{said[:-1]} rent?"


@pytest.mark.parametrize(
    "said",
    [
        "The boiler is broken. Who repairs it?",
        "What is the warranty? Does it cover water?",
        "Who is the landlord? What is his phone number?",
        "Can tenants bring their pets?",
        "Can the agent use her key?",
        "Where do they live?",  # a rent does not
        "Can guests park their car here?",
        "Does the boiler need its own permit?",
        "How many days do guests get before they pay?",
    ],
)
def test_a_pronoun_that_does_not_mean_the_topic_is_left_alone(said: str) -> None:
    assert complete_question(said, RENT) == said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("What is the name of his wife?", "What is the name of Tom Reed's wife?"),
        ("What phone number is his wife's?", "What phone number is Tom Reed's wife's?"),
        ("In what year did their lease begin?", "In what year did Tom Reed's lease begin?"),
        ("Who repaired their boiler?", "Who repaired Tom Reed's boiler?"),
        ("Did the tenant meet him?", "Did the tenant meet Tom Reed?"),
        ("Can tenants call her?", "Can tenants call Tom Reed?"),
        ("When does the agent call him?", "When does the agent call Tom Reed?"),
    ],
)
def test_a_pronoun_before_its_noun_or_beside_another_means_the_topic(said: str, expected: str) -> None:
    turns = [Turn("user", "Who is the landlord?"), Turn("assistant", "Tom Reed", "qa")]
    assert complete_question(said, turns) == expected


@pytest.mark.parametrize("said", ["what is it " * 5000, " " * 20_000, "is it allowed to. " * 2000 + "?"])
def test_a_long_message_costs_little(said: str) -> None:
    began = time.process_time()
    complete_question(said, RENT)
    assert time.process_time() - began < 5.0
