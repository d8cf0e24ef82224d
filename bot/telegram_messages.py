"""What is said on Telegram only: key to (English, Russian). Part of ``bot.messages``."""

from __future__ import annotations

TELEGRAM_TEXTS: dict[str, tuple[str, str]] = {
    # Beside a reply
    "telegram.edited": (
        "You edited your message, so here is the answer to what it says now:",
        "Вы изменили сообщение, поэтому вот ответ на то, что в нём теперь:",
    ),
    "telegram.empty": ("(nothing to show)", "(показать нечего)"),
    "telegram.writing": ("Writing …", "Пишу …"),
    "telegram.button.stop": ("⏹ Stop", "⏹ Стоп"),
    "telegram.button.why": ("Why?", "Почему?"),
    "telegram.button.more": ("Show more", "Показать больше"),
    "telegram.gone": (
        "I no longer have that; it is too old or was forgotten.",
        "Этого у меня больше нет: слишком давно или удалено.",
    ),
    # Waiting, and not being taken
    "telegram.place": (
        "You are {ordinal} in line, about {seconds} s.",
        "Вы {ordinal} в очереди, примерно {seconds} с.",
    ),
    "telegram.full": (
        "So many are writing to me right now that I cannot take your message. Please try again in a minute.",
        "Сейчас мне пишет так много людей, что я не могу принять ваше сообщение. Попробуйте через минуту.",
    ),
    "telegram.limited": (
        "That was quick! I take {n:messages} a minute from one person. Please send it again a little later.",
        "Как быстро! Я принимаю от одного человека {n:messages} в минуту. Пришлите ещё раз чуть позже.",
    ),
    "telegram.stranger": (
        "This bot is private. If you should have access, give its owner your id: {user_id:d}",
        "Это частный бот. Если у вас должен быть доступ, сообщите владельцу свой id: {user_id:d}",
    ),
    "telegram.set_aside": (
        "I tried several times and could not answer this message, so I put it aside. Please try another way.",
        "Я несколько раз пытался ответить на это сообщение, но не смог и отложил его. Попробуйте иначе.",
    ),
    # What it cannot read
    "telegram.unreadable.sticker": (
        "Nice one! I can't see stickers, though. Write me something?",
        "Мило! Но стикеров я не вижу. Напишете словами?",
    ),
    "telegram.unreadable.voice": (
        "I can't listen to voice messages yet. Could you write it?",
        "Голосовые сообщения я пока не слушаю. Напишите, пожалуйста, текстом.",
    ),
    "telegram.unreadable.photo": (
        "I can't see pictures. If there is text in it, send me that or a document.",
        "Картинок я не вижу. Если на ней текст, пришлите его или документ.",
    ),
    "telegram.unreadable.other": (
        "I can't make anything of that, I'm afraid: I read text and documents.",
        "С этим я, к сожалению, ничего не могу сделать: я читаю текст и документы.",
    ),
    # Documents
    "telegram.document.reading": ("Reading {name} … {percent}%", "Читаю {name} … {percent}%"),
    "telegram.document.too_large": (
        "{name} is too large: I can take files of up to {limit} MB here.",
        "Файл {name} слишком большой: здесь я принимаю файлы до {limit} МБ.",
    ),
    "telegram.document.unavailable": (
        "Telegram does not give me that file. Please send it again.",
        "Telegram не отдаёт мне этот файл. Пришлите его ещё раз.",
    ),
    "telegram.forwarded.ask": (
        "Shall I keep this text among the documents, or answer it?",
        "Положить этот текст к документам или ответить на него?",
    ),
    "telegram.forwarded.keep": ("📎 Keep it", "📎 Положить"),
    "telegram.forwarded.answer": ("💬 Answer it", "💬 Ответить"),
    "telegram.forwarded.name": ("forwarded from {name} {date}.txt", "переслано от {name} {date}.txt"),
    "telegram.forwarded.unnamed": ("text {date}.txt", "текст {date}.txt"),
    "telegram.keep.usage": (
        "Reply with /keep to a message whose text I am to keep among the documents.",
        "Ответьте командой /keep на сообщение, текст которого нужно положить к документам.",
    ),
    # Settings
    "telegram.settings.title": ("Settings of this conversation", "Настройки этой беседы"),
    "telegram.settings.style": ("Style: {style}", "Стиль: {style}"),
    "telegram.settings.precise": ("precise", "точный"),
    "telegram.settings.balanced": ("balanced", "обычный"),
    "telegram.settings.creative": ("creative", "вольный"),
    "telegram.settings.persona": ("Persona: {persona}", "Роль: {persona}"),
    "telegram.settings.persona.": ("myself", "я сам"),
    "telegram.settings.persona.teacher": ("patient teacher", "терпеливый учитель"),
    "telegram.settings.persona.lawyer": ("careful lawyer", "осторожный юрист"),
    "telegram.settings.persona.friend": ("cheerful friend", "весёлый друг"),
    "telegram.settings.persona.own": ("your own", "своя"),
    "telegram.settings.only": ("Answer from documents only", "Отвечать только по документам"),
    "telegram.settings.libraries": ("Shared libraries:", "Общие библиотеки:"),
    "telegram.settings.saved": ("Saved.", "Сохранено."),
    # Commands
    "telegram.help.keep": ("keep the text replied to as a document", "положить текст сообщения к документам"),
    "telegram.help.settings": ("style, persona, documents, libraries", "стиль, роль, документы, библиотеки"),
    "telegram.help.stats": ("numbers, for admins", "числа, для администраторов"),
    "telegram.help.broadcast": (
        "send a text to all chats, for admins", "отправить текст во все чаты, для администраторов",
    ),
    "telegram.export.caption": ("All that I keep of this conversation.", "Всё, что я храню об этой беседе."),
    # Inline
    "telegram.inline.nothing": ("The library does not say", "В библиотеке об этом не сказано"),
    # Admins
    "telegram.admins_only": ("That is for admins only.", "Это только для администраторов."),
    "telegram.broadcast.usage": ("What shall I send? /broadcast TEXT", "Что отправить? /broadcast ТЕКСТ"),
    "telegram.broadcast.begun": ("On its way to {n} chats.", "Отправляю в чаты: {n}."),
    "telegram.stats": (
        "Waiting: {waiting}\nChats: {chats}\nReplies: {replies}\n  from documents: {qa}\n  chat: {chat}\n"
        "  not in the documents: {none}\n  commands: {command}\nSet aside: {dead}\nSeconds a reply: {pace}",
        "В очереди: {waiting}\nЧатов: {chats}\nОтветов: {replies}\n  по документам: {qa}\n  бесед: {chat}\n"
        "  нет в документах: {none}\n  команд: {command}\nОтложено: {dead}\nСекунд на ответ: {pace}",
    ),
}  # fmt: skip


def ordinal(n: int, language: str) -> str:
    """A place in a line: "1st", "22nd", "2-й"."""
    if language == "ru":
        return f"{n}-й"
    ending = "th" if n % 100 // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
