"""The conversations that small talk is learnt from: DeepPavlov's reader and iterator.

Two sources: a file of conversations between people, which teaches what one says to each other, and
Quoth's own exchanges (``persona.jsonl``), which teach who is talking. The latter are joined at random
to conversations of their own, so that each epoch has others.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from deeppavlov.core.data.data_learning_iterator import DataLearningIterator
from deeppavlov.core.data.dataset_reader import DatasetReader

from skills.batching import PooledBatches, seed_of, spread
from skills.errors import InputError
from skills.generation.small_talk.conversations import (
    Conversation,
    Exchange,
    exchanges,
    merged,
    messages_of,
    unfit,
    windows,
)

Example = tuple[Conversation, str]

PERSONA = Path(__file__).resolve().parent / "persona.jsonl"
FILE = "dataset.json"
#: One conversation in so many is held out.
_VALID_EVERY = 12
_MAX_BYTES = 200_000_000


class SmallTalkReader(DatasetReader):
    """Conversations in the format of the package chitchat-dataset, sifted and split by conversation."""

    def read(self, data_path: str, n_exchanges: int | str = 4) -> dict[str, list[Example]]:
        """Read a file of conversations.

        Args:
            data_path: the file, or a folder with ``dataset.json``: an object whose values have
                ``messages``, lists of messages with ``text`` and ``sender``.
            n_exchanges: most exchanges of an example.

        Returns:
            ``train`` and ``valid`` (and an empty ``test``), pairs of a conversation and "".

        Raises:
            InputError: if there is no such file, or something else in it.
        """
        read: dict[str, list[Example]] = {"train": [], "valid": [], "test": []}
        for key, messages in conversations_of(data_path):
            if not unfit([text for _, text in messages]):
                kind = "train" if zlib.crc32(key.encode()) % _VALID_EVERY else "valid"
                made = exchanges(merged(messages))
                read[kind] += [(window, "") for window in windows(made, int(n_exchanges))]
        return read


def conversations_of(data_path: str | Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """The conversations of a file as they stand there: key, and sender and text of each message.

    Args:
        data_path: the file, or its folder.

    Raises:
        InputError: if there is no such file, or something else in it.
    """
    path = Path(data_path).expanduser()
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"no conversations at {file}: expected the {FILE} of chitchat-dataset, or its folder"
        )
    if file.stat().st_size > _MAX_BYTES:
        raise InputError(f"{file} is larger than {_MAX_BYTES} bytes")
    try:
        found = json.loads(file.read_text("utf-8"))
        return [(key, messages_of(conversation["messages"])) for key, conversation in found.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file} is not the {FILE} of chitchat-dataset: expected an object of conversations with "
            f"messages ({type(error).__name__})"
        ) from error


class SmallTalkIterator(PooledBatches, DataLearningIterator):
    """Batches in which people's conversations and Quoth's own come in turn.

    Args:
        data: what the reader gave.
        persona_share: share of the examples that are Quoth's own, in [0, 1).
        n_exchanges: most exchanges of one of Quoth's own.
        n_valid: conversations to validate on at most.
        seed: of every random choice.
        pool: how many batches are sorted by length together.
    """

    def __init__(
        self,
        data: dict[str, list[Example]],
        persona_share: float | str = 0.5,
        n_exchanges: int | str = 5,
        n_valid: int | str = 24,
        seed: int | str | None = None,
        pool: int = 16,
        **kwargs: Any,
    ) -> None:
        share = float(persona_share)  # a variable from the environment is a string
        if not 0 <= share < 1:
            raise InputError(f"persona_share expects a number from 0 to below 1; got {persona_share!r}")
        self.n_exchanges = int(n_exchanges)
        self.n_own = round(len(data["train"]) * share / (1 - share))
        self.seed = seed_of(seed)
        self.pool = pool
        self.own = own_exchanges()
        some = list(spread(data.get("valid", []), int(n_valid)))
        super().__init__({**data, "valid": some}, seed, **kwargs)

    def epoch_examples(self, random: Random) -> list[Example]:
        """People's conversations, and Quoth's own joined anew."""
        own = joined(self.own, self.n_own, self.n_exchanges, random)
        return [*self.train, *((conversation, "") for conversation in own)]

    def length_of(self, example: Example) -> int:
        """Characters of a conversation."""
        return sum(len(exchange.utterance) + len(exchange.reply) for exchange in example[0])

    def n_batches(self, batch_size: int) -> int:
        """How many batches an epoch of training has."""
        return -(-(len(self.train) + self.n_own) // batch_size)


def own_exchanges(file: Path = PERSONA) -> dict[str, list[Conversation]]:
    """Quoth's own exchanges, by where in a conversation they stand: ``start``, ``any``, ``end``."""
    found: dict[str, list[Conversation]] = {"start": [], "any": [], "end": []}
    for line in file.read_text("utf-8").splitlines():
        entry = json.loads(line)
        turns = entry["turns"]
        pairs = zip(turns[::2], turns[1::2], strict=True)
        found[entry["place"]].append(tuple(Exchange(utterance, reply) for utterance, reply in pairs))
    return found


def joined(
    own: dict[str, list[Conversation]], n: int, n_exchanges: int, random: Random
) -> Iterator[Conversation]:
    """Conversations of Quoth's own, joined from short ones; each comes about as often as the others.

    Args:
        own: by place.
        n: how many.
        n_exchanges: most exchanges of one; what goes beyond it begins the next.
        random: of every choice.
    """
    rounds: dict[str, list[Conversation]] = {place: [] for place in own}

    def draw(place: str) -> Conversation:
        if not rounds[place]:
            rounds[place] = random.sample(own[place], len(own[place]))
        return rounds[place].pop()

    for _ in range(n):
        made: Conversation = draw("start") if random.random() < 0.4 else ()
        ending = draw("end") if random.random() < 0.25 else ()
        while True:
            following = draw("any")
            if (made or ending) and len(made) + len(following) + len(ending) > n_exchanges:
                rounds["any"].append(following)
                break
            made += following
        yield made + ending
