"""Fragments: put where they fit, and taken as they stand where that cannot be told."""

from __future__ import annotations

import pytest

from skills.dialog import Turn
from skills.retrieval.question import complete_question


def completed(before: str, said: str) -> str:
    return complete_question(said, [Turn("user", before), Turn("assistant", "900 euros", "qa")])


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [
        ("How much is the rent in May?", "And in June?", "How much is the rent in June?"),
        ("How much is the rent in the US?", "And in the UK?", "How much is the rent in the UK?"),
        ("What is due by May 5?", "And by June 5?", "What is due by June 5?"),
        ("What does Ann Reed pay in May?", "And in June?", "What does Ann Reed pay in June?"),
        ("When was the Bridge of Cork Town opened?", "And of Lund?", "When was the Bridge of Lund opened?"),
        ("When is the rent of the flat paid?", "And of the garage?", "When is the rent of the garage paid?"),
        ("What does section 5 say?", "And section 6?", "What does section 6 say?"),
        ("What is in section 5?", "And Section 12b?", "What is in Section 12b?"),
        ("What is in section 4.1?", "And section 4.2?", "What is in section 4.2?"),
        ("What does clause A say?", "And clause B?", "What does clause B say?"),
        ("What does section 5 cover?", "And the annex?", "What does the annex cover?"),
    ],
)
def test_a_preposition_or_a_number_finds_its_place(before: str, said: str, expected: str) -> None:
    assert completed(before, said) == expected


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [
        ("How much is the security deposit?", "And the pet fee?", "How much is the pet fee?"),
        ("What is the phone number?", "And the email?", "What is the email?"),
        ("Where is the fire exit?", "And the first aid kit?", "Where is the first aid kit?"),
        ("Who has the mail key?", "And the cellar key?", "Who has the cellar key?"),
        ("When is the security deposit paid?", "And the rent?", "When is the rent paid?"),
        ("When is the cleaning fee payable?", "And the rent?", "When is the rent payable?"),
        ("Is the hot water included?", "And heating?", "Is heating included?"),
        ("Are dogs welcome?", "And cats?", "Are cats welcome?"),
        ("Is the deposit a month's rent?", "And the fee?", "Is the fee a month's rent?"),
        ("What does the gym pass cost?", "And the locker?", "What does the locker cost?"),
        ("What will the new rent be?", "And the deposit?", "What will the deposit be?"),
        ("Where does fermentation take place?", "And baking?", "Where does baking take place?"),
    ],
)
def test_a_fragment_takes_the_place_of_the_whole_subject(before: str, said: str, expected: str) -> None:
    assert completed(before, said) == expected


@pytest.mark.parametrize(
    "said",
    [
        "What if I lose the keys?",
        "What if the landlord dies?",
        "What if there's a leak?",
        "So heating is included?",
        "And if I pay late?",
        "And the landlord can come in?",
        "But guests won't pay?",
        "And we pay late?",
    ],
)
def test_a_clause_stands_by_itself(said: str) -> None:
    assert completed("How much is the rent?", said) == said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("What is included in the rent?", "And the deposit?"),
        ("Does the rent include heating?", "And the deposit?"),
        ("When does the landlord return the deposit?", "And the keys?"),
        ("Can tenants keep a cat?", "And a dog?"),
        ("What does Ann Reed pay?", "And in June?"),
        ("How much is the rent?", "And before June?"),
        ("How much is the rent?", "And per year?"),
    ],
)
def test_what_fits_in_no_place_for_certain_is_put_in_none(before: str, said: str) -> None:
    assert completed(before, said).startswith(said[:-1])
