"""Where the count of repeated tokens begins anew, as llama.cpp's "don't repeat yourself" is told. Pure.

A chat template writes the same tokens before every reply and after it. Counted as repetitions they
would forbid a reply the first word of an earlier one, and its end.
"""

from __future__ import annotations

#: How templates end a message. A token that breaks sequences by itself is never forbidden.
_ENDS = (
    "<|im_end|>", "<|endoftext|>", "<|end|>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "<eos>",
    "</s>",
)  # fmt: skip
#: A marker -> how a reply begins in its template, up to the first word. In a chat the reply counts.
_OPENINGS = {
    "<|im_start|>": "<|im_start|>assistant\n",
    "<|assistant|>": "<|assistant|>\n",
    "<|end_header_id|>": "<|end_header_id|>\n\n",
    "<start_of_turn>": "<start_of_turn>model\n",
    "[/INST]": "[/INST]",
}
#: llama.cpp's where a file brings no template.
_DEFAULT_TEMPLATE = "<|im_start|>{role}\n{content}<|im_end|>\n{eos_token}"


def sequence_breakers(template: str) -> list[str]:
    """The texts that break sequences in a model's chats; never empty.

    Only those that the template can write: each has llama.cpp search the whole vocabulary for every
    reply, which takes milliseconds.

    Args:
        template: the model's chat template (Jinja); "" where it has none.
    """
    template = template or _DEFAULT_TEMPLATE
    openings = [opening for marker, opening in _OPENINGS.items() if marker in template]
    # the variable stands for a text that the template does not tell
    ends = [text for text in _ENDS if text in template or "eos_token" in template]
    return openings + (ends or list(_ENDS))
