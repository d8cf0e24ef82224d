"""The words of a question that say what it is about. Pure: knows no index.

English and Russian stop words are left out; the index leaves out further ones by how often they
occur on the shelf. Everything else counts, numbers and names above all.
"""

from __future__ import annotations

import re

#: Distinct words of a question that are searched for at the most.
MAX_WORDS = 32

_WORD = re.compile(r"\w+")

# "s", "isn" and the like are what apostrophes leave.
_ENGLISH = """
a about above after again against all also am an and any are as at be because been before being below
between both but by can cannot could d did do does doing don down during each either else ever every few
for from further get give given gives got had has have having he her here hers herself him himself his
how however i if in into is it its itself just let like ll m many may me might more most much must my
myself neither no nor not now of off on once one only or other our ours ourselves out over own please
re s same shall she should so some such t tell than that the their theirs them themselves then there
these they this those though through to too under until up upon us ve very was we were what when where
whether which while who whom whose why will with within without would yes yet you your yours yourself
yourselves isn aren wasn weren doesn didn hasn hadn couldn wouldn shouldn mustn arent werent hasnt havent
hadnt shouldnt mustnt youre theyre called know known mean means say says said show explain describe
"""
_RUSSIAN = """
а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его
ее её если есть еще ещё же за здесь и из или им их к как какая какие какой каком какую когда кого кому
которая которые который кто ли либо мне может мы на над надо наш не него нее ней нет ни них но ну о об
однако он она они оно от очень по под после при про расскажи с сколько со так также такой там те тем то
того тоже той только том ты у уже хотя чего чей чем что чтобы чьё чья эта эти это этого этой этом этот я
"""


def word_set(words: str) -> frozenset[str]:
    """The words of a table as it is easiest to read: one text."""
    return frozenset(words.split())


#: What people type without its apostrophe, and with it; none of these says what a question is about.
APOSTROPHES = {
    **{f"{word}s": f"{word}'s" for word in ("what", "who", "where", "when", "how", "that")},
    **{
        f"{word}nt": f"{word}n't"
        for word in ("do", "does", "did", "is", "are", "was", "ca", "wo", "could", "would")
    },
    "im": "i'm",
}
STOP_WORDS = word_set(f"{_ENGLISH} {_RUSSIAN}").union(APOSTROPHES)
#: Stop words that are names where they are written so and do not begin a sentence.
NAMES_TOO = word_set("May Will US IT WHO")


def is_stop_word(word: str) -> bool:
    """Whether a word says nothing of what a question is about: "what", and "what's", "i'm", "isn't", too."""
    word = word.casefold().replace("’", "'")
    before, apostrophe, _ = word.partition("'")
    if not apostrophe:
        return word in STOP_WORDS
    return word.endswith("n't") or ((len(before) > 1 or before == "i") and before in STOP_WORDS)  # no d'Arcy


def informative_words(question: str) -> list[str]:
    """Words of a question that are worth searching for, each once, in order, as they were written.

    Falls back to all words where every one is a stop word ("To be or not to be"). Of a long message, the
    words of its beginning and of its end: there it asks.
    """
    words = enumerate(_WORD.findall(question))
    # "in May" and "in the US" are no stop words
    every = [(word if n and word in NAMES_TOO else word.casefold(), word) for n, word in words]
    kept = [(key, word) for key, word in every if key not in STOP_WORDS] or every
    first = dict(reversed(kept))  # as each was written first
    keys = list(dict.fromkeys(key for key, _ in kept))
    if len(keys) > MAX_WORDS:
        last = dict.fromkeys(key for key, _ in reversed(kept))
        begin = keys[: MAX_WORDS // 2]
        end = [key for key in last if key not in begin][: MAX_WORDS - len(begin)]
        keys = begin + end[::-1]
    return [first[key] for key in keys]
