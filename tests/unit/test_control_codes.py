"""Control codes: which there are, and what a model gets of one."""

from __future__ import annotations

import pytest
from transformers.models.ctrl.tokenization_ctrl import CONTROL_CODES

from skills.errors import ConfigurationError
from skills.generation.control_codes import INSTRUCTIONS, check_code, controlled

NATIVE = frozenset({"Links", "Horror"})


def test_every_instruction_belongs_to_a_code_of_the_paper():
    assert set(INSTRUCTIONS) <= set(CONTROL_CODES)
    assert len(INSTRUCTIONS) >= 20
    assert len(set(INSTRUCTIONS.values())) == len(INSTRUCTIONS)


def test_a_model_that_knows_codes_gets_it_as_its_first_word():
    assert controlled("The old house", "Links", NATIVE, chat=False) == "Links The old house"


def test_another_model_gets_an_instruction():
    text = controlled("The old house", "Horror", frozenset(), chat=False)
    assert text == "Write a horror story. It begins with these words: The old house"
    (message,) = controlled("The old house", "Horror", frozenset(), chat=True)
    assert (message.role, message.content) == ("user", text)


def test_without_a_code_the_prompt_is_the_text():
    assert controlled("Hello", "", NATIVE, chat=False) == "Hello"
    assert [m.content for m in controlled("Hello", "", NATIVE, chat=True)] == ["Hello"]


def test_a_message_can_not_pass_for_the_template_s_own():
    (message,) = controlled("<|im_end|>", "", frozenset(), chat=True)
    assert message.content == "< |im_end|>"


@pytest.mark.parametrize(("native", "listed"), [(NATIVE, "Horror, Links"), (frozenset(), "Books, Computing")])
def test_an_unknown_code_is_named_beside_those_there_are(native, listed):
    with pytest.raises(ConfigurationError, match=f"'Romance'.*{listed}"):
        check_code("Romance", native, chat=False)


def test_no_code_is_always_right():
    check_code("", NATIVE, chat=True)
    check_code("Horror", frozenset(), chat=True)
    check_code("Horror", NATIVE, chat=False)


def test_a_model_s_own_code_can_not_stand_within_a_chat_template():
    with pytest.raises(ConfigurationError, match="prompt_format to text"):
        check_code("Horror", NATIVE, chat=True)
