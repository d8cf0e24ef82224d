"""The writer of questions as DeepPavlov trains and measures it: ``question_writer``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from deeppavlov.core.common.registry import register

from skills.generation.adapter_component import TaughtAdapter
from skills.generation.encoded import Encoded
from skills.qa.questions.dataset import Asked
from skills.qa.questions.wording import continuation, prompt


@register("question_writer")
class QuestionWriter(TaughtAdapter):
    """Teaches a language model to ask about a paragraph; an example is a paragraph with its questions.

    See :class:`TaughtAdapter`. ``skills.qa.questions.write`` has it write.
    """

    name = "question_writer"
    title = "Writer of questions"
    about = (
        "A low-rank adapter that has a language model write questions about a paragraph, with their answers, "
        "and some that it does not answer. Learnt from SQuAD-format files (the public ones: CC BY-SA 4.0). "
        "The base's licence applies."
    )
    config = "configs/question_writer.json"
    nothing_learnt = "a paragraph leaves no place for a question"

    def encoder(self, tokenizer: Any) -> Callable[[Asked], Encoded]:
        """Paragraphs with their questions; learnt are the questions and answers."""

        def encode(asked: Asked) -> Encoded:
            paragraph, questions = asked
            head, tail = (
                tokenizer(text, add_special_tokens=False)["input_ids"]
                for text in (prompt(paragraph), continuation(questions))
            )
            ids = np.array((head + tail)[: self.max_seq_length], dtype=np.int64)
            return Encoded(ids, np.arange(max(1, len(head)), len(ids)))

        return encode
