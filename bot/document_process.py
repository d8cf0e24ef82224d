"""The service's side of the worker process: start it, feed it, watch it, end it.

Everything that comes back is checked: a file that has taken the worker over can answer what it
likes, but no more than a bounded text with sections inside it, or an error from the list.
"""

from __future__ import annotations

import json
import logging
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Any

from bot import errors
from bot.document_formats.builder import Extract, Section
from bot.document_formats.limits import Limits
from bot.document_formats.sniffing import Format
from bot.document_messages import DOCUMENT_TEXTS
from bot.document_worker import ERROR, HEADER, PROGRESS, RESULT
from bot.errors import DamagedDocument, DocumentError, DocumentTimeout

_log = logging.getLogger(__name__)

#: Files read at the same time by one service. More wait, as long as one may take.
MAX_WORKERS = 2

_CHUNK = 1 << 16
#: A section as JSON takes no more than this.
_SECTION_BYTES = 1024

#: Kind of an exception, file and line.
_PLACE = re.compile(r"\w{1,60} [\w.-]{1,60}:\d{1,6}")

_slots = threading.BoundedSemaphore(MAX_WORKERS)


def extract_in_process(
    format: Format,
    name: str,
    data: bytes,
    limits: Limits,
    progress: Callable[[float], None] | None = None,
) -> Extract:
    """Read a file in a process of its own.

    Args:
        format: as told by its first bytes.
        name: of the file.
        data: the file.
        limits: the bounds; ``seconds`` counts from the process's start, and waiting for a free
            place may take as long again.
        progress: called in this thread with the share done, in [0, 1]. What it raises ends the
            worker and is passed on.

    Raises:
        DocumentTimeout: if it takes too long, or no place gets free.
        DamagedDocument: if the worker dies on the file.
        DocumentError: whatever the reader says of the file.
    """
    if not _slots.acquire(timeout=limits.seconds):
        raise DocumentTimeout("document.busy")
    try:
        try:
            worker = _Worker(format, name, data, limits, progress or (lambda share: None))
        except OSError as error:  # the machine is out of processes or memory
            _log.warning("no worker could be started to read a document: %s", error.strerror)
            raise DocumentTimeout("document.busy") from error
        try:
            return worker.run()
        finally:
            worker.end()
    finally:
        _slots.release()


def worker_command() -> list[str]:
    """How the worker is started; its working directory is the folder of the ``bot`` package."""
    return [sys.executable, "-s", "-m", "bot.document_worker"]


class _Worker:
    """One process and one file."""

    def __init__(
        self, format: Format, name: str, data: bytes, limits: Limits, progress: Callable[[float], None]
    ) -> None:
        self._format = format
        self._limits = limits
        self._progress = progress
        job = {"format": format, "name": name, "limits": asdict(limits)}
        self._head = json.dumps(job).encode() + b"\n"
        self._data = memoryview(data)
        self._answer = bytearray()
        self._most = 6 * limits.characters + _SECTION_BYTES * limits.sections + _CHUNK
        self._deadline = time.monotonic() + limits.seconds
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no word of the user's
            worker_command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parent.parent,
            # Nothing of our environment: a file that takes the worker over finds no token there.
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LANG": "C.UTF-8"},
        )

    def run(self) -> Extract:
        """Feed the file, pass progress on, and give back the result."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        stdin, stdout = self._process.stdin, self._process.stdout
        to_write = [memoryview(self._head), self._data]
        with selectors.DefaultSelector() as selector:
            for pipe, event in ((stdin, selectors.EVENT_WRITE), (stdout, selectors.EVENT_READ)):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, event)
            while True:
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise DocumentTimeout("document.timeout", limit=self._limits.seconds)
                for key, _ in selector.select(left):
                    if key.fileobj is stdin:
                        if not _write_some(stdin.fileno(), to_write):
                            selector.unregister(stdin)
                            with suppress(OSError):
                                stdin.close()
                        continue
                    part = os.read(stdout.fileno(), _CHUNK)
                    if not part:
                        raise self._died()
                    self._answer += part
                    result = self._take_frames()
                    if result is not None:
                        return result

    def end(self) -> None:
        """Kill the process, if it still runs, and clear up after it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _take_frames(self) -> Extract | None:
        """Work off the frames that are complete; the result, once it is there."""
        while len(self._answer) >= HEADER.size:
            kind, length = HEADER.unpack_from(self._answer)
            if length > self._most or kind not in (PROGRESS, RESULT, ERROR):
                raise DamagedDocument("document.damaged")
            end = HEADER.size + length
            if len(self._answer) < end:
                return None
            content = _content(bytes(self._answer[HEADER.size : end]))
            del self._answer[:end]
            if kind == RESULT:
                return _checked_result(content, self._limits)
            if kind == ERROR:
                raise _checked_error(content)
            if isinstance(content, float | int) and 0 <= content <= 1:
                self._progress(float(content))
        return None

    def _died(self) -> DocumentError:
        """The error for a worker that left without an answer."""
        try:
            status = self._process.wait(timeout=max(0.1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return DocumentTimeout("document.timeout", limit=self._limits.seconds)
        if status == -signal.SIGXCPU:
            return DocumentTimeout("document.timeout", limit=self._limits.seconds)
        _log.warning("the worker reading a %s document died with status %d", self._format, status)
        return DamagedDocument("document.damaged")


def _write_some(descriptor: int, to_write: list[memoryview]) -> bool:
    """Write what the pipe takes; whether anything is left to write."""
    try:
        while to_write and not to_write[0]:
            to_write.pop(0)
        if to_write:
            n_written = os.write(descriptor, to_write[0][:_CHUNK])
            to_write[0] = to_write[0][n_written:]
    except BlockingIOError:
        return True
    except OSError:  # the worker closed its end: its answer says why
        return False
    return any(to_write)


def _content(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise DamagedDocument("document.damaged") from error


def _checked_result(content: Any, limits: Limits) -> Extract:
    """The worker's result, if it keeps to the bounds and its sections tile the text."""
    try:
        text = content["text"]
        sections = tuple(Section(label, start, end) for label, start, end in content["sections"])
        text.encode()
        tiles = (
            all(isinstance(s.label, str) and type(s.start) is type(s.end) is int for s in sections)
            and all(s.start < s.end for s in sections)
            and all(before.end == after.start for before, after in pairwise(sections))
            and (not sections or (sections[0].start == 0 and sections[-1].end == len(text)))
        )
        if tiles and 0 < len(text) <= limits.characters:
            return Extract(text, sections)
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    raise DamagedDocument("document.damaged")


def _checked_error(content: Any) -> DocumentError:
    """The worker's error, if it is one that has a sentence, with what the sentence names."""
    try:
        kind, code, values = getattr(errors, content["error"]), content["code"], content["values"]
        if _PLACE.fullmatch(content["where"]):
            _log.warning("the worker could not follow a document: %s", content["where"])
        named = {name for _, name, _, _ in Formatter().parse(DOCUMENT_TEXTS[code][0]) if name}
        if (
            issubclass(kind, DocumentError)
            and named == set(values)
            and all(isinstance(value, int | float) for value in values.values())
        ):
            error = kind(code, **values)
            assert isinstance(error, DocumentError)
            return error
    except (KeyError, TypeError, AttributeError):
        pass
    return DamagedDocument("document.damaged")
