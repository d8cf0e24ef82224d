"""What of a chat template breaks a run of repeated tokens."""

from __future__ import annotations

import pytest

from skills.generation.engines.sequence_breakers import sequence_breakers

CHATML = "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
ZEPHYR = "{{ '<|assistant|>\n' + message['content'] + eos_token }}"
LLAMA_3 = "<|start_header_id|>{{ role }}<|end_header_id|>\n\n{{ content }}<|eot_id|>"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (CHATML, ["<|im_start|>assistant\n", "<|im_end|>"]),
        (LLAMA_3, ["<|end_header_id|>\n\n", "<|eot_id|>"]),
        ("<start_of_turn>{{ role }}\n{{ text }}<end_of_turn>\n", ["<start_of_turn>model\n", "<end_of_turn>"]),
    ],
)
def test_a_reply_s_opening_and_its_end_break_what_the_template_can_write(
    template: str, expected: list[str]
) -> None:
    assert sequence_breakers(template) == expected


@pytest.mark.parametrize("template", ["", ZEPHYR, "[INST] {{ content }} [/INST]"])
def test_where_the_template_does_not_tell_its_end_any_is_one(template: str) -> None:
    found = sequence_breakers(template)
    assert {"<|im_end|>", "<|endoftext|>", "</s>", "<eos>"} < set(found)
    assert sum(text.endswith(("\n", "[/INST]")) for text in found) == 1
