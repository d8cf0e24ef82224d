"""Trains the utterance classifier: small talk, or something that documents should tell.

    python -m skills.utterance_training SQUAD_FOLDER SMALL_TALK.txt

SQUAD_FOLDER is that of the reader's training, of which the ``train*`` files' questions are taken;
SMALL_TALK.txt holds an utterance a line (``python -m skills.generation.small_talk.lines`` makes it).
Written are the weights that :mod:`skills.utterances` reads, in place of those that ship; printed is what
their card quotes.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from skills.asking import asks
from skills.command import exit_status
from skills.generation.small_talk.dataset import own_exchanges
from skills.qa.dataset import questions_of
from skills.qa.everyday.texts import DOCUMENTS, read_texts
from skills.retrieval.encoder import SentenceEncoder
from skills.utterances import WEIGHTS, addresses, gram_hash, grams

#: How people ask a document for a thing, beside SQuAD's who, what and when.
FORMS = (
    "{}",
    "{}?",
    "{} please",
    "is there a {}?",
    "are there any {}?",
    "is {} included?",
    "is {} allowed?",
    "is {} mentioned?",
    "can i use {}?",
    "can i keep {}?",
    "can i put up {}?",
    "can i change {}?",
    "can my friend use {}?",
    "can you take back {}?",
    "may i bring {}?",
    "may i keep {} here?",
    "do i need {}?",
    "do i need to tell you about {}?",
    "do i have to pay {}?",
    "do we have {}?",
    "do you allow {}?",
    "do you offer {}?",
    "do you need {} from me?",
    "does it cover {}?",
    "does it say anything about {}?",
    "what about {}",
    "what if i lose {}?",
    "what happens if i break {}?",
    "what happens without {}?",
    "what must i do with {}?",
    "what should i write about {}?",
    "when do i get {}?",
    "when is {} due?",
    "when can you end {}?",
    "where do i put {}?",
    "who pays for {}?",
    "who do i call about {}?",
    "how do i get {}?",
    "how do i reach {}?",
    "what do you charge for {}?",
    "how much is {}?",
    "tell me about {}",
    "must there be {}?",
    "am i allowed to have {}?",
    "should i ask for {}?",
    "will {} be paid?",
    "has {} been agreed?",
    "can they change {}?",
    "explain {}",
)
#: How people ask documents about themselves and in few words, beside what they ask of the everyday documents
#: (``skills.qa.everyday``); SQuAD has none of it. Written for this.
PERSONAL = Path(__file__).with_name("personal_questions.txt")
#: What no document tells: here and now, errands, the program itself. Many stand against one of the others:
#: "What time is it?" and "What time is check-in?". Written for this.
SAID_TO_A_PROGRAM = Path(__file__).with_name("said_to_a_program.txt")
#: Most texts of either kind.
N_TEXTS = 8000
#: What was written for this, and what is said to a program, counts so many times: it is little.
OWN_WEIGHT = 5.0
#: And what is asked of the everyday documents so many times: it is more.
EVERYDAY_WEIGHT = 3.0
#: Words, alone or in a row, that stand in fewer texts have no weight.
MIN_TEXTS = 3


def impersonal_questions(squad: Path, n: int, draw: random.Random) -> list[str]:
    """At most ``n`` questions: half of them people's, half made of answers' words by :data:`FORMS`."""
    rows = questions_of(squad, "train")
    questions = sorted({question for _, question, _, _ in rows})
    things = sorted({a for _, _, answers, _ in rows for a in answers if len(a.split()) <= 3})
    asked = [draw.choice(FORMS).format(thing.lower()) for thing in things]
    half = min(len(asked), n // 2)
    return draw.sample(questions, min(n - half, len(questions))) + draw.sample(asked, half)


def everyday_questions() -> list[str]:
    """What is asked of the everyday documents."""
    asked = (question.text for document in read_texts(DOCUMENTS) for question in document.questions)
    return list(dict.fromkeys(asked))


def said_to_quoth() -> list[str]:
    """What is said to a program: in Quoth's own exchanges, without what a document might tell, and beside."""
    own = (
        exchange.utterance for of_place in own_exchanges().values() for talk in of_place for exchange in talk
    )
    talked = (said for said in own if addresses(said) or not asks(said))
    return list(dict.fromkeys([*talked, *SAID_TO_A_PROGRAM.read_text("utf-8").splitlines()]))


