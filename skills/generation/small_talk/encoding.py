"""A conversation as the tokens that the model is prompted with, and which of them are learnt.

The prompt is the one of the running program: its system message, its messages, the model's own
chat template. Learnt are the tokens of replies, with the one that ends them. Imports no torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skills.dialog import Turn
from skills.errors import ConfigurationError
from skills.generation.encoded import Encoded
from skills.generation.prompt import chat_messages
from skills.generation.reply_generator import DEFAULT_PERSONA
from skills.generation.small_talk.conversations import Conversation


class ConversationEncoder:
    """Encodes conversations.

    Args:
        tokenizer: of transformers, fast, with a chat template.
        max_seq_length: tokens of a conversation; the rest is cut off.
        persona: the system message.

    Raises:
        ConfigurationError: if there is no chat template, or it does not write a conversation as the
            prompt of each of its replies with the reply behind it.
    """

    def __init__(self, tokenizer: Any, max_seq_length: int = 256, persona: str = DEFAULT_PERSONA) -> None:
        if not tokenizer.chat_template:
            raise ConfigurationError(
                "small_talk: the model has no chat template; it needs one trained on chats"
            )
        self.tokenizer = tokenizer
        self.max_seq_length = max_seq_length
        self.persona = persona

    def __call__(self, conversation: Conversation, every_reply: bool = False) -> Encoded:
        """Encode one conversation.

        Args:
            conversation: one exchange or more.
            every_reply: whether replies that are not to be learnt are targets too.
        """
        turns = [
            turn for e in conversation for turn in (Turn("user", e.utterance), Turn("assistant", e.reply))
        ]
        whole = self._text(turns)
        encoding = self.tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
        ids = np.array(encoding["input_ids"][: self.max_seq_length], dtype=np.int64)
        offsets = np.array(encoding["offset_mapping"][: self.max_seq_length]).reshape(-1, 2)
        chosen = np.zeros(len(ids), dtype=np.bool_)
        for at, exchange in enumerate(conversation):
            if exchange.learnt or every_reply:
                prompt = self._text(turns[: 2 * at + 1])
                # what a template writes between two messages nobody generates
                end = len(self._text(turns[: 2 * at + 2]).rstrip())
                if not whole.startswith(prompt):
                    raise ConfigurationError(
                        "small_talk: the model's chat template writes a prompt otherwise than a conversation"
                    )
                chosen |= (offsets[:, 0] >= len(prompt)) & (offsets[:, 1] <= end)
        chosen[:1] = False  # nothing stands before the first token
        return Encoded(ids, np.flatnonzero(chosen))

    def _text(self, turns: list[Turn]) -> str:
        """Messages as the template writes them; those that end with the user's as a prompt."""
        asked = turns[-1].role == "user"
        if asked:
            messages = chat_messages(self.persona, turns[:-1], turns[-1].text)
        else:
            messages = chat_messages(self.persona, turns, "")[:-1]
        written = [message.as_dict() for message in messages]
        text: str = self.tokenizer.apply_chat_template(written, add_generation_prompt=asked, tokenize=False)
        return text
