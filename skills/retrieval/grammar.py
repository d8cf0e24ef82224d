"""What rules on questions know of English grammar: its closed classes of words, and participles. Pure."""

from __future__ import annotations

from skills.retrieval.words import word_set

BE = word_set("is are was were be been")
HAVE = word_set("has have had")
MODAL = word_set("will would can could may might must shall should")
_SHORTENED = {"wo": "will", "ca": "can", "sha": "shall"}  # before "n't"
AUXILIARIES = BE | HAVE | MODAL | word_set("do does did")
#: Those that can stand before a subject: "Is it", "does it".
FINITE = AUXILIARIES - word_set("be been")
DETERMINERS = word_set(
    """the a an my our your his her its their this that these those all any both each every some no other"""
)
#: Prepositions that are no stop words.
MEASURES = word_set("per via since")

_IRREGULAR = word_set(
    """due paid done made used kept held sent sold told built bought found left lost meant met read said set
    put let cut shut spent taught won laid lent led caught brought begun written taken given broken chosen
    driven eaten fallen forbidden forgotten frozen hidden known proven seen shown spoken stolen torn worn"""
)
_NOUNS_IN_ED = word_set("hundred breed speed bleed")


def is_participle(word: str) -> bool:
    """Whether a word after "to be" says what is done to something ("included", "due"), by its ending."""
    word = word.casefold()
    return word in _IRREGULAR or (len(word) > 4 and word.endswith("ed") and word not in _NOUNS_IN_ED)


def without_not(word: str) -> str:
    """An auxiliary without its "n't", in small letters; other words only in small letters."""
    word = word.casefold().replace("’", "'")
    bare = word.removesuffix("n't") if "'" in word else word.removesuffix("nt")
    bare = _SHORTENED.get(bare, bare) if bare != word else word
    return bare if bare in AUXILIARIES else word