def train(encoder: SentenceEncoder, squad: Path, small_talk: Sequence[str], weights: Path = WEIGHTS) -> str:
    """Fit the classifier and write it.

    Args:
        encoder: of the retrieval.
        squad: folder with SQuAD-format files.
        small_talk: utterances of people.
        weights: folder of the result.

    Returns:
        a line on the numbers of texts and the accuracy on a held-out fifth.

    Raises:
        ConfigurationError: if the folder has no such files.
    """
    draw = random.Random(0)  # noqa: S311
    questions = impersonal_questions(squad, min(N_TEXTS, len(small_talk)), draw)
    talk = draw.sample(list(small_talk), min(len(questions), len(small_talk)))
    own, personal, everyday = said_to_quoth(), PERSONAL.read_text("utf-8").splitlines(), everyday_questions()
    kinds = [len(questions), len(everyday), len(personal), len(talk), len(own)]
    labels = np.repeat([0, 0, 0, 1, 1], kinds)
    counts = np.repeat([1.0, EVERYDAY_WEIGHT, OWN_WEIGHT, 1.0, OWN_WEIGHT], kinds)
    texts = [*questions, *everyday, *personal, *talk, *own]
    known = _common_grams(texts)
    features = hstack([csr_matrix(encoder.encode(texts)), _of_words(texts, known)]).tocsr()
    held_out = np.arange(len(labels)) % 5 == 0
    model = LogisticRegression(C=10.0, max_iter=2000)
    model.fit(features[~held_out], labels[~held_out], counts[~held_out])
    accuracy = model.score(features[held_out], labels[held_out])
    model.fit(features, labels, counts)
    n_embedding = features.shape[1] - len(known)
    weights.mkdir(parents=True, exist_ok=True)
    tensors = {
        "weight": model.coef_[0, :n_embedding].astype(np.float16),
        "bias": model.intercept_.astype(np.float16),
        "gram_hashes": np.array(known, np.uint32),
        "gram_weights": model.coef_[0, n_embedding:].astype(np.float16),
    }
    save_file(tensors, weights / "model.safetensors")
    return (
        f"{len(questions):,} questions, {len(everyday):,} of everyday documents, {len(personal)} more as "
        f"people type them, {len(talk):,} utterances of small talk, {len(own)} said to Quoth; accuracy on a "
        f"held-out fifth {accuracy:.4f}"
    )


def _common_grams(texts: Sequence[str]) -> list[int]:
    """Hashes of what stands in :data:`MIN_TEXTS` texts or more, rising."""
    found = Counter(hashed for text in texts for hashed in set(map(gram_hash, grams(text))))
    return sorted(hashed for hashed, n in found.items() if n >= MIN_TEXTS)


def _of_words(texts: Sequence[str], known: Sequence[int]) -> csr_matrix:
    """A row a text, a column one of the known: one by the root of how many a text has, or nothing."""
    column = {hashed: n for n, hashed in enumerate(known)}
    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        found = grams(text)
        for hashed in map(gram_hash, found):
            if hashed in column:
                rows.append(row)
                columns.append(column[hashed])
                values.append(1.0 / math.sqrt(len(found)))
    return csr_matrix((values, (rows, columns)), shape=(len(texts), len(known)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and print."""
    parser = argparse.ArgumentParser(prog="python -m skills.utterance_training")
    parser.add_argument("squad", type=Path, help="folder with SQuAD-format files")
    parser.add_argument("small_talk", type=Path, help="text file, an utterance a line")
    asked = parser.parse_args(arguments)

    def work() -> None:
        lines = [line for line in asked.small_talk.read_text("utf-8").splitlines() if line.strip()]
        print(train(SentenceEncoder(), asked.squad, lines))

    return exit_status(work)


if __name__ == "__main__":
    sys.exit(main())
