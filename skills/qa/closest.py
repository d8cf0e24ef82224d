"""What comes closest: the sentence to show where the reader has no answer that it believes.

A small reader often says "no answer" beside the very sentence that has it, above all in texts unlike
those it was trained on. The sentence embedding knows nothing of answers and much of subjects. Both
together pick the sentence; whether it is shown at all follows from its similarity alone, for that is
what tells questions about these texts from questions about others.
"""

from __future__ import annotations

from dataclasses import replace

from skills.qa.passage_reader import Candidate, Reading
from skills.retrieval.encoder import SentenceEncoder
from skills.retrieval.sentences import sentences
from skills.retrieval.structure import after_heading, before_number

#: What a similarity of 1 counts, in the reader's logits, and what it counts that a sentence is not the
#: one with its passage's best span. Of 420 answerable questions the sentence chosen so has the answer
#: for 75%; by the reader alone it is 70%, by similarity alone 61%. From 10 to 50 and from 5 to 20 it
#: changes little.
SIMILARITY_LOGITS, NO_SPAN_LOGITS = 20.0, 5.0
#: Shorter ones are headings, labels and numbers.
MIN_WORDS = 4
#: A sentence longer than this (a table's row, a clause of a page) is cut to whole words.
MAX_CHARS = 400


def closest_sentence(
    question: str, reading: Reading, encoder: SentenceEncoder, min_similarity: float
) -> Candidate | None:
    """What :func:`closest` gives, where its similarity is high enough; else None."""
    candidate, similarity = closest(question, reading, encoder)
    return candidate if similarity >= min_similarity else None


def closest(question: str, reading: Reading, encoder: SentenceEncoder) -> tuple[Candidate | None, float]:
    """The sentence of the passages read that comes closest to a question.

    Args:
        question: as the passages were searched with it.
        reading: what reading found; its candidates' passages are looked at.
        encoder: gives the vectors.

    Returns:
        a candidate, the reader's own where its span lies in that sentence, else one whose answer is
        the sentence; and the cosine of question and sentence. (None, -1.0) without any sentence.
    """
    found: list[tuple[Candidate, int, int]] = []
    for candidate in reading.candidates:
        text = candidate.passage.text
        for first, end in sentences(text):
            start = after_heading(text, first, end - 1)
            if len(text[start:end].split()) >= MIN_WORDS:
                found.append((candidate, start, before_number(text, start, end)))
    texts = [candidate.passage.text[start:end] for candidate, start, end in found]
    vectors = encoder.encode([question, *texts])
    best: tuple[float, float, Candidate | None] = float("-inf"), -1.0, None
    for (candidate, start, end), vector in zip(found, vectors[1:], strict=True):
        similarity = float(vector @ vectors[0])
        first = candidate.start - candidate.passage.start
        holds = start <= first and candidate.end - candidate.passage.start <= end
        score = candidate.margin + SIMILARITY_LOGITS * similarity - (0.0 if holds else NO_SPAN_LOGITS)
        if score > best[0]:
            best = score, similarity, candidate if holds else _sentence(candidate, start, end)
    return best[2], best[1]


def _sentence(candidate: Candidate, start: int, end: int) -> Candidate:
    """A candidate whose answer is a sentence of the same passage, offsets in the passage."""
    text = candidate.passage.text
    if end - start > MAX_CHARS:
        cut = text.rfind(" ", start + MAX_CHARS // 2, start + MAX_CHARS)
        end = cut if cut > 0 else start + MAX_CHARS
        end = start + len(text[start:end].rstrip())
    shift = candidate.passage.start
    return replace(candidate, start=shift + start, end=shift + end)
