"""The buttons under messages, and what their data mean. Data are at most 64 bytes."""

from __future__ import annotations

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.messages import text
from bot.sessions import STYLES, SessionPreferences
from bot.telegram.incoming import FORWARDED

#: Personas to choose from by a tap: name -> what the model is told. Any other is set by /persona.
PERSONAS = {
    "": "",
    "teacher": "a patient teacher who explains things simply",
    "lawyer": "a careful lawyer who weighs every word",
    "friend": "a cheerful friend",
}


def stop(update_id: int, language: str) -> InlineKeyboardMarkup:
    """Under what is being written."""
    return _rows([[(text("telegram.button.stop", language), f"stop:{update_id}")]])


def under_reply(turn_id: str, language: str, *, more: bool) -> InlineKeyboardMarkup:
    """Under a reply: where it came from and, where there is any, more of it."""
    row = [(text("telegram.button.why", language), f"why:{turn_id}")]
    if more:
        row.append((text("telegram.button.more", language), f"more:{turn_id}"))
    return _rows([row])


def forwarded(language: str) -> InlineKeyboardMarkup:
    """Under the question what is to be done with a forwarded text."""
    return _rows(
        [
            [
                (text("telegram.forwarded.keep", language), f"{FORWARDED}keep"),
                (text("telegram.forwarded.answer", language), f"{FORWARDED}answer"),
            ]
        ]
    )


def settings(
    preferences: SessionPreferences, libraries: tuple[str, ...], language: str
) -> InlineKeyboardMarkup:
    """All that a conversation can set, with what is set ticked.

    Args:
        preferences: of the session.
        libraries: those it may search.
        language: of the labels.
    """

    def tick(chosen: bool, label: str) -> str:
        return f"✓ {label}" if chosen else label

    rows = [
        [
            (
                tick(preferences.style == style, text(f"telegram.settings.{style}", language)),
                f"set:style:{style}",
            )
            for style in STYLES
        ]
    ]
    personas = [
        (
            tick(preferences.persona == words, text(f"telegram.settings.persona.{name}", language)),
            f"set:persona:{name}",
        )
        for name, words in PERSONAS.items()
    ]
    rows += [personas[:2], personas[2:]]
    only = "off" if preferences.only_documents else "on"
    label = tick(preferences.only_documents, text("telegram.settings.only", language))
    rows.append([(label, f"set:only:{only}")])
    chosen = preferences.libraries
    for i, name in enumerate(libraries):
        searched = chosen is None or name in chosen
        # by number: a name may be longer than a button's data
        rows.append([(tick(searched, f"📚 {name}"), f"set:library:{i}:{'off' if searched else 'on'}")])
    return _rows(rows)


def _rows(rows: list[list[tuple[str, str]]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in rows]
    )
