"""Control codes: a word that says what kind of text is wanted (CTRL, Keskar et al. 2019). Pure.

CTRL (arXiv 1909.05858) was trained on texts that begin with the code of where they came from; to
it the code is the first word of the prompt. Other models never saw the codes: for them each stands
for a written instruction, so that the same config works with any model.
"""

from __future__ import annotations

from collections.abc import Collection

from skills.errors import ConfigurationError
from skills.generation.engines import Prompt
from skills.generation.prompt import chat_messages

_KINDS = {
    "Books": "a page of a novel",
    "Computing": "a post about computers",
    "Confession": "a personal confession",
    "Diet": "a post about food and diet",
    "Finance": "a post about money",
    "Fitness": "a post about sports and fitness",
    "Funny": "a funny story",
    "Gaming": "a post about a video game",
    "Horror": "a horror story",
    "Legal": "a post about a question of law",
    "Links": "an article of an online newspaper",
    "Movies": "a post about a film",
    "News": "a news report",
    "Opinion": "a post with a strong opinion",
    "Politics": "a post about politics",
    "Relationships": "a post about a relationship",
    "Reviews": "a customer's review of a product",
    "Running": "a post about running",
    "Science": "an article about science",
    "Technologies": "an article about technology",
    "Wikipedia": "an article of an encyclopedia",
    "Writing": "a short story",
}

#: Code -> what a model that was not trained on codes is told, before the prompt. The codes and
#: what they stand for are those of the paper's appendix. How they are put was tried
#: on SmolLM2-135M-Instruct with a few of the codes: with the instruction in the same message as
#: the prompt it writes what it was asked for; with the instruction apart, in a system message or
#: a line above, mostly not.
INSTRUCTIONS: dict[str, str] = {
    **{code: f"Write {kind}. It begins with these words:" for code, kind in _KINDS.items()},
    "Explain": "Explain in simple words:",
    "Joke": "Tell a joke about this:",
    "Questions": "Answer this question:",
}


def check_code(code: str, native: Collection[str], chat: bool) -> None:
    """Refuse a code that does not exist, or that would not stand where the model looks for it.

    Args:
        code: as the config names it; "" for none.
        native: the codes that the model was trained on; empty for models without.
        chat: see :func:`controlled`.

    Raises:
        ConfigurationError: naming the codes that there are.
    """
    if code and native and chat:
        raise ConfigurationError(
            "control_code: this model looks for it at the beginning of a text, and a chat template begins "
            "otherwise; set prompt_format to text"
        )
    if code and code not in (native or INSTRUCTIONS):
        kind = "codes that the model was trained on" if native else "codes with an instruction"
        raise ConfigurationError(
            f"control_code: there is no '{code}'; {kind}: {', '.join(sorted(native or INSTRUCTIONS))}"
        )


def controlled(text: str, code: str, native: Collection[str], chat: bool) -> Prompt:
    """The prompt that an engine gets.

    Args:
        text: what was asked for.
        code: a checked code, or "".
        native: the codes that the model was trained on.
        chat: the text is a message to reply to, rather than a beginning to go on with.
    """
    if code and native:
        text = f"{code} {text}"
    elif code:
        text = f"{INSTRUCTIONS[code]} {text}"
    return chat_messages("", (), text) if chat else text
