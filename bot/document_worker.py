"""The process in which a stranger's file is read: ``python -m bot.document_worker``.

PDF, Office and web formats are read by large libraries in C, and a file can be made to hang
them, to fill the memory or to take them over. So they run here: a process without the
service's environment and connections, that can write no file, whose memory and CPU time the
kernel bounds, and that the service kills when it takes too long.

Standard input holds one line of JSON, the job, and then the file. Standard output carries
frames: a letter, the length of the rest as four bytes, and JSON: ``P`` a share in [0, 1],
``R`` the result, ``E`` an error. Nothing else is imported than the format's reader.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
import traceback
from collections.abc import Mapping
from typing import IO, Any

from bot.document_formats.limits import Limits, megabytes
from bot.document_formats.reading import reader
from bot.errors import DamagedDocument, DocumentError, DocumentTooLarge

HEADER = struct.Struct(">cI")
PROGRESS, RESULT, ERROR = b"P", b"R", b"E"

#: Progress is reported at most this often, as shares of the whole.
_STEP = 0.01


def main() -> None:
    """Read one file and leave."""
    frames = _private_output()
    job = json.loads(sys.stdin.buffer.readline())
    limits = Limits(**job["limits"])
    read = reader(job["format"])  # libraries are loaded before the bounds fall
    _bound(limits)
    try:
        extract = read(sys.stdin.buffer.read(), job["name"], limits, _Reporter(frames))
        sections = [(section.label, section.start, section.end) for section in extract.sections]
        answer = _frame(RESULT, {"text": extract.text, "sections": sections})
    except DocumentError as error:
        answer = _error_frame(error)
    except MemoryError:
        limit = megabytes(limits.memory_bytes)
        answer = _error_frame(DocumentTooLarge("document.too_much_memory", limit=limit))
    except Exception as error:  # whatever a library raises on a file it cannot follow
        answer = _error_frame(DamagedDocument("document.damaged"), where=_where(error))
    frames.write(answer)
    frames.flush()


class _Reporter:
    """Sends the share that is done, now and then."""

    def __init__(self, frames: IO[bytes]) -> None:
        self._frames = frames
        self._reported = 0.0

    def __call__(self, share: float) -> None:
        if share >= self._reported + _STEP:
            self._reported = share
            self._frames.write(_frame(PROGRESS, share))
            self._frames.flush()


def _private_output() -> IO[bytes]:
    """Standard output for the frames alone: what a library prints goes nowhere."""
    frames = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return frames


def _bound(limits: Limits) -> None:
    """Ask the kernel to hold this process to its bounds. None can be raised again."""
    cpu_s = int(limits.seconds) + 1
    for kind, amount in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),  # no file can be written
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),  # no process can be started (this does not hold for root)
    ):
        _, hard = resource.getrlimit(kind)
        bound = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        try:
            resource.setrlimit(kind, (bound, bound))
        except (ValueError, OSError):
            # macOS refuses some of them. The clock and the size of the answer bound it still.
            continue


def _frame(kind: bytes, content: object) -> bytes:
    payload = json.dumps(content, ensure_ascii=False).encode()
    return HEADER.pack(kind, len(payload)) + payload


def _error_frame(error: DocumentError, where: str = "") -> bytes:
    content: Mapping[str, Any] = {
        "error": type(error).__name__,
        "code": error.code,
        "values": error.values,
        "where": where,
    }
    return _frame(ERROR, content)


def _where(error: Exception) -> str:
    """Kind and place of an error for the operator's log, without its words: they may be the file's."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} {place}"


if __name__ == "__main__":
    main()
