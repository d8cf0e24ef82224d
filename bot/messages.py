"""Every text a user sees, English and Russian, in one table; nothing else words anything.

``text(key, language, **values)`` looks one up. In a template ``{name}`` stands for a value and
``{n:documents}`` for a number with its noun in the right form ("3 documents", "5 документов").
What a person wrote is only ever a value, never a template. Pure; knows no other module but the
errors that it explains and the texts about documents.
"""

from __future__ import annotations

import string
from typing import Any, Literal, get_args

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
    "answer.uncertain": ("I am not sure, but it may be: {answer}", "Я не уверен, но, возможно: {answer}"),
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
    # /why
    "why.nothing": ("I have not answered anything yet.", "Я пока ни на что не отвечал."),
    "why.qa": (
        "I read this in a document and quoted it. I am {percent}% sure that it is the answer.",
        "Я прочитал это в документе и процитировал. Уверенность в ответе: {percent}%.",
    ),
    "why.none": (
        "I looked for an answer in the documents and found none I would trust.",
        "Я искал ответ в документах и не нашёл такого, которому можно доверять.",
    ),
    "why.chat": (
        "I made this reply up with a language model. It does not come from a document; don't rely on it.",
        "Этот ответ составила языковая модель. Он не взят из документа; не полагайтесь на него.",
    ),
    "why.failed": (
        "I had no answer: something failed or took too long.",
        "Ответа не было: произошёл сбой или не хватило времени.",
    ),
    "why.question": ("What I searched for: {question}", "Что я искал: {question}"),
    "why.dropped": (
        "The first {n:messages} of our conversation no longer fitted and were left out.",
        "Начало беседы ({n:messages}) уже не поместилось и не учитывалось.",
    ),
    "why.considered": (
        "Passages I considered (search from 0 to 1; reader: above 0 speaks for an answer, below against):",
        "Рассмотренные отрывки (поиск от 0 до 1; чтение: выше 0 — за ответ, ниже — против):",
    ),
    "why.passage": (
        "{i}. {place} · search {search:.2f} · reader {reader}",
        "{i}. {place} · поиск {search:.2f} · чтение {reader}",
    ),
    "why.unread": ("not read", "не прочитан"),
    # Documents
    "docs.none": (
        "There are no documents in this conversation yet.",
        "В этой беседе пока нет документов.",
    ),
    "docs.header": ("{n:documents} in this conversation:", "В этой беседе {n:documents}:"),
    "docs.item": (
        "{i}. {name} ({n_chars:characters}, added {date})",
        "{i}. {name} ({n_chars:characters}, добавлен {date})",
    ),
    "docs.item_pages": (
        "{i}. {name} ({n_pages:pages}, {n_chars:characters}, added {date})",
        "{i}. {name} ({n_pages:pages}, {n_chars:characters}, добавлен {date})",
    ),
    "docs.libraries": ("Shared libraries: {names}", "Общие библиотеки: {names}"),
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
    "drop.usage": (
        "Which one? /drop NAME or /drop NUMBER, as /docs lists them.",
        "Какой? /drop ИМЯ или /drop НОМЕР, как в списке /docs.",
    ),
    "document.unknown": (
        "There is no document “{name}” here. /docs lists what there is.",
        "Документа «{name}» здесь нет. Список документов: /docs.",
    ),
    "drop.done": (
        "{name} is gone; I no longer answer from it.",
        "{name} удалён; по нему я больше не отвечаю.",
    ),
    **DOCUMENT_TEXTS,
    **TELEGRAM_TEXTS,
    # Reading files at the console
    "read.usage": (
        "Which file or folder? /read PATH",
        "Какой файл или папку? /read ПУТЬ",
    ),
    "read.not_here": (
        "I cannot open files from here; give me the document itself.",
        "Отсюда я не могу открывать файлы; пришлите сам документ.",
    ),
    "read.missing": ("There is no file or folder {path}.", "Нет файла или папки {path}."),
    "read.forbidden": ("I may not open {path}.", "У меня нет права открыть {path}."),
    "read.nothing": (
        "There is nothing in {path} that I can read.",
        "В {path} нет ничего, что я могу прочитать.",
    ),
    "read.failed": ("{name}: {reason}", "{name}: {reason}"),
    "read.more_failed": ("… and {n:files} more that I could not read.", "… и ещё {n:files}: не прочитано."),
    "read.summary": ("{n:documents} read.", "Прочитано: {n:documents}."),
    # Other commands
    "command.unknown": ("There is no command /{name}.", "Команды /{name} нет."),
    "command.nearest": ("Did you mean /{nearest}?", "Может быть, /{nearest}?"),
    "command.list": ("There are: {names}", "Есть такие: {names}"),
    "help.intro": (
        "Give me documents and ask about them: I answer with their exact words and say where they stand. "
        "Or just talk to me.",
        "Дайте мне документы и спрашивайте о них: я отвечаю их точными словами и говорю, где это написано. "
        "Или просто поговорите со мной.",
    ),
    "help.help": ("what I can do", "что я умею"),
    "help.docs": ("the documents of this conversation", "документы этой беседы"),
    "help.read": ("read a file or all files of a folder: /read PATH", "прочитать файл или папку: /read ПУТЬ"),
    "help.drop": ("remove a document: /drop NAME", "убрать документ: /drop ИМЯ"),
    "help.why": ("where the last answer came from", "откуда взялся последний ответ"),
    "help.reset": ("begin a new conversation; documents stay", "начать беседу заново; документы остаются"),
    "help.forget": ("delete everything I keep of you here", "удалить всё, что я здесь о вас храню"),
    "help.export": ("all I keep of you here, as JSON", "всё, что я здесь о вас храню, в JSON"),
    "help.style": ("how freely I talk: /style {styles}", "насколько вольно я говорю: /style {styles}"),
    "help.persona": ("who I am when we chat: /persona TEXT", "кем мне быть в беседе: /persona ТЕКСТ"),
    "help.only": ("answer from documents only: /only on|off", "отвечать только по документам: /only on|off"),
    "help.language": (
        "the language of my own sentences: /language {languages}",
        "язык: /language {languages}",
    ),
    "help.stop": ("stop the reply that is being written", "прервать ответ, который пишется"),
    "reset.done": (
        "We begin anew. Your documents and settings stay.",
        "Начинаем заново. Документы и настройки остаются.",
    ),
    "forget.done": (
        "Forgotten: {n_turns:messages}, {n_documents:documents} ({n_keys:records}, {n_files:files}). "
        "I looked again: nothing of this conversation is left.",
        "Удалено: {n_turns:messages}, {n_documents:documents} ({n_keys:records}, {n_files:files}). "
        "Я проверил: от этой беседы ничего не осталось.",
    ),
    "forget.nothing": (
        "There was nothing to forget: I keep nothing of this conversation.",
        "Удалять нечего: от этой беседы я ничего не храню.",
    ),
    "forget.leftovers": (
        "I could not delete everything; please try /forget again.",
        "Не удалось удалить всё; пожалуйста, повторите /forget.",
    ),
    "export.written": ("Written to {path}.", "Записано в {path}."),
    "export.not_written": ("I could not write to {path}.", "Не удалось записать в {path}."),
    "export.exists": (
        "{path} exists already; I don't write over it.",
        "{path} уже существует; я не буду его перезаписывать.",
    ),
    "style.shown": (
        "The style is {style}. /style {styles} changes it.",
        "Стиль: {style}. Сменить: /style {styles}.",
    ),
    "style.set": ("The style is now {style}.", "Теперь стиль: {style}."),
    "style.unknown": (
        "There is no style “{style}”. There are: {styles}.",
        "Стиля «{style}» нет. Есть: {styles}.",
    ),
    "persona.default": (
        "I have my own persona. /persona TEXT changes it, such as: /persona a patient teacher",
        "Сейчас я — это я. /persona ТЕКСТ это меняет, например: /persona терпеливый учитель",
    ),
    "persona.shown": (
        "In our chat I am: {persona}. /persona off ends that.",
        "В нашей беседе я: {persona}. /persona off — вернуть обычного.",
    ),
    "persona.set": ("From now on I am: {persona}", "Теперь я: {persona}"),
    "persona.cleared": ("I am my own self again.", "Я снова — это я."),
    "persona.too_long": (
        "A persona has at most {limit:characters}; that is {n}.",
        "Описание — не больше {limit:characters}; здесь {n}.",
    ),
    "only.on": (
        "I answer from documents only, or say that they don't tell.",
        "Я отвечаю только по документам или говорю, что в них этого нет.",
    ),
    "only.off": (
        "I answer from documents, and chat about everything else.",
        "Я отвечаю по документам, а об остальном просто беседую.",
    ),
    "only.usage": ("Please say /only on or /only off.", "Напишите /only on или /only off."),
    "language.shown": (
        "My own sentences are in English. /language {languages} changes that.",
        "Мои собственные фразы — на русском. Сменить: /language {languages}.",
    ),
    "language.set": ("I use English from now on.", "Теперь я пишу по-русски."),
    "language.unknown": (
        "I have no sentences in “{language}”. There are: {languages}.",
        "На языке «{language}» у меня фраз нет. Есть: {languages}.",
    ),
    "stop.asked": ("Stopping.", "Останавливаю."),
    "stop.nothing": ("Nothing is being written right now.", "Сейчас ничего не пишется."),
}
