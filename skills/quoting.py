"""Quotes: the sentence around an answer, its place, and the proof that it stands there.

The one place where evidence is made. ``document.text[start:end] == quote`` is checked against
the document as it is stored, not against the passage the reader saw; a quote that fails is
not made at all, and that is logged (without its words), for it means an index is out of step.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from deeppavlov.core.common.registry import register
from deeppavlov.core.models.component import Component

from skills.dialog import Document, Evidence, Page
from skills.errors import ShelfError, parameter_names, refuse_unknown
from skills.qa.passage_reader import Candidate
from skills.retrieval.index import ShelfReader
from skills.retrieval.sentences import sentence_around
from skills.retrieval.structure import after_bullet, after_heading, before_number, through_list

log = logging.getLogger(__name__)
WITHHELD = "a quote did not match document %s and was withheld"


@register("quoter")
class Quoter(Component):
    """Makes verified quotes; a part of the chain's last step, referred to by its id.

    Args:
        max_quote_chars: characters of a quote at the most.
    """

    def __init__(self, max_quote_chars: int = 400, **kwargs: Any) -> None:
        refuse_unknown("quoter", kwargs, parameter_names(type(self).__init__))
        self.max_quote_chars = max_quote_chars
        self.shelves = ShelfReader()

    def __call__(self, candidates: Sequence[Candidate]) -> list[Evidence | None]:
        """Quotes of several candidates."""
        return [self.quote(candidate) for candidate in candidates]

    def quote(self, candidate: Candidate) -> Evidence | None:
        """The quote of a candidate answer, or None where its words do not stand in the document."""
        passage = candidate.passage
        try:
            document = self.shelves.document(passage.shelf, passage.document_id)
        except ShelfError as error:
            log.error("a document of a passage could not be read again: %s", error)
            return None
        return make_evidence(document, candidate, self.max_quote_chars)


def make_evidence(document: Document, candidate: Candidate, max_quote_chars: int = 400) -> Evidence | None:
    """Evidence for a candidate, verified against its document; None where it does not match.

    Returns:
        evidence with ``document.text[start:end] == quote`` and the answer inside the quote.
    """
    if not candidate.text or document.text[candidate.start : candidate.end] != candidate.text:
        log.error(WITHHELD, document.id[:12])
        return None
    start, end = sentence_around(document.text, candidate.start, candidate.end, max_quote_chars)
    start = after_heading(document.text, start, candidate.start)
    start = after_bullet(document.text, start, candidate.start)
    end = before_number(document.text, candidate.end, end)
    end = through_list(document.text, start, end, max_quote_chars)
    evidence = Evidence(
        document_id=document.id,
        document_name=document.name,
        page=page_label(document.pages, candidate.start),
        start=start,
        end=end,
        quote=document.text[start:end],
        answer_start=candidate.start,
        answer_end=candidate.end,
        line=document.text.count("\n", 0, candidate.start) + 1,
        score=candidate.confidence,
    )
    if not holds(document, evidence):
        log.error(WITHHELD, document.id[:12])
        return None
    return evidence


def holds(document: Document, evidence: Evidence) -> bool:
    """The invariant: the quote stands in the document, and the answer inside the quote."""
    return (
        evidence.document_id == document.id
        and 0 <= evidence.start <= evidence.answer_start < evidence.answer_end <= evidence.end
        and document.text[evidence.start : evidence.end] == evidence.quote
    )


def page_label(pages: Sequence[Page], position: int) -> str | None:
    """Label of the page on which a character stands, or None."""
    for page in pages:
        if page.start <= position < page.end:
            return page.label
    return None
