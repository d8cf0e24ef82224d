"""One question on one shelf: candidates by words and by meaning, fused. SQL and numpy.

Words: BM25 of FTS5. Meaning: the nearest vectors by their signs alone (sqlite-vec reads 48 bytes
a passage), then the exact cosine of everything either search brought up. What a search costs is
bounded: words that stand in too many passages are left out, so that no more than
``MAX_MATCHES`` passages are ever scored.
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

FloatArray = NDArray[np.float32]

#: Passages that the words of one question may match, summed over the words; each costs about a
#: microsecond. On 100,000 passages most questions stay below; leaving out the most frequent words of
#: the others costs no recall (with half of it, it costs 1 % of recall@5).
MAX_MATCHES = 20_000
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
            text.encode("utf-8", "replace"),
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


def _shares(connection: apsw.Connection, question: str, also: Sequence[int]) -> dict[int, float]:
    """``word_share`` of the best passages by BM25, and of those of ``also`` that hold any of the words."""
    words, most = _affordable_words(connection, question)
    if not words:
        return {}
    rows = connection.execute(
        """
        WITH matches AS MATERIALIZED (
            SELECT rowid AS id, -bm25(passage_words) AS value FROM passage_words WHERE passage_words MATCH ?
        )
        SELECT id, value FROM (SELECT id, value FROM matches ORDER BY value DESC, id LIMIT ?)
        UNION
        SELECT id, value FROM matches WHERE id IN (SELECT value FROM json_each(?))
        """,
        (" OR ".join(f'"{word}"' for word in words), N_CANDIDATES, json.dumps(also)),
    )
    return {passage_id: word_share(value, most) for passage_id, value in rows}


def _affordable_words(connection: apsw.Connection, question: str) -> tuple[list[str], float]:
    """The question's rarest words up to the bound on matches, and the most that BM25 could give.

    Words that stand nowhere count towards the most: a question about what the shelf does not
    mention shall not score as if it had not asked for it.
    """
    stemmer = Stemmer(connection)
    n_passages = connection.execute("SELECT total(n_passages) FROM documents").get
    frequencies: dict[str, tuple[int, str]] = {}
    for word in informative_words(question):
        stems = stemmer(word)
        if stems:
            holding = connection.execute("SELECT doc FROM passage_vocabulary WHERE term = ?", (stems[0],)).get
            frequencies[stems[0]] = (holding or 0, word)
    idfs, words, n_matches = [], [], 0
    for holding, word in sorted(frequencies.values()):
        n_matches += holding
        if n_matches > MAX_MATCHES:
            break
        idfs.append(idf(int(n_passages), holding))
        if holding:
            words.append(word)
    return words, most_bm25(idfs)


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
