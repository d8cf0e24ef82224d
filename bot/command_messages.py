"""What commands answer, and how /help names them: key to (English, Russian). Part of ``bot.messages``."""

from __future__ import annotations

COMMAND_TEXTS: dict[str, tuple[str, str]] = {
    # Which there are
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
    # /docs and /drop
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
    "drop.usage": (
        "Which one? /drop NAME or /drop NUMBER, as /docs lists them.",
        "Какой? /drop ИМЯ или /drop НОМЕР, как в списке /docs.",
    ),
    "drop.done": (
        "{name} is gone; I no longer answer from it.",
        "{name} удалён; по нему я больше не отвечаю.",
    ),
    # /read, at the console
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
    # Other commands
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
