"""Every text a user sees, English and Russian, in one table; nothing else words anything.

``text(key, language, **values)`` looks one up. In a template ``{name}`` stands for a value and
``{n:documents}`` for a number with its noun in the right form ("3 documents", "5 документов").
What a person wrote is only ever a value, never a template. Pure; knows no other module but the
errors that it explains and the tables that are sections of this one.
"""

from __future__ import annotations

import string
from typing import Any, Literal, get_args

from bot.command_messages import COMMAND_TEXTS
from bot.document_messages import DOCUMENT_TEXTS
from bot.errors import (
    BotError,
    DocumentError,
    MessageTooLong,
    MessageUnusable,
    SessionBusy,
    StoreFull,
    StoreUnavailable,
)
from bot.telegram_messages import TELEGRAM_TEXTS

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def text(key: str, language: str, /, **values: object) -> str:
    """A text in the user's language.

    Args:
        key: of ``TEXTS``.
        language: a language tag such as ``ru`` or ``ru-RU``; English where it is not one of ours.
        values: what the template names.

    Raises:
        KeyError: if there is no such text or a value is missing: a fault of the program, which
            the tests look for in every call.
    """
    known = known_language(language)
    return _Template(known).format(TEXTS[key][LANGUAGES.index(known)], **values)


def known_language(tag: str) -> Language:
    """The language of a tag such as ``ru-RU``, English for all we have no texts in."""
    primary = tag.replace("_", "-").split("-", 1)[0].lower()
    return primary if primary in LANGUAGES else "en"


def explain(error: BotError, language: str) -> str:
    """What to tell the user about an error; never its own text."""
    if isinstance(error, DocumentError):
        key = error.code if error.code in TEXTS else "document.failed"
        return text(key, language, **error.values)
    if isinstance(error, MessageTooLong):
        return text("turn.too_long_for_model", language)
    if isinstance(error, MessageUnusable):
        return text("turn.unusable", language)
    if isinstance(error, SessionBusy):
        return text("turn.busy", language)
    if isinstance(error, StoreFull):
        return text("store.full", language)
    if isinstance(error, StoreUnavailable):
        return text("store.unavailable", language)
    return text("turn.failed", language)


def number(value: float, language: str) -> str:
    """A number with its thousands apart, with one decimal where it is not whole."""
    shown = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    if known_language(language) == "ru":
        return shown.replace(",", "\u00a0").replace(".", ",")
    return shown


def counted(n: float, noun: str, language: str) -> str:
    """A number with its noun, such as "1 document", "2 документа"."""
    known = known_language(language)
    forms = NOUNS[noun][LANGUAGES.index(known)].split("|")
    return f"{number(n, known)} {forms[_plural_form(n, known)]}"


def _plural_form(n: float, language: Language) -> int:
    """Which of a noun's forms a number takes (Unicode CLDR's plural rules for the two languages)."""
    if language == "en":
        return 0 if n == 1 else 1
    if not float(n).is_integer():
        return 1
    tens, ones = int(n) % 100 // 10, int(n) % 10
    if tens != 1 and ones == 1:
        return 0
    return 1 if tens != 1 and 2 <= ones <= 4 else 2


class _Template(string.Formatter):
    def __init__(self, language: Language) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in NOUNS:
            return counted(value, format_spec, self._language)
        if not format_spec and isinstance(value, (int, float)):
            return number(value, self._language)
        return str(super().format_field(value, format_spec))


#: A noun's forms: English one|many, Russian one|few|many.
NOUNS: dict[str, tuple[str, str]] = {
    "characters": ("character|characters", "символ|символа|символов"),
    "documents": ("document|documents", "документ|документа|документов"),
    "files": ("file|files", "файл|файла|файлов"),
    "messages": ("message|messages", "сообщение|сообщения|сообщений"),
    "pages": ("page|pages", "страница|страницы|страниц"),
    "records": ("record|records", "запись|записи|записей"),
    "seconds": ("second|seconds", "секунду|секунды|секунд"),
}

