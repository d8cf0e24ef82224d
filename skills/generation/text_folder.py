"""Plain text as DeepPavlov data: the reader of a folder of ``*.txt``.

A file is one text, or several with a line ``<|endoftext|>`` between them. Held out is what lies in
files whose name begins with ``valid`` or, where there are none, stretches taken evenly from the whole.
Knows nothing of tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deeppavlov.core.data.dataset_reader import DatasetReader

from skills.errors import ConfigurationError, refuse_unknown

#: A line with nothing but this ends a text, as in many published collections.
END_OF_TEXT = "<|endoftext|>"
#: Into so many stretches a collection is cut; some of them are held out.
_N_STRETCHES = 200

Example = tuple[str, str]


class TextFolderReader(DatasetReader):
    """Reads every ``*.txt`` of a folder, as ``text_folder_reader``."""

    def read(
        self, data_path: str, valid_share: float | str = 0.03, min_chars: int | str = 10_000, **kwargs: Any
    ) -> dict[str, list[Example]]:
        """Read the texts, folders within the folder included, in the order of their names.

        Args:
            data_path: the folder.
            valid_share: share of the text that is held out, in (0, 0.5], where no file is meant for
                it by its name.
            min_chars: fewer characters than this are too little to learn a language from.

        Returns:
            ``{"train": …, "valid": …}``, lists of (text, "") as DeepPavlov's iterators take them.

        Raises:
            ConfigurationError: if the folder is missing, holds no text or too little, or a file is
                not UTF-8.
        """
        refuse_unknown("text_folder_reader", kwargs)
        share = float(valid_share)
        if not 0 < share <= 0.5:
            raise ConfigurationError(f"text_folder_reader: valid_share expects (0, 0.5]; got {valid_share}")
        folder = Path(data_path).expanduser()
        files = sorted(folder.rglob("*.txt"))
        if not files:
            found = "found none" if folder.is_dir() else "there is no such folder"
            raise ConfigurationError(
                f"{folder}: expected a folder with *.txt files of plain text, {found}; DP_DATA_PATH names it"
            )
        held_out = [file for file in files if file.name.startswith("valid")]
        train = [text for file in files if file not in held_out for text in _texts(file)]
        valid = [text for file in held_out for text in _texts(file)]
        n_chars = sum(map(len, train + valid))
        if n_chars < int(min_chars):
            raise ConfigurationError(
                f"{folder}: expected at least {int(min_chars):,} characters of text, found {n_chars:,} in "
                f"{len(files)} *.txt files; add more text"
            )
        if not valid:
            train, valid = hold_out(train, share)
        return {"train": [(text, "") for text in train], "valid": [(text, "") for text in valid]}


def hold_out(texts: list[str], share: float) -> tuple[list[str], list[str]]:
    """Take evenly spread stretches out of texts.

    Stretches are cut where a paragraph ends, or at least a line, so that few words of the held-out part
    stand in the middle of what is learnt.

    Args:
        texts: the texts.
        share: how much to hold out.

    Returns:
        What is left, and what was taken out.
    """
    length = max(1, sum(map(len, texts)) // _N_STRETCHES)
    left: list[str] = []
    taken: list[str] = []
    due = 0.5  # the first stretch taken lies in the middle of its part of the whole
    for text in texts:
        kept: list[str] = []
        for stretch in stretches(text, length):
            due += share * len(stretch) / length
            if due >= 1:
                due -= 1
                taken.append(stretch)
                left.append("".join(kept))
                kept = []
            else:
                kept.append(stretch)
        left.append("".join(kept))
    return [text for text in left if text.strip()], taken


def stretches(text: str, length: int) -> list[str]:
    """Cut a text into pieces of about ``length`` characters that together are the text.

    Args:
        text: the text.
        length: a piece ends at the first end of a paragraph after so many characters, or else at the
            first end of a line, where one comes before half as many again; or else right there.
    """
    pieces = []
    start = 0
    while len(text) - start > length:
        soft, hard = start + length, start + length + max(1, length // 2)
        for separator in ("\n\n", "\n"):
            at = text.find(separator, soft, hard)
            if at >= 0:
                soft = at + len(separator)
                break
        pieces.append(text[start:soft])
        start = soft
    if start < len(text):
        pieces.append(text[start:])
    return pieces


def _texts(file: Path) -> list[str]:
    """The texts of a file, without the empty ones."""
    try:
        content = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file}: expected UTF-8, found something else at byte {error.start:,}; convert it, for "
            f"example with iconv -f WINDOWS-1252 -t UTF-8"
        ) from error
    content = content.replace("\r\n", "\n").replace("\r", "\n")
    return [text for text in (part.strip("\n") for part in content.split(END_OF_TEXT)) if text.strip()]
