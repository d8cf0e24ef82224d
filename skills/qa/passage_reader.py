"""Reading: the best answer over the passages that retrieval found, in one batch.

The answer is chosen over passages by the reader's margin and the retrieval score together.
How sure it is comes from :mod:`skills.qa.calibration`. Nothing is decided here about which
skill replies; see ``skills.selection``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.dialog import Considered, Passage
from skills.errors import parameter_names, refuse_unknown, share, whole_number
from skills.qa.calibration import Calibration, Features
from skills.qa.reader import SquadReader
from skills.qa.spans import Span, SpanPrediction
from skills.qa.surroundings import Surroundings, surroundings
from skills.retrieval.names import n_named, name_words
from skills.retrieval.sentences import in_one_block

#: What the small reader believes less than this share of the first passage is hardly ever the one; what that
#: spares and costs is in the accurate reader's card.
REREAD_FROM = 0.25


@dataclass(frozen=True)
class Candidate:
    """An answer found in a passage.

    Attributes:
        passage: where it was found.
        start: first character in the document, ``end`` one past the last.
        margin: reader's span score less its "no answer" score, in logits.
        confidence: calibrated probability that it is right, in [0, 1].
        features: what the confidence was made of.
    """

    passage: Passage
    start: int
    end: int
    margin: float
    confidence: float
    features: Features

    @property
    def text(self) -> str:
        """The answer's words."""
        return self.passage.text[self.start - self.passage.start : self.end - self.passage.start]


@dataclass(frozen=True)
class _Answered:
    """A passage's answer before it is ranked: its span in the passage, what is known of it but its lead."""

    passage: Passage
    span: Span
    features: Features


@dataclass(frozen=True)
class Reading:
    """What reading found for one question: candidates, best first, one a passage."""

    candidates: tuple[Candidate, ...] = ()
    considered: tuple[Considered, ...] = ()

    @property
    def best(self) -> Candidate | None:
        """The most believed answer, or None where there was nothing to read."""
        return self.candidates[0] if self.candidates else None


@register("passage_reader")
class PassageReader(Component):
    """Reads passages for answers: ``passage_reader(questions, passages) -> readings``.

    With ``skim_with`` two readers share the work: a small one reads every passage, the pipe's
    only those that the small one thinks most of, and of these only such as come near the first.

    Args:
        reader: the ``squad_reader`` of the pipe.
        n_passages: how many of the passages, from the best, are read.
        calibration: folder of ``calibration.json``; "" takes the one beside the reader's weights.
        skim_with: size or adapter of a smaller reader that reads first; "" is none.
        n_reread: how many passages the pipe's reader reads after it, at most.
        reread_from: share of the first one's confidence, in [0, 1], that the small reader gives to each of
            these; what it believes less is not read again.
        n_threads: threads of the smaller reader's forward pass.
    """

    def __init__(
        self,
        reader: SquadReader,
        n_passages: int = 5,
        calibration: str = "",
        skim_with: str = "",
        n_reread: int | str = 2,
        reread_from: float | str = REREAD_FROM,
        n_threads: int | str = 2,
        **kwargs: Any,
    ) -> None:
        refuse_unknown("passage_reader", kwargs, parameter_names(type(self).__init__))
        self.reader = reader
        self.n_passages = n_passages
        self.calibration = Calibration.load(calibration or reader.adapter_path)
        self.n_reread = whole_number("n_reread", n_reread, 1, 1000)
        self.reread_from = share("reread_from", reread_from)
        self._skimmer: SquadReader | None = None
        if skim_with:
            self._skimmer = SquadReader(
                adapter=skim_with, n_threads=whole_number("n_threads", n_threads, 1, 512)
            )
            self._skimmed = Calibration.load(self._skimmer.adapter_path)

    def __call__(self, questions: Sequence[str], passages: Sequence[Sequence[Passage]]) -> list[Reading]:
        """Read the passages of every question in one batch."""
        chosen: list[Sequence[Passage]] = [found[: self.n_passages] for found in passages]
        all_read = [len(found) <= self.n_passages for found in passages]
        left: list[list[Candidate]] = [[] for _ in questions]
        margins: list[list[float]] = [[0.0] * len(found) for found in chosen]
        if self._skimmer is not None:
            skimmed = _read(self._skimmer, self._skimmed, questions, chosen, margins, all_read)
            again = [self._worth_rereading(found) for found in skimmed]
            chosen = [[c.passage for c in found] for found in again]
            margins = [[c.margin for c in found] for found in again]
            left = [found[len(kept) :] for found, kept in zip(skimmed, again, strict=True)]
        read = _read(self.reader, self.calibration, questions, chosen, margins, all_read)
        return [
            Reading(tuple(found), tuple(_considered(c) for c in (*found, *others)))
            for found, others in zip(read, left, strict=True)
        ]

    def _worth_rereading(self, skimmed: Sequence[Candidate]) -> list[Candidate]:
        """Those of the small reader's candidates, best first, that the large one reads."""
        return [
            c for c in skimmed[: self.n_reread] if c.confidence >= self.reread_from * skimmed[0].confidence
        ]