#: Key to (English, Russian).
TEXTS: dict[str, tuple[str, str]] = {
    # A turn
    "turn.empty": (
        "There is nothing in that message that I can read. Write something, or /help.",
        "В этом сообщении нет ничего, что я могу прочитать. Напишите что-нибудь или /help.",
    ),
    "turn.too_long": (
        "That is {n:characters}; I take at most {limit} in one message. Give me a longer text as a document.",
        "Здесь {n:characters}; за один раз я принимаю не больше {limit}. "
        "Более длинный текст пришлите документом.",
    ),
    "turn.too_long_for_model": (
        "That is more than I can take in at once. Make it shorter, or give me the long part as a document; "
        "a long /persona counts, too.",
        "Это больше, чем я могу воспринять за один раз. Сократите сообщение или пришлите длинную часть "
        "документом; длинное описание /persona тоже учитывается.",
    ),
    "turn.unusable": (
        "I can't work with that message as it is. Please put it differently.",
        "С этим сообщением в таком виде я работать не могу. Пожалуйста, напишите иначе.",
    ),
    "turn.timeout": (
        "I could not finish within {n:seconds} and gave up. Your message is kept; please try again.",
        "Я не успел за {n:seconds} и прекратил попытку. Ваше сообщение сохранено; попробуйте ещё раз.",
    ),
    "turn.failed": (
        "Something went wrong on my side. Your message is kept; please try again.",
        "У меня что-то пошло не так. Ваше сообщение сохранено; попробуйте ещё раз.",
    ),
    "turn.busy": (
        "I am still busy with what you sent before. Please try again in a moment.",
        "Я ещё занят предыдущим сообщением. Попробуйте чуть позже.",
    ),
    "turn.stopped": ("Stopped.", "Остановлено."),
    # What keeps the sessions
    "store.full": (
        "There is no room left to keep this. /drop documents you no longer need, or /forget everything.",
        "Больше нет места, чтобы это сохранить. Уберите лишние документы (/drop) или удалите всё (/forget).",
    ),
    "store.unavailable": (
        "I cannot reach the place where conversations are kept. Please try again in a minute.",
        "Хранилище бесед сейчас недоступно. Попробуйте через минуту.",
    ),
    # Notes beside an answer
    "note.aside": (
        "I could not read our earlier conversation, so we begin anew. It is set aside, not lost.",
        "Я не смог прочитать нашу прежнюю беседу, поэтому начинаем заново. Она отложена, а не потеряна.",
    ),
    "note.document_lost": (
        "I could not read {name} back, so I cannot answer from it. Please give it to me again.",
        "Я не смог прочитать сохранённый документ {name} и не могу по нему отвечать. Пришлите его ещё раз.",
    ),
    "note.not_kept": (
        "This exchange could not be kept: the conversation went on elsewhere in the meantime.",
        "Этот обмен сообщениями не сохранён: беседа тем временем продолжилась в другом месте.",
    ),
    # REST and console
    "api.session_id": (
        "A session_id is 1 to 128 letters, digits and _ . : -",
        "session_id — от 1 до 128 латинских букв, цифр и знаков _ . : -",
    ),
    "api.utterance": ("The utterance must be text.", "utterance должен быть текстом."),
    "api.document": (
        'A document is text, or {{"name": ..., "text": ...}} with a name of 1 to 255 characters.',
        'document — это текст или {{"name": ..., "text": ...}} с именем от 1 до 255 символов.',
    ),
    "api.nothing": ("There is neither an utterance nor a document.", "Нет ни utterance, ни document."),
    "console.welcome": (
        "Ask me something, /read a document, or /help. Ctrl-D ends.",
        "Спрашивайте, дайте прочитать документ (/read) или посмотрите /help. Ctrl-D — конец.",
    ),
    "error.internal": (
        "Something went wrong on my side; nothing is lost. Please try again.",
        "У меня что-то пошло не так; ничего не потеряно. Попробуйте ещё раз.",
    ),
    # Answers
    "answer.uncertain": (
        "I'm not sure the documents say, but it may be: {answer}",
        "Не уверен, что в документах об этом сказано, но, возможно: {answer}",
    ),
    "answer.disagree": ("The documents differ: {answers}", "Документы расходятся: {answers}"),
    "answer.one_of": ("“{answer}” ({name})", "«{answer}» ({name})"),
    "answer.none": ("The documents don't say.", "В документах об этом не сказано."),
    "answer.none_closest": (
        "I'm not sure the documents say. This comes closest:",
        "Не уверен, что в документах об этом сказано. Ближе всего вот это:",
    ),
    "answer.no_documents": (
        "I have no documents to look in yet. Give me one and ask again.",
        "У меня пока нет документов, где это можно найти. Дайте мне документ и спросите снова.",
    ),
    # A quote's place
    "quote.quoted": ("“{quote}”", "«{quote}»"),
    "quote.page": ("page {page}", "стр. {page}"),
    "quote.section": ("“{section}”", "«{section}»"),
    "quote.line": ("line {line:d}", "строка {line:d}"),
    "quote.sure": ("{percent}% sure", "уверенность {percent}%"),
    # Documents
    "document.added": (
        "I have read {name} ({n_chars:characters}). Ask me about it.",
        "Я прочитал {name} ({n_chars:characters}). Спрашивайте.",
    ),
    "document.replaced": (
        "I have read the new {name} ({n_chars:characters}); it takes the place of the old one.",
        "Я прочитал новый {name} ({n_chars:characters}); он заменил прежний.",
    ),
    "document.unchanged": (
        "I already have that document: {name}.",
        "Этот документ у меня уже есть: {name}.",
    ),
    "document.too_many": (
        "There are {limit:documents} here already, which is the most I keep. /drop one first.",
        "Здесь уже {limit:documents}, больше я не храню. Сначала уберите какой-нибудь (/drop).",
    ),
    "document.shelf_full": (
        "Together with the others that is more than the {limit:characters} I keep. /drop a document first.",
        "Вместе с остальными это больше, чем {limit:characters}. "
        "Сначала уберите какой-нибудь документ (/drop).",
    ),
    "document.failed": (
        "I could not take that document. Please try again, or send it in another format.",
        "Не удалось принять этот документ. Попробуйте ещё раз или пришлите его в другом формате.",
    ),
    "document.unknown": (
        "There is no document “{name}” here. /docs lists what there is.",
        "Документа «{name}» здесь нет. Список документов: /docs.",
    ),
    **DOCUMENT_TEXTS,
    **COMMAND_TEXTS,
    **TELEGRAM_TEXTS,
}
