"""What is said of files that cannot be read, or only in part; a section of ``bot.messages``.

Each sentence says what is wrong in words of everyday life and what to do about it; one that is
about a bound names the bound.
"""

from __future__ import annotations

#: Key to (English, Russian).
DOCUMENT_TEXTS: dict[str, tuple[str, str]] = {
    # Past a bound
    "document.too_large": (
        "That file has {size} MB; I read files of up to {limit} MB.",
        "В этом файле {size} МБ; я читаю файлы до {limit} МБ.",
    ),
    "document.too_many_pages": (
        "That document has {pages:pages}; I read up to {limit}. Send it in parts.",
        "В этом документе {pages:pages}; я читаю не больше {limit}. Пришлите его по частям.",
    ),
    "document.too_many_sections": (
        "That document has more than the {limit} headings, chapters or pages that I tell apart. "
        "Send it in parts.",
        "В этом документе больше заголовков, глав или страниц, чем я различаю ({limit}). "
        "Пришлите его по частям.",
    ),
    "document.too_long": (
        "That document is longer than the {limit:characters} I read. Send it in parts.",
        "Этот документ длиннее, чем {limit:characters}, больше я не читаю. Пришлите его по частям.",
    ),
    "document.too_large_unpacked": (
        "Unpacked, that document takes more than the {limit} MB I allow.",
        "В распакованном виде этот документ занимает больше допустимых {limit} МБ.",
    ),
    "document.too_many_entries": (
        "That document is made of more than the {limit:files} I allow.",
        "В этом документе больше внутренних файлов, чем допустимо ({limit}).",
    ),
    "document.too_deep": (
        "Parts of that document are nested more than {limit} deep, which is more than I follow.",
        "Части этого документа вложены друг в друга глубже допустимого ({limit}).",
    ),
    "document.too_much_memory": (
        "Reading that document takes more than the {limit} MB of memory I give to one.",
        "Чтобы прочитать этот документ, нужно больше {limit} МБ памяти; столько я не выделяю.",
    ),
    "document.timeout": (
        "I could not read that document within {limit:seconds} and gave up. Try a part of it.",
        "Я не успел прочитать этот документ за {limit:seconds} и прекратил попытку. "
        "Попробуйте прислать его часть.",
    ),
    "document.busy": (
        "I am reading other documents right now. Please give me this one again in a minute.",
        "Сейчас я читаю другие документы. Пришлите этот ещё раз через минуту.",
    ),
    # Not readable
    "document.encrypted": (
        "That document opens with a password only. Remove the password and give it to me again.",
        "Этот документ защищён паролем. Снимите пароль и пришлите его ещё раз.",
    ),
    "document.locked_book": (
        "That book is locked to a shop or a reading device, so I cannot open it.",
        "Эта книга привязана к магазину или устройству, поэтому открыть её я не могу.",
    ),
    "document.scanned": (
        "That PDF holds pictures of pages and no text. Run text recognition (OCR) over it first.",
        "В этом PDF только изображения страниц, а текста нет. Сначала распознайте текст (OCR).",
    ),
    "document.mostly_scanned": (
        "Only {text_pages} of the {pages} pages of that PDF hold text, the others are pictures. "
        "Run text recognition (OCR) over it first.",
        "Текст есть только на {text_pages} из {pages} страниц этого PDF, остальные — изображения. "
        "Сначала распознайте текст (OCR).",
    ),
    "document.unreadable_letters": (
        "The letters in that PDF are drawn without saying which they are, so its text cannot be read. "
        "Text recognition (OCR) would help.",
        "Буквы в этом PDF нарисованы, но не названы, поэтому его текст прочитать нельзя. "
        "Поможет распознавание текста (OCR).",
    ),
    "document.empty": ("There is no text in that document.", "В этом документе нет текста."),
    "document.damaged": (
        "That file is damaged: I could not make sense of it. Opening it and saving it anew often helps.",
        "Этот файл повреждён: разобрать его не удалось. Часто помогает открыть его и сохранить заново.",
    ),
    "document.unsupported": (
        "I don't know that kind of file. I read PDF, Word (.docx), EPUB, HTML, Markdown, CSV, plain text "
        "and source code.",
        "Файлы такого вида я не читаю. Я читаю PDF, Word (.docx), EPUB, HTML, Markdown, CSV, простой текст "
        "и исходный код.",
    ),
    "document.unsupported_image": (
        "That is a picture, and I read text only. Text recognition (OCR) can turn it into a document.",
        "Это изображение, а я читаю только текст. Превратить его в документ поможет распознавание (OCR).",
    ),
    "document.unsupported_media": (
        "That is sound or video, and I read text only.",
        "Это звук или видео, а я читаю только текст.",
    ),
    "document.unsupported_archive": (
        "That is an archive. Unpack it and give me the documents in it.",
        "Это архив. Распакуйте его и пришлите документы из него.",
    ),
    "document.unsupported_office": (
        "I don't read that office format. Save it as PDF or .docx, or a table as .csv.",
        "Этот офисный формат я не читаю. Сохраните его как PDF или .docx, а таблицу — как .csv.",
    ),
    "document.not_a_file": ("That is not a file.", "Это не файл."),
    # Left out of a folder
    "folder.hidden": ("hidden", "скрытый файл"),
    "folder.link": ("a link; I don't follow those", "ссылка; по ссылкам я не перехожу"),
    "folder.binary": ("not a kind of file I read", "не тот вид файла, который я читаю"),
    "folder.empty": ("empty", "пустой файл"),
    "folder.too_large": ("larger than {limit} MB", "больше {limit} МБ"),
    "folder.not_a_file": ("not a file", "не файл"),
    "folder.unreadable": ("I may not open it", "нет права открыть"),
    "folder.too_many": (
        "I look at {limit:files} in a folder at most; the rest is left out",
        "в папке я просматриваю не больше {limit}; остальное пропущено",
    ),
}