def _read(
    reader: SquadReader,
    calibration: Calibration,
    questions: Sequence[str],
    passages: Sequence[Sequence[Passage]],
    skimmed: Sequence[Sequence[float]],
    all_read: Sequence[bool],
) -> list[list[Candidate]]:
    """The candidates of every question, best first, one a passage; all passages in one batch."""
    asked = [(i, p, m) for i, found in enumerate(passages) for p, m in zip(found, skimmed[i], strict=True)]
    predictions = reader.predict([p.text for _, p, _ in asked], [questions[i] for i, _, _ in asked])
    read: list[list[_Answered]] = [[] for _ in questions]
    for (i, passage, margin), prediction in zip(asked, predictions, strict=True):
        if prediction.spans:
            read[i].append(_answered(questions[i], passage, prediction, margin))
    return [_ranked(found, calibration, whole) for found, whole in zip(read, all_read, strict=True)]


def _answered(question: str, passage: Passage, prediction: SpanPrediction, skimmed: float) -> _Answered:
    around = surroundings(question, passage.text)
    span = _chosen(passage.text, prediction, around, name_words(question))
    features = Features(
        margin=span.score - prediction.null_score,
        lead=0.0,
        similarity=passage.similarity,
        retrieval=passage.score,
        coverage=around.coverage(span.start, span.end),
        sentence=around.sentence_coverage(span.start, span.end),
        skimmed=skimmed,
    )
    return _Answered(passage, span, features)


def _ranked(answered: Sequence[_Answered], calibration: Calibration, all_read: bool) -> list[Candidate]:
    rivals = sorted((found.features.margin for found in answered), reverse=True)
    candidates = []
    for found in answered:
        passage, margin = found.passage, found.features.margin
        best_rival = next((m for m in rivals if m != margin), margin)
        features = replace(found.features, lead=margin - best_rival)
        candidates.append(
            Candidate(
                passage,
                passage.start + found.span.start,
                passage.start + found.span.end,
                margin,
                calibration.confidence(features, all_read=all_read),
                features,
            )
        )
    candidates.sort(key=lambda c: (-c.confidence, -c.margin, c.passage.document_name, c.start))
    return candidates


def _considered(candidate: Candidate) -> Considered:
    passage = candidate.passage
    return Considered(
        passage.document_name, passage.page, passage.start, passage.text, passage.score,
        candidate.margin, candidate.text,
    )  # fmt: skip


def _chosen(text: str, prediction: SpanPrediction, around: Surroundings, names: frozenset[str]) -> Span:
    """The span of a passage that becomes its answer.

    It runs over no paragraph, list item or page, as no answer does, nor out of its sentence where there is
    one that does not; of such spans it is the reader's best, of a table's rows in the one that is asked
    about. Where all run over, the best one's beginning.
    """
    whole = [s for s in prediction.spans if in_one_block(text, s.start, s.end) == (s.start, s.end)]
    whole = [s for s in whole if around.in_one_sentence(s.start, s.end)] or whole
    if whole:
        return _in_row_asked_about(text, whole, around, names)
    best = prediction.spans[0]
    start, end = in_one_block(text, best.start, best.end)
    return replace(best, start=start, end=end)


def _in_row_asked_about(
    text: str, spans: Sequence[Span], around: Surroundings, names: frozenset[str]
) -> Span:
    """The best span, or where it stands in a table's row, the best in a row with more of what was asked:
    of its names, and where they tell no rows apart, of its words.

    A reader that learnt on sentences sees a table's rows as one: asked for Ann's number it finds
    Bob's, which is said in the same words.
    """

    def asked_about(span: Span) -> tuple[int, float]:
        row = _row(text, span)
        return (n_named(names, text[slice(*row)]), around.coverage_by(*row)) if row else (0, 0.0)

    return max(spans, key=asked_about) if _row(text, spans[0]) else spans[0]


def _row(text: str, span: Span) -> tuple[int, int] | None:
    """The row of a table in which a span stands, or None where it stands in none."""
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end
    return (start, end) if " | " in text[start:end] else None
