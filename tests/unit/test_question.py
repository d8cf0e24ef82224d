"""Follow-up questions: what they leave out is carried over, what stands by itself is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.dialog import Skill, Turn
from skills.errors import ConfigurationError
from skills.retrieval.question import QuestionCompleter, complete_question


def after(*texts: str) -> list[Turn]:
    """Turns by the user and the assistant, in turns."""
    return [Turn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [
        (("Where was Marie Curie born?", "Warsaw"), "And when did she die?", "when did Marie Curie die?"),
        (("Who discovered radium?", "Marie Curie"), "When did she die?", "When did Marie Curie die?"),
        (("Whom did Ada Hall marry?", "Tom Reed"), "Where did she study?", "Where did Ada Hall study?"),
        (("Where is the Kiln Tower?", "Cork"), "What year is it of?", "What year is the Kiln Tower of?"),
        (("When was the Eiffel Tower built?", "1889"), "How high is it?", "How high is the Eiffel Tower?"),
        (("Who founded the Tern Society?", "Ann"), "Who is its head?", "Who is the Tern Society's head?"),
        (("Where was she born, Ada Hall?", "Cork"), "Who was her father?", "Who was Ada Hall's father?"),
        (("Who met Ada Hall?", "Tom Reed"), "And when did he see her?", "when did Tom Reed see her?"),
        (("When did Ada Hall die?", "1932"), "And Tom Reed?", "When did Tom Reed die?"),
        (("When did Ada Hall die?", "1932"), "What about Tom Reed?", "When did Tom Reed die?"),
        (("What was the rent in 1940?", "5"), "And in 1950?", "What was the rent in 1950?"),
        (("What does the pass cost?", "5"), "And the locker?", "What does the locker cost?"),
        (("How much salt is in bread?", "5 g"), "And in the soup?", "How much salt is in the soup?"),
        (("What is fermentation?", "a process"), "Where does it happen?", "Where does fermentation happen?"),
        (("How long is the warranty of the Brix 300?", "a year"), "What does it cover?",
         "What does the warranty of the Brix 300 cover?"),
        (("Who is the engineer?", "Dev Hartley"), "whats his number", "whats Dev Hartley's number"),
        (("whos the engineer", "Dev Hartley"), "whats his number", "whats Dev Hartley's number"),
        (("Who signed the lease?", "Ann Reed"), "When did they sign?", "When did Ann Reed sign?"),
        (("Who installed it?", "Tom Reed"), "Where do they live?", "Where do Tom Reed live?"),
        (("Where does Mr. Smith live?", "Cork"), "What is his number?", "What is Mr. Smith's number?"),
        (("When was Dr. Lee born?", "1950"), "When did she die?", "When did Dr. Lee die?"),
        (("Where does the tenant live?", "Cork"), "Who is his agent?", "Who is his agent tenant live?"),
        (("WHERE DOES ADA HALL LIVE?", "CORK"), "WHEN DID SHE DIE?", "WHEN DID SHE DIE ADA HALL LIVE?"),
        (("Is it in Cork?", "yes"), "How many people live there?", "How many people live there Cork?"),
    ],
)  # fmt: skip
def test_completed(before: tuple[str, str], said: str, expected: str) -> None:
    assert complete_question(said, after(*before)) == expected


@pytest.mark.parametrize(
    ("before", "said", "carried"),
    [
        (("Where was Ada Hall born?", "Cork"), "How many people live there?", {"Cork"}),
        (("How long does the lease run?", "a year"), "Can I end it early?", {"lease"}),
        (("Who owns the dam?", "the state"), "Why?", {"dam", "owns"}),
        (("How hot is the oven?", "230"), "For how long?", {"oven"}),
        (("Где родилась Анна Холл?", "Киев"), "когда она умерла?", {"Анна", "Холл"}),
    ],
)
def test_what_cannot_be_put_in_place_is_appended(
    before: tuple[str, str], said: str, carried: set[str]
) -> None:
    completed = complete_question(said, after(*before))
    assert completed.startswith(said.rstrip("?"))
    assert carried <= set(completed.rstrip("?").split())


@pytest.mark.parametrize(
    "said",
    [
        "hello is anyone there?",
        "Who built the Halden Bridge?",
        "Where was Tom Reed born and when did he die?",
        "Is there a warranty?",
        "What about when Tom Reed died?",
        "What does the house that Jack built cost?",
        "If the pump fails, who repairs it?",
        "What time is it?",  # "it" is nothing that was said
        "is it going to rain tomorrow?",
        "How are you?",  # put to Quoth: about nothing before
        "And you?",
        "Thank you!",
        "ok",
        "",
    ],
)
def test_what_stands_by_itself_is_left_alone(said: str) -> None:
    assert complete_question(said, after("Where was Ada Hall born?", "Cork")) == said


@pytest.mark.parametrize(
    "before",
    [("Who installed it?", "Hartley & Sons"), ("How old is it?", "ten years"), ("Is it in Cork?", "Yes")],
)
@pytest.mark.parametrize("said", ["How often does it need servicing?", "What is its weight?"])
def test_what_nobody_named_is_not_made_up_of_other_words(before: tuple[str, str], said: str) -> None:
    assert complete_question(said, after(*before)) == said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("and when do we have to pay?", "when do we have to pay?"),
        ("So, who built the Halden Bridge?", "who built the Halden Bridge?"),
        ("А когда платить?", "когда платить?"),
        ("Sofia is where?", "Sofia is where?"),
        ("And you, how are you?", "And you, how are you?"),
    ],
)
@pytest.mark.parametrize("before", [(), ("How much is the fee?", "5")])
def test_a_conjunction_before_a_question_is_no_part_of_it(
    said: str, expected: str, before: tuple[str, ...]
) -> None:
    assert complete_question(said, after(*before)) == expected


def test_without_history_nothing_is_carried() -> None:
    assert complete_question("When did she die?", []) == "When did she die?"
    assert QuestionCompleter()(["When?", "Why?"], [None, []]) == ["When?", "Why?"]


def test_a_chain_of_follow_ups_keeps_its_topic() -> None:
    turns = after(
        "Where was Ada Hall born?", "Cork", "When did she die?", "1932", "Thanks!", "You're welcome."
    )
    assert complete_question("And who was her husband?", turns) == "who was Ada Hall's husband?"


def test_a_new_topic_replaces_the_old_one() -> None:
    turns = after("Where was Ada Hall born?", "Cork", "When did Tom Reed die?", "1900")
    assert complete_question("Where did he live?", turns) == "Where did Tom Reed live?"


def test_what_says_nothing_leaves_the_topic() -> None:
    talk = after("How much is the rent?", "900 euros", "really?", "I believe so.")
    assert complete_question("hi, when is it due?", talk) == complete_question("when is it due?", talk[:2])


def talk(*exchanges: tuple[str, str, Skill | None]) -> list[Turn]:
    """What was said, replied, and by which skill."""
    return [
        turn
        for said, reply, skill in exchanges
        for turn in (Turn("user", said), Turn("assistant", reply, skill))
    ]


@pytest.mark.parametrize(
    ("before", "skill", "said", "expected"),
    [
        ("Can you tell me how much the rent is?", "qa", "When is it payable?", "When is the rent payable?"),
        ("Can you tell me how much the rent is?", None, "When is it payable?", "When is the rent payable?"),
        ("Could you please tell us how much the rent is?", "qa", "And the fee?", "how much the fee is?"),
        ("Tell me about the rent", "none", "When is it payable?", "When is the rent payable?"),
        ("How much notice do you have to give?", "qa", "Is it in writing?", "Is notice in writing?"),
        ("Do you allow pets?", "none", "Why?", "Why allow pets?"),
        ("liability cap", "none", "how much is it?", "how much is it liability cap?"),
        ("The boiler leaks", "qa", "Who repairs it?", "Who repairs it boiler leaks?"),
        ("The boiler is broken.", "none", "Who repairs it?", "Who repairs it?"),
        ("I moved house.", "none", "When is it due?", "When is it due?"),
        ("Do you like pets?", "chat", "When is it due?", "When is the deposit due?"),
        ("What is your name?", None, "When is it due?", "When is the deposit due?"),
        ("I moved house.", "chat", "When is it due?", "When is the deposit due?"),
        ("And you?", "none", "When is it due?", "When is the deposit due?"),
    ],
)
def test_what_the_documents_were_asked_is_the_topic(
    before: str, skill: Skill | None, said: str, expected: str
) -> None:
    assert (
        complete_question(said, talk(("What is the deposit?", "900", "qa"), (before, "So.", skill)))
        == expected
    )


@pytest.mark.parametrize(
    "between",
    [
        ("thanks!", "I am Quoth. Nice to meet you, Sam.", "chat"),
        ("Do you know Bob Moss?", "No, but Sam Hill does.", "chat"),
        ("thanks!", "You're welcome, Sam.", None),
    ],
)
def test_small_talk_leaves_what_the_last_answer_named(between: tuple[str, str, Skill | None]) -> None:
    turns = talk(("Who is the landlord?", "Ann Reed", "qa"), between)
    assert complete_question("What is her phone number?", turns) == "What is Ann Reed's phone number?"


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [
        ((), "hi, how much is the rent?", "how much is the rent?"),
        ((), "Hello, I'm Ann.", "Hello, I'm Ann."),
        ((), "Thanks! And what does it cost?", "what does it cost?"),
        (("hi, how much is the rent?", "900"), "when is it due?", "when is the rent due?"),
        (("hey whats the rent", "900"), "when is it due?", "when is the rent due?"),
        (("hi, liability cap", "900"), "when is it due?", "when is it due liability cap?"),
        (("How much is the rent?", "900"), "hi when is it due", "when is the rent due"),
        (("How much is the rent?", "900"), "Great, thanks. When is it due?", "When is the rent due?"),
        (("How much is the rent?", "900"), "Oh I see. And the deposit?", "How much is the deposit?"),
    ],
)
def test_a_greeting_is_no_part_of_the_question(before: tuple[str, ...], said: str, expected: str) -> None:
    turns = talk((*before, "qa")) if before else []  # type: ignore[arg-type]
    assert complete_question(said, turns) == expected


def test_only_the_latest_turns_count() -> None:
    turns = after("Where was Ada Hall born?", "Cork", "hm", "Yes?")
    assert QuestionCompleter(max_turns=2)(["When did she die?"], [turns]) == ["When did she die?"]
    assert QuestionCompleter(max_turns=4)(["When did she die?"], [turns]) == ["When did Ada Hall die?"]
    assert QuestionCompleter(max_turns=0)(["When did she die?"], [turns]) == ["When did she die?"]


def test_what_is_carried_is_bounded() -> None:
    long = "Why " + " ".join(f"word{n}" for n in range(500)) + "?"
    assert len(complete_question("Why?", after(long, "so")).split()) <= 13


def test_a_misspelt_parameter_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_turn"):
        QuestionCompleter(max_turn=3)
    with pytest.raises(ConfigurationError, match="at least 0"):
        QuestionCompleter(max_turns=-1)


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=6))
def test_any_text_is_taken_and_no_foreign_word_is_added(said: str, before: list[str]) -> None:
    completed = complete_question(said, after(*before))
    known = "".join([said, *before]).casefold()
    assert all(word.strip("?").removesuffix("'s").casefold() in known for word in completed.split())
