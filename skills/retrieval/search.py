"""One question on one shelf: candidates by words and by meaning, fused. SQL and numpy.

Words: BM25 of FTS5. Meaning: the nearest vectors by their signs alone (sqlite-vec reads 48 bytes
a passage), then the exact cosine of everything either search brought up. What a search costs is
bounded, whatever is asked and however large the shelf is; see the constants.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from skills.retrieval.database import TOKENIZER, Damage
from skills.retrieval.fusion import SIMILARITY_WEIGHT, fused_score, idf, most_bm25, word_share
from skills.retrieval.words import informative_words
from skills.runtime import encodable

FloatArray = NDArray[np.float32]

#: Passages that BM25 is reckoned for; each costs about a microsecond. They are those that hold any
#: of the question's rarest words: one that holds only its frequent words is hardly ever right. The
#: rarest alone may stand in three times as many; beyond that, only what is near in meaning is scored.
#: Measured as shares of SQuAD's paragraphs, both bounds cost no recall.
MAX_SCORED = 4_000
#: Passages that all words of a question together may match, which costs a fifth of that each; the
#: most frequent words beyond it do not count.
MAX_MATCHES = 40_000
#: Candidates that each of the two searches brings up. From 32 to 64 recall is the same.
N_CANDIDATES = 40


@dataclass(frozen=True)
class Hit:
    """A passage that was found.

    Attributes:
        passage_id: its row.
        score: see ``fusion.fused_score``.
        similarity: cosine, in [-1, 1].
        share: see ``fusion.word_share``.
    """

    passage_id: int
    score: float
    similarity: float
    share: float


class Stemmer:
    """Words as the index has them: folded to small letters, without accents and English endings."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._tokenizer = connection.fts5_tokenizer(TOKENIZER[0], list(TOKENIZER[1:]))

    def __call__(self, text: str) -> list[str]:
        """Stems of a text's words, in order."""
        found: Any = self._tokenizer(
            encodable(text).encode(),
            apsw.FTS5_TOKENIZE_DOCUMENT,
            None,
            include_offsets=False,
            include_colocated=False,
        )
        return list(found)


def search(
    connection: apsw.Connection,
    question: str,
    vector: FloatArray,
    k: int,
    similarity_weight: float = SIMILARITY_WEIGHT,
) -> list[Hit]:
    """The ``k`` passages of a shelf that fit a question best.

    Args:
        connection: of ``database.reading``.
        question: complete in itself.
        vector: its embedding, of length 1, shape (n_dimensions,).
        k: how many at the most.
        similarity_weight: see ``fusion.fused_score``.

    Returns:
        hits, best first; ties in the order in which they were added.
    """
    near = _nearest(connection, vector)
    shares = _shares(connection, question, near)
    similarities = _similarities(connection, vector, {*near, *shares})
    hits = [
        Hit(i, fused_score(similarity, shares.get(i, 0.0), similarity_weight), similarity, shares.get(i, 0.0))
        for i, similarity in similarities.items()
    ]
    hits.sort(key=lambda hit: (-hit.score, hit.passage_id))
    return hits[:k]


def pack_signs(vectors: FloatArray) -> NDArray[np.uint8]:
    """Signs of vectors as bits, shape (..., n_dimensions / 8)."""
    return np.packbits(vectors > 0.0, axis=-1, bitorder="little")


def pack_vectors(vectors: FloatArray) -> NDArray[np.int8]:
    """Vectors as int8, each stretched over the whole range; their cosines stay within 0.003."""
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    packed: NDArray[np.int8] = np.round(vectors * (127.0 / np.maximum(largest, 1e-12))).astype(np.int8)
    return packed


def _nearest(connection: apsw.Connection, vector: FloatArray) -> list[int]:
    rows = connection.execute(
        "SELECT rowid FROM passage_vectors WHERE signs MATCH vec_bit(?) AND k = ?",
        (pack_signs(vector).tobytes(), N_CANDIDATES),
    )
    return [row[0] for row in rows]


_SHARES = """
WITH chosen AS MATERIALIZED (
    SELECT rowid AS id FROM passage_words WHERE passage_words MATCH :rare
    UNION SELECT value FROM json_each(:also)
), scored AS MATERIALIZED (
    -- "+" keeps the index from being searched anew for each of the chosen
    SELECT rowid AS id, -bm25(passage_words) AS value FROM passage_words
    WHERE passage_words MATCH :words AND +rowid IN chosen
)
SELECT id, value FROM (SELECT id, value FROM scored ORDER BY value DESC, id LIMIT :n)
UNION SELECT id, value FROM scored WHERE id IN (SELECT value FROM json_each(:also))
"""


@dataclass(frozen=True)
class _Words:
    """The words of a question that are searched for.

    Attributes:
        rare: any of which a passage has to hold to be looked at for its words; may be empty.
        every: that count for a passage's BM25, the rare ones first.
        most: what BM25 could be at the most.
    """

    rare: tuple[str, ...]
    every: tuple[str, ...]
    most: float


def _shares(connection: apsw.Connection, question: str, also: Sequence[int]) -> dict[int, float]:
    """``word_share`` of the best passages by BM25, and of those of ``also`` that hold any of the words."""
    words = _affordable_words(connection, question)
    if not words.every:
        return {}
    rows = connection.execute(
        _SHARES,
        {
            "rare": _any_of(words.rare),
            "words": _any_of(words.every),
            "also": json.dumps(also),
            "n": N_CANDIDATES,
        },
    )
    return {passage_id: word_share(value, words.most) for passage_id, value in rows}


def _any_of(words: Sequence[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words) or '""'


def _affordable_words(connection: apsw.Connection, question: str) -> _Words:
    """The question's words, rarest first, up to the bounds.

    Words that stand nowhere count towards the most that BM25 could be: a question about what the
    shelf does not mention shall not score as if it had not asked for it.
    """
    stemmer = Stemmer(connection)
    n_passages = int(connection.execute("SELECT total(n_passages) FROM documents").get)
    frequencies: dict[tuple[str, ...], tuple[int, str]] = {}
    for word in informative_words(question):
        # more than one of "max_retries", which at most as many hold as its rarest
        stems = tuple(stemmer(word))
        if stems and stems not in frequencies:
            frequencies[stems] = (min(_n_holding(connection, stem) for stem in stems), word)
    idfs: list[float] = []
    rare: list[str] = []
    every: list[str] = []
    n_matches = 0
    for holding, word in sorted(frequencies.values()):
        n_matches += holding
        if n_matches > MAX_MATCHES:
            break
        idfs.append(idf(n_passages, holding))
        if holding:
            every.append(word)
            if n_matches <= (MAX_SCORED if rare else 3 * MAX_SCORED):
                rare.append(word)
    return _Words(tuple(rare), tuple(every), most_bm25(idfs))


def _n_holding(connection: apsw.Connection, stem: str) -> int:
    return connection.execute("SELECT doc FROM passage_vocabulary WHERE term = ?", (stem,)).get or 0


def _similarities(connection: apsw.Connection, vector: FloatArray, passage_ids: set[int]) -> dict[int, float]:
    rows: list[Any] = connection.execute(
        "SELECT id, embedding FROM passages WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(passage_ids)),),
    ).fetchall()
    if not rows:
        return {}
    if {len(row[1]) for row in rows} != {len(vector)} or len(rows) != len(passage_ids):
        raise Damage("a passage that was found has no vector")
    packed = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.int8)
    vectors = packed.reshape(len(rows), -1).astype(np.float32)
    cosines = vectors @ vector / np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    return dict(zip([row[0] for row in rows], np.clip(cosines, -1.0, 1.0).tolist(), strict=True))
