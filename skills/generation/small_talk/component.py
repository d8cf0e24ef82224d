"""Small talk as DeepPavlov trains and measures it: ``small_talk``."""

from __future__ import annotations

from typing import Any

from deeppavlov.core.common.registry import register

from skills.generation.adapter_component import TaughtAdapter
from skills.generation.small_talk.encoding import ConversationEncoder


@register("small_talk")
class SmallTalk(TaughtAdapter):
    """Teaches a chat model small talk; an example is a conversation. See :class:`TaughtAdapter`."""

    name = "small_talk"
    title = "Small talk"
    about = (
        "A low-rank adapter that makes a chat model a brief, curious companion who knows that it is a "
        "program. Learnt from conversations between people (chitchat-dataset, MIT), sifted, and from Quoth's "
        "own exchanges (`persona.jsonl`); the loss is on replies only, and replies that claim a body, a past "
        "or a place are left out. The base's licence applies."
    )
    config = "configs/small_talk.json"
    nothing_learnt = "a conversation has no reply to be learnt"

    def encoder(self, tokenizer: Any) -> ConversationEncoder:
        """Conversations as they are prompted; learnt are replies."""
        return ConversationEncoder(tokenizer, self.max_seq_length)
