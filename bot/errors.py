"""Every error the service raises on purpose.

    BotError
    ├── SettingsError             settings that cannot be used; lists every one
    ├── InvalidSessionId          not the name of a session
    ├── StoreError                sessions cannot be kept
    │   ├── StoreUnavailable      the server cannot be reached
    │   │   └── ServerStartError  the embedded server does not start
    │   ├── StoreFull             the server's memory bound is reached
    │   ├── SessionBusy           another turn of the session is still being answered
    │   ├── LockLost              the session went on without us; nothing was written
    │   └── UnreadableSession     what is stored is damaged or newer than this version
    ├── PipelineError             the chain failed
    │   ├── PipelineTimeout       the chain took longer than it may
    │   ├── MemoryTooLow          the configuration needs more memory than it may take
    │   └── MessageUnusable       it is the message that the chain cannot work on
    │       └── MessageTooLong    longer than the model can take in at once
    └── DocumentError             a document cannot be taken
        ├── UnsupportedDocument   not a format that is read
        ├── DocumentTooLarge      past a bound; the values name it
        ├── EncryptedDocument     opens with a password only
        ├── EmptyDocument         holds no text: blank, or pictures of pages
        ├── DamagedDocument       not what its format demands, or the reader broke on it
        └── DocumentTimeout       reading took, or would have to wait, too long

Messages are for operators: they name what was expected, what came and what to do, and never
repeat what somebody said. What a user is told stands in ``bot.messages`` (see its ``explain``).
"""

from __future__ import annotations

from collections.abc import Sequence


class BotError(Exception):
    """Root of everything the service raises on purpose."""


class SettingsError(BotError):
    """Settings that cannot be used.

    Attributes:
        problems: one line for each, naming the variable and what it takes.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class InvalidSessionId(BotError):
    """Not the name of a session."""


class StoreError(BotError):
    """Sessions cannot be kept."""


class StoreUnavailable(StoreError):
    """The server that keeps the sessions cannot be reached."""


class ServerStartError(StoreUnavailable):
    """The embedded server does not start."""


class StoreFull(StoreError):
    """The server's memory bound is reached; what is stored stays readable."""


class SessionBusy(StoreError):
    """Another turn of the session is still being answered."""


class LockLost(StoreError):
    """The session's lock ran out while its holder was away; nothing was written."""


class UnreadableSession(StoreError):
    """What is stored of a session is damaged or was written by a newer version."""


class PipelineError(BotError):
    """The chain failed."""


class PipelineTimeout(PipelineError):
    """The chain took longer than it may."""


class MemoryTooLow(PipelineError):
    """The configuration needs more memory than it may take; nothing was loaded."""


class MessageUnusable(PipelineError):
    """The chain is well, but cannot work on this message; the same again would fail again."""


class MessageTooLong(MessageUnusable):
    """The message is longer than the model can take in at once."""


class DocumentError(BotError):
    """A document cannot be taken.

    Attributes:
        code: key of the sentence in ``bot.messages`` that tells the user.
        values: what that sentence names, such as the bound that was passed.
    """

    def __init__(self, code: str, **values: str | int | float) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class UnsupportedDocument(DocumentError):
    """Not a format that is read."""


class DocumentTooLarge(DocumentError):
    """Past a bound; ``values`` names it."""


class EncryptedDocument(DocumentError):
    """The document opens with a password only, or is locked to a device."""


class EmptyDocument(DocumentError):
    """The document holds no text: it is blank, or scanned without text recognition."""


class DamagedDocument(DocumentError):
    """The document is not what its format demands, or the reader broke on it."""


class DocumentTimeout(DocumentError):
    """Reading the document took too long, or all readers were busy for too long."""
