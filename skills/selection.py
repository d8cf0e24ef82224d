"""Which skill's reply goes out, and why.

Three outcomes, decided by what reading found and by what kind of utterance it is:

- ``qa``: an answer may well stand in the documents (calibrated confidence at or above the threshold that
  tells questions with an answer from those without); how sure it is goes out with it;
- ``none``: something was asked that the documents should tell and don't;
- ``chat``: everything else, small talk above all; the only case in which anything is generated.

The utterance's kind comes from a linear classifier over its sentence embedding
(:mod:`skills.utterances`), so that "How are you?" beside a contract is small talk and "Who
signs?" is not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.asking import asks
from skills.dialog import Evidence, Knowledge, Preferences, Reply, Skill
from skills.errors import parameter_names, refuse_unknown
from skills.generation.reply_generator import Draft
from skills.qa.calibration import SURE, Calibration
from skills.qa.closest import closest_sentence
from skills.qa.passage_reader import PassageReader, Reading
from skills.quoting import Quoter
from skills.retrieval.encoder import SentenceEncoder
from skills.retrieval.names import n_named, name_words
from skills.utterances import UtteranceClassifier

#: Cosine similarity at which a passage begins to be, and surely is, about what was asked.
RELATED = (0.2, 0.5)
#: What a passage that surely is takes from the log odds that a question is small talk.
RELATED_LOGITS = 4.0
#: Beside documents an utterance counts as small talk from this probability: a made-up answer to "Can I
#: bring my dog?" harms more than "The documents don't say."
SURELY_TALK = 0.6

_DENIES = re.compile(
    r"not?|never|none|neither|nor|without|except|unless|cannot|\w+n['’]t|не|нет|ни|без|кроме"
)


@dataclass(frozen=True)
class Choice:
    """Which skill replies to one utterance.

    Attributes:
        skill: the skill.
        confidence: how sure the choice is, in [0, 1]; for ``qa`` that the answer is right.
        reading: what the choice was made of.
    """

    skill: Skill
    confidence: float
    reading: Reading

    @property
    def wants_reply(self) -> bool:
        """Whether the generator is asked at all."""
        return self.skill == "chat"


@register("skill_chooser")
class SkillChooser(Component):
    """``skill_chooser(questions, knowledge, preferences, readings) -> choices``.

    Takes the question as completed from the conversation: "And the deposit?" alone says too little.

    Args:
        passage_reader: the pipe's; its calibration brings the thresholds.
        classifier: tells small talk from what asks for information.
    """

    def __init__(self, passage_reader: PassageReader, classifier: UtteranceClassifier, **kwargs: Any) -> None:
        refuse_unknown("skill_chooser", kwargs, parameter_names(type(self).__init__))
        self.calibration: Calibration = passage_reader.calibration
        self.classifier = classifier

    def __call__(
        self,
        questions: Sequence[str],
        knowledge: Sequence[Knowledge | None],
        preferences: Sequence[Preferences | None],
        readings: Sequence[Reading],
    ) -> list[Choice]:
        """Choose for every conversation."""
        small_talk = self.classifier(questions)
        return [
            self._choose(q, bool(k and k.shelves), bool(p and p.only_documents), discounted(s, q, r), r)
            for q, k, p, s, r in zip(questions, knowledge, preferences, small_talk, readings, strict=True)
        ]

    def _choose(
        self, question: str, has_shelf: bool, only_documents: bool, small_talk: float, reading: Reading
    ) -> Choice:
        best = reading.best
        confidence = best.confidence if best else 0.0
        talks = small_talk >= SURELY_TALK
        # small talk needs a surer answer: its words turn up in documents by chance
        needed = self.calibration.answer_threshold
        if talks and not only_documents:
            needed = needed + (1.0 - needed) * small_talk
        if best is not None and confidence >= needed:
            return Choice("qa", confidence, reading)
        if only_documents:
            return Choice("none", 1.0 - confidence, reading)
        if not has_shelf or talks:
            return Choice("chat", small_talk if has_shelf else 1.0, reading)
        return Choice("none", 1.0 - confidence, reading)


def discounted(small_talk: float, utterance: str, reading: Reading) -> float:
    """Probability of small talk in the light of what was found.

    "May I keep a dog?" may sound like small talk, and beside a lease it is none: the closer a passage is
    to a question, the less that counts as small talk (:data:`RELATED`, :data:`RELATED_LOGITS`). One that
    names what a passage names is none: "What is Ann Reed's number?" asks for no invention, however far
    the passage is, as a table is from every question.
    """
    if not reading.candidates or not 0.0 < small_talk < 1.0 or not asks(utterance):
        return small_talk
    names = name_words(utterance)
    if any(n_named(names, candidate.passage.text) for candidate in reading.candidates):
        return 0.0
    closest = max(candidate.passage.similarity for candidate in reading.candidates)
    low, high = RELATED
    related = min(1.0, max(0.0, (closest - low) / (high - low)))
    odds = small_talk / (1.0 - small_talk) * math.exp(-RELATED_LOGITS * related)
    return odds / (1.0 + odds)


@register("reply_selector")
class ReplySelector(Component):
    """``reply_selector(questions, choices, drafts) -> replies``: the last step of the chain.

    Every quote is compared with its document here; one that does not match is not sent.

    Args:
        passage_reader: the pipe's; its calibration brings the thresholds.
        quoter: makes and verifies quotes.
        encoder: the pipe's sentence encoder; finds what comes closest.
    """

    def __init__(
        self, passage_reader: PassageReader, quoter: Quoter, encoder: SentenceEncoder, **kwargs: Any
    ) -> None:
        refuse_unknown("reply_selector", kwargs, parameter_names(type(self).__init__))
        self.calibration: Calibration = passage_reader.calibration
        self.quoter = quoter
        self.encoder = encoder

    def __call__(
        self, questions: Sequence[str], choices: Sequence[Choice], drafts: Sequence[Draft | None]
    ) -> list[Reply]:
        """Put every reply together."""
        return [self._reply(*item) for item in zip(questions, choices, drafts, strict=True)]

    def _reply(self, question: str, choice: Choice, draft: Draft | None) -> Reply:
        reading = choice.reading
        if choice.skill == "chat" and draft is not None:
            return Reply(
                draft.text, "chat", choice.confidence,
                considered=reading.considered, question=question,
                n_dropped_turns=draft.n_dropped_turns, stopped=draft.stopped,
            )  # fmt: skip
        quotes = self._quotes(choice)
        if choice.skill == "qa" and quotes:
            return Reply(
                quotes[0].answer, "qa", choice.confidence, quotes[0], quotes[1:],
                reading.considered, question,
            )  # fmt: skip
        closest = self._closest(question, reading)
        return Reply("", "none", choice.confidence, closest, considered=reading.considered, question=question)

    def _closest(self, question: str, reading: Reading) -> Evidence | None:
        """The verified quote of the sentence that comes closest, or None where none does."""
        candidate = closest_sentence(question, reading, self.encoder, self.calibration.offer_similarity)
        return self.quoter.quote(candidate) if candidate is not None else None

    def _quotes(self, choice: Choice) -> tuple[Evidence, ...]:
        """The best candidate's quote, and those of other documents that say something else."""
        quotes: list[Evidence] = []
        for candidate in choice.reading.candidates:
            sure = candidate.confidence >= SURE
            if quotes and not (choice.skill == "qa" and sure):
                break
            if quotes and (
                candidate.passage.document_id in {q.document_id for q in quotes}
                or any(same_answer(candidate.text, q.answer) for q in quotes)
            ):
                continue
            quote = self.quoter.quote(candidate)
            if quote is not None:
                quotes.append(quote)
            elif not quotes:
                continue  # the best could not be verified: the next one may be
        return tuple(quotes)


def same_answer(one: str, other: str) -> bool:
    """Whether two answers say the same: the words of one stand in the other, case and order aside, and what
    the other has beyond them denies nothing ("allowed", "not allowed")."""
    first, second = ({w.strip(".,;:!?()[]\"'“”’").casefold() for w in t.split()} - {""} for t in (one, other))
    return (first <= second or second <= first) and not any(map(_DENIES.fullmatch, first ^ second))
