"""How often retrieval finds the right passage for a follow-up question, with and without completing it.

    python -m benchmarks.follow_ups

Short texts and two-turn conversations of our own writing. The texts come in groups that say the
same kinds of things about different people, places and things, so that a follow-up by itself
("When did she die?") fits several of them equally well.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from skills.dialog import Document, Knowledge, Turn
from skills.retrieval.question import complete_question
from skills.retrieval.retriever import Retriever
from skills.retrieval.updating import Encoder, add_document

TEXTS: dict[str, str] = {
    "hallberg life": (
        "Ada Hallberg was born in Tromvik in 1871, the third daughter of a ship's chandler. She was taught "
        "at home, learned four languages and married the printer Olaf Dahl in 1899. She died of pneumonia "
        "in 1932 and was buried in her home town."
    ),
    "hallberg work": (
        "Ada Hallberg was the first to measure how fast the Sulvar glacier moves, with iron stakes and a "
        "theodolite, over eleven winters. Her book Rivers of Ice appeared in 1908 and was translated into "
        "Russian. For it she was given the gold medal of the Tern Society."
    ),
    "reyl life": (
        "Tomas Reyl was born in Castel Rovo in 1840. His father was a bell founder who wanted a soldier for "
        "a son. He never married, lived with his sister Clara, and died in a railway accident in 1889."
    ),
    "reyl work": (
        "Tomas Reyl wrote nine symphonies, of which the fourth, called The Mill, is still played. He "
        "conducted the first performance himself in Dunmarrow, where the audience walked out. His opera was "
        "never finished."
    ),
    "corvo life": (
        "Ines Corvo was born in Port Ellery in 1902 and studied at the technical school there, the only "
        "woman in her year. She had two sons. She died in 1977 after a long illness."
    ),
    "corvo work": (
        "Ines Corvo designed the dam at Lake Amsel, 94 metres high, and eleven smaller ones. She refused to "
        "use the cheaper cement that the ministry offered, which delayed the work by two years."
    ),
    "vane life": (
        "Marguerite Vane was born in Dunmarrow in 1855 to a family of dyers. She went to sea disguised as a "
        "cabin boy and came back at twenty. She died in 1931, at her desk."
    ),
    "vane work": (
        "Marguerite Vane discovered the yellow pigment that bears her name while she was trying to make a "
        "medicine for gout. She sold the patent for a horse and a year's rent, and never regretted it."
    ),
    "port ellery": (
        "Port Ellery is a harbour town of 31,000 people on the south coast. Its mayor is Paul Quist. Most "
        "people work in the shipyards or in the canning factory, and a ferry leaves for the islands at six."
    ),
    "dunmarrow": (
        "Dunmarrow is a hill town of 12,400 people, known for wool. Its mayor is Greta Lund. Visitors come "
        "for the market on Thursdays and for the thirteenth-century walls."
    ),
    "castel rovo": (
        "Castel Rovo, a town of 8,900 people, lies where two rivers meet. Its mayor is Enzo Bari. It was "
        "flooded in 1953 and rebuilt a kilometre further up the slope."
    ),
    "tromvik": (
        "Tromvik is a fishing village of 640 people beyond the polar circle. It has no mayor but a council "
        "of five. In winter the sun stays below the horizon for fifty days."
    ),
    "halden bridge": (
        "The Halden Bridge was opened in 1911 and carries two railway tracks. It was built by the firm of "
        "Brunner and Sons for 2.1 million crowns, and is painted every seven years."
    ),
    "amsel dam": (
        "The Amsel Dam was finished in 1951 and cost 38 million crowns. It holds back 210 million cubic "
        "metres and supplies power to the whole of the southern province."
    ),
    "quay tunnel": (
        "The Quay Tunnel was opened in 1988 and is 1,900 metres long. It was built by the Harbour Company "
        "for 450 million crowns and is closed for cleaning on the first Sunday of each month."
    ),
    "brix 300": (
        "The Brix 300 coffee machine comes with a warranty of three years. The warranty covers the pump and "
        "the boiler, and does not cover seals and scale. It weighs 9.5 kilograms and holds 1.8 litres of "
        "water."
    ),
    "lumo desk": (
        "The Lumo desk lamp comes with a warranty of five years. The warranty covers the driver and the "
        "hinge, and does not cover the shade. It weighs 2.1 kilograms and draws 8 watts."
    ),
    "kestrel bicycle": (
        "The Kestrel folding bicycle comes with a warranty of ten years on the frame and one year on the "
        "tyres. It weighs 11.3 kilograms, folds in twelve seconds and fits into a luggage rack."
    ),
    "lease": (
        "The lease of the flat runs for twenty-four months. The rent is 940 a month, due on the third "
        "working day. The tenant may keep one cat but no dog. Notice is to be given three months ahead, in "
        "writing."
    ),
    "parking": (
        "The contract for the parking space runs for twelve months. The rent is 65 a month, due on the "
        "fifteenth. Notice is to be given four weeks ahead. The space may not be sublet."
    ),
    "gym": (
        "Membership of the gym runs for six months and costs 39 a month, due on the first. Notice is to be "
        "given two weeks ahead by e-mail. Members may bring a guest on Sundays."
    ),
    "tern society": (
        "The Tern Society was founded in 1880 by seven geographers. It has about 1,200 members, meets in "
        "Port Ellery every May, and publishes a yearbook. Its president is Lena Orlik."
    ),
    "wool guild": (
        "The Wool Guild was founded in 1322 by the weavers of the town. It has 86 members and meets on the "
        "eve of the market. Its president is Hugo Stam, a dyer."
    ),
    "photosynthesis": (
        "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. It takes place in the "
        "chloroplasts of leaves, and stops when the leaf is too hot or too dry."
    ),
    "fermentation": (
        "Fermentation turns sugar into alcohol and carbon dioxide without oxygen. It takes place in yeast, "
        "and stops when the alcohol reaches about fifteen per cent."
    ),
    "sourdough": (
        "For a sourdough loaf mix 500 grams of flour with 350 grams of water, 100 grams of starter and 10 "
        "grams of salt. Bake it at 230 degrees for 45 minutes, the first 20 under a lid."
    ),
    "shortbread": (
        "For shortbread rub 200 grams of butter into 300 grams of flour and 100 grams of sugar. Bake it at "
        "160 degrees for 35 minutes, until the edges colour."
    ),
}

#: First question, its answer, the follow-up, the text that answers the follow-up.
DIALOGS: tuple[tuple[str, str, str, str], ...] = (
    ("Where was Ada Hallberg born?", "Tromvik", "When did she die?", "hallberg life"),
    ("Who was the first to measure the Sulvar glacier?", "Ada Hallberg",
     "Who did she marry?", "hallberg life"),
    ("When was Ada Hallberg's book published?", "1908", "And what medal was she given?", "hallberg work"),
    ("What did Tomas Reyl write?", "nine symphonies", "And how did he die?", "reyl life"),
    ("Who wrote The Mill?", "Tomas Reyl", "What did his father do?", "reyl life"),
    ("When was Tomas Reyl born?", "1840", "Did he have a sister?", "reyl life"),
    ("Where was Ines Corvo born?", "Port Ellery", "What did she design?", "corvo work"),
    ("Who designed the dam at Lake Amsel?", "Ines Corvo", "How many children did she have?", "corvo life"),
    ("Who discovered a yellow pigment?", "Marguerite Vane", "When was she born?", "vane life"),
    ("Where was Marguerite Vane born?", "Dunmarrow", "What did she discover?", "vane work"),
    ("When did Marguerite Vane die?", "1931", "And Ines Corvo?", "corvo life"),
    ("When did Ada Hallberg die?", "1932", "What about Tomas Reyl?", "reyl life"),
    ("How many people live in Dunmarrow?", "12,400", "And in Castel Rovo?", "castel rovo"),
    ("Who is the mayor of Port Ellery?", "Paul Quist", "And of Dunmarrow?", "dunmarrow"),
    ("How many people live in Port Ellery?", "31,000", "Who is its mayor?", "port ellery"),
    ("Where was Tomas Reyl born?", "Castel Rovo", "How many people live there?", "castel rovo"),
    ("Where was Ada Hallberg born?", "Tromvik", "How many people live there?", "tromvik"),
    ("What is Castel Rovo?", "a town of 8,900 people", "When was it flooded?", "castel rovo"),
    ("Who built the Halden Bridge?", "Brunner and Sons", "How much did it cost?", "halden bridge"),
    ("When was the Quay Tunnel opened?", "1988", "How long is it?", "quay tunnel"),
    ("How much did the Amsel Dam cost?", "38 million crowns", "And the Quay Tunnel?", "quay tunnel"),
    ("When was the Halden Bridge opened?", "1911", "And who built it?", "halden bridge"),
    ("When was the Amsel Dam finished?", "1951", "What does it supply?", "amsel dam"),
    ("How long is the warranty of the Brix 300?", "three years", "What does it cover?", "brix 300"),
    ("How long is the warranty of the Lumo desk lamp?", "five years", "How much does it weigh?", "lumo desk"),
    ("How much does the Brix 300 weigh?", "9.5 kilograms", "And the Kestrel?", "kestrel bicycle"),
    ("How long is the warranty of the bicycle?", "ten years",
     "How long does folding it take?", "kestrel bicycle"),
    ("How long does the lease of the flat run?", "twenty-four months", "When is the rent due?", "lease"),
    ("How long does the lease run?", "twenty-four months",
     "And the contract for the parking space?", "parking"),
    ("What does the gym membership cost?", "39 a month", "When is it due?", "gym"),
    ("How much is the rent of the parking space?", "65 a month", "May it be sublet?", "parking"),
    ("Who founded the Tern Society?", "seven geographers", "How many members does it have?", "tern society"),
    ("How many members does the Wool Guild have?", "86", "Who is its president?", "wool guild"),
    ("When was the Tern Society founded?", "1880", "And the Wool Guild?", "wool guild"),
    ("What is photosynthesis?", "turns light, water and carbon dioxide into sugar",
     "Where does it take place?", "photosynthesis"),
    ("What does fermentation make of sugar?", "alcohol and carbon dioxide",
     "When does it stop?", "fermentation"),
    ("What does photosynthesis make?", "sugar and oxygen", "And fermentation?", "fermentation"),
    ("How much butter is in shortbread?", "200 grams", "How hot is it baked?", "shortbread"),
    ("How much salt is in a sourdough loaf?", "10 grams", "How long do I bake it?", "sourdough"),
    ("How long is shortbread baked?", "35 minutes", "And sourdough?", "sourdough"),
)  # fmt: skip

#: Written after the rules were finished. 23 were right at once; the gap that one showed is closed since.
UNSEEN: tuple[tuple[str, str, str, str], ...] = (
    ("Whom did Ada Hallberg marry?", "Olaf Dahl", "What did she measure?", "hallberg work"),
    ("What is Rivers of Ice?", "a book", "Who wrote it?", "hallberg work"),
    ("Which instrument did Hallberg use?", "a theodolite", "How many winters did she work?", "hallberg work"),
    ("Where was the first performance of The Mill?", "Dunmarrow", "Who conducted it?", "reyl work"),
    ("Why did Tomas Reyl die?", "in a railway accident", "With whom did he live?", "reyl life"),
    ("How high is the dam that Ines Corvo designed?", "94 metres", "Where did she study?", "corvo life"),
    ("Did Marguerite Vane go to sea?", "disguised as a cabin boy", "And what did she sell the patent for?",
     "vane work"),
    ("What is Port Ellery?", "a harbour town", "When does the ferry leave?", "port ellery"),
    ("When is the market in Dunmarrow?", "Thursdays", "What is the town known for?", "dunmarrow"),
    ("Who is the mayor of Castel Rovo?", "Enzo Bari", "What about Port Ellery?", "port ellery"),
    ("How often is the Halden Bridge painted?", "every seven years", "What does it carry?", "halden bridge"),
    ("When is the Quay Tunnel closed?", "the first Sunday", "How much did building it cost?", "quay tunnel"),
    ("When was the Halden Bridge opened?", "1911", "What about the Quay Tunnel?", "quay tunnel"),
    ("What does the warranty of the Lumo not cover?", "the shade", "And of the Brix 300?", "brix 300"),
    ("How much water does the Brix 300 hold?", "1.8 litres", "How heavy is it?", "brix 300"),
    ("How fast does the Kestrel fold?", "twelve seconds", "Does it fit into a rack?", "kestrel bicycle"),
    ("May the tenant of the flat keep a cat?", "one cat", "And a dog?", "lease"),
    ("How long is the notice for the gym?", "two weeks", "And for the parking space?", "parking"),
    ("When is the gym membership due?", "on the first", "May I bring a guest?", "gym"),
    ("Where does the Tern Society meet?", "Port Ellery", "Who is its president?", "tern society"),
    ("Who is Hugo Stam?", "a dyer", "What is he president of?", "wool guild"),
    ("Where does fermentation take place?", "in yeast", "And photosynthesis?", "photosynthesis"),
    ("How hot is sourdough baked?", "230 degrees", "For how long?", "sourdough"),
    ("What is butter rubbed into for shortbread?", "flour", "And how long is it baked?", "shortbread"),
)  # fmt: skip

#: Questions that stand by themselves after a question about something else.
NEW_TOPICS: tuple[tuple[str, str, str, str], ...] = (
    ("Where was Ada Hallberg born?", "Tromvik", "When was the Quay Tunnel opened?", "quay tunnel"),
    ("Who built the Halden Bridge?", "Brunner and Sons", "What does photosynthesis make?", "photosynthesis"),
    ("When did Tomas Reyl die?", "1889", "May the tenant keep a dog?", "lease"),
    ("How many people live in Dunmarrow?", "12,400",
     "Is there a warranty on the Kestrel frame?", "kestrel bicycle"),
    ("What is photosynthesis?", "turns light into sugar",
     "Who is the president of the Wool Guild?", "wool guild"),
    ("Who is the mayor of Castel Rovo?", "Enzo Bari",
     "How much flour goes into a sourdough loaf?", "sourdough"),
    ("How long is the lease?", "twenty-four months",
     "What did Marguerite Vane sell and when did she die?", "vane work"),
    ("When was Tomas Reyl born?", "1840", "How much does the Lumo desk lamp weigh?", "lumo desk"),
)  # fmt: skip


def shelf_of_texts(path: Path, encoder: Encoder) -> None:
    """Put every text on a shelf as a document of its own, under a name that gives nothing away."""
    for n, text in enumerate(TEXTS.values()):
        document = Document(hashlib.sha256(text.encode()).hexdigest(), f"{n}.txt", text)
        add_document(path, document, encoder)


def found_first(
    retriever: Retriever,
    shelf: Path,
    dialogs: tuple[tuple[str, str, str, str], ...],
    complete: Callable[[str, list[Turn]], str],
) -> list[bool]:
    """Whether the right text comes first, for each dialog.

    Args:
        retriever: searches.
        shelf: made by :func:`shelf_of_texts`.
        dialogs: ``DIALOGS``, ``UNSEEN`` or ``NEW_TOPICS``.
        complete: makes the question that is searched for of the follow-up and the turns before it.
    """
    questions = [complete(last, [Turn("user", q), Turn("assistant", a)]) for q, a, last, _ in dialogs]
    passages = retriever(questions, [Knowledge((str(shelf),))] * len(questions))
    return [
        bool(found) and found[0].text == TEXTS[right]
        for found, (_, _, _, right) in zip(passages, dialogs, strict=True)
    ]


def share(hits: list[bool]) -> str:
    """How many and how large a part."""
    return f"{sum(hits):3} {sum(hits) / len(hits):5.0%}"


def main() -> int:
    """Print how often the right text comes first."""
    from skills.retrieval.encoder import SentenceEncoder

    encoder = SentenceEncoder()
    retriever = Retriever(encoder)
    ways: dict[str, Callable[[str, list[Turn]], str]] = {
        "as said": lambda said, history: said,
        "completed": complete_question,
        "with the whole question before": lambda said, history: f"{history[0].text} {said}",
    }
    with tempfile.TemporaryDirectory() as folder:
        shelf = Path(folder) / "texts.db"
        shelf_of_texts(shelf, encoder)
        print(
            f"right text first: {len(DIALOGS)} follow-ups, {len(UNSEEN)} unseen, {len(NEW_TOPICS)} new topics"
        )
        for name, way in ways.items():
            hits = [found_first(retriever, shelf, dialogs, way) for dialogs in (DIALOGS, UNSEEN, NEW_TOPICS)]
            print(f"  {name:32} {'   '.join(map(share, hits))}")
        every = DIALOGS + UNSEEN
        misses = found_first(retriever, shelf, every, complete_question)
        for (question, answer, said, right), hit in zip(every, misses, strict=True):
            if not hit:
                turns = [Turn("user", question), Turn("assistant", answer)]
                print(f"  missed: {question} – {said} → {complete_question(said, turns)} ({right})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
