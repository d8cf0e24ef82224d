"""The bot's way to the skills: builds the pipelines once, calls them, bounds their time.

The only module of the service, beside ``bot.component``, that imports DeepPavlov. What the
skills raise is converted here; the rest of the service sees ``bot.errors`` alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any, TypeVar

from bot.errors import MemoryTooLow, MessageTooLong, MessageUnusable, PipelineError, PipelineTimeout
from bot.settings import Settings, offline_environment
from skills.dialog import Knowledge, Listener, Preferences, Progress, Reply, Turn
from skills.errors import InputError, InputTooLong, SkillError
from skills.footprint import Footprint, checkpoints_of, footprint
from skills.retrieval.changes import Change, ShelfEntry

log = logging.getLogger(__name__)
T = TypeVar("T")

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
#: Calls of the chain that run at the same time; the generator has as many slots.
N_CALLS = 8


class Pipeline:
    """The dialog chain and the ingest pipeline, loaded once and shared by all threads.

    Args:
        settings: which models, and how long a reply may take.
        dialog: config of the chain, a name in ``configs/`` or a path.
        ingest: config of the pipeline that changes shelves.
    """

    def __init__(self, settings: Settings, dialog: str = "dialog.json", ingest: str = "ingest.json") -> None:
        self.settings = settings
        self._dialog_config = config_file(dialog)
        self._ingest_config = config_file(ingest)
        self._dialog: Any = None
        self._ingest: Any = None
        self._pool: ThreadPoolExecutor | None = None
        self._loading = threading.Lock()

    def footprint(self) -> Footprint:
        """The memory that a process with both pipelines takes; loads nothing.

        Raises:
            PipelineError: if a config or its weights cannot be used; the message says why.
        """
        return self._told(footprint)

    def checkpoints(self) -> set[str]:
        """Names and folders of the encoders that the pipelines read with; loads nothing.

        Raises:
            PipelineError: as :meth:`footprint`.
        """
        return self._told(checkpoints_of)

    def _told(self, tell: Callable[[Sequence[dict[str, Any]]], T]) -> T:
        """What a function tells of the components of both pipelines."""
        pipes = [parsed(config, changes)["chainer"]["pipe"] for config, changes in self._configs()]
        try:
            return tell([component for pipe in pipes for component in pipe])
        except SkillError as error:
            raise PipelineError(str(error)) from error
        except (LookupError, ValueError) as error:
            names = " and ".join(config.name for config, _ in self._configs())
            raise PipelineError(f"cannot tell what {names} need: {error!r}") from error

    def check_memory(self) -> None:
        """Whether the pipelines may be loaded, before anything is.

        Raises:
            MemoryTooLow: if they need more than ``settings.memory_mb``; the message has the figures.
            PipelineError: if a config or its weights cannot be used.
        """
        if self.settings.memory_mb is None:
            return
        refusal = self.footprint().refusal(self.settings.memory_mb, "QUOTH_MEMORY_MB")
        if refusal is not None:
            raise MemoryTooLow(refusal)

    def load(self) -> None:
        """Build both pipelines; does nothing the second time.

        Raises:
            MemoryTooLow: as :meth:`check_memory`.
            PipelineError: if a config or its weights cannot be used; the message says why.
        """
        with self._loading:
            if self._dialog is not None:
                return
            self.check_memory()
            dialog, self._ingest = (build(config, changes) for config, changes in self._configs())
            self._pool = ThreadPoolExecutor(N_CALLS, thread_name_prefix="chain")
            self._dialog = dialog

    def reply(
        self,
        utterance: str,
        history: Sequence[Turn],
        knowledge: Knowledge,
        preferences: Preferences,
        listener: Listener | None = None,
    ) -> Reply:
        """One turn through the chain.

        Raises:
            PipelineTimeout: after ``settings.reply_timeout_s``; the generation is told to stop,
                so the worker is free again.
            MessageUnusable: if it is the message that cannot be worked on.
            PipelineError: if a skill failed.
        """
        deadline = time.monotonic() + self.settings.reply_timeout_s
        given_up = threading.Event()

        def bounded(piece: str) -> bool:
            if given_up.is_set() or time.monotonic() > deadline:
                return True
            return listener(piece) if listener is not None else False

        def call() -> Reply:
            replies = self._dialog([utterance], [list(history)], [knowledge], [bounded], [preferences])
            reply: Reply = replies[0]
            return reply

        self.load()
        future = self._submit(call)
        try:
            return self._result(future, self.settings.reply_timeout_s)
        except PipelineTimeout:
            given_up.set()
            future.cancel()
            raise

    def change_shelf(
        self, shelf: Path, change: Change, progress: Progress | None = None
    ) -> tuple[ShelfEntry, ...]:
        """Change a shelf and list what stands on it afterwards.

        Raises:
            PipelineError: if the shelf cannot be written.
        """
        self.load()

        def call() -> tuple[ShelfEntry, ...]:
            results = self._ingest([str(shelf)], [change], [progress])
            return tuple(results[0])

        return self._result(self._submit(call), None)

    def close(self) -> None:
        """Stop the models and the threads. What is in hand is finished first."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        for chainer in (self._dialog, self._ingest):
            if chainer is not None:
                chainer.destroy()
        self._dialog = self._ingest = self._pool = None

    def _configs(self) -> tuple[tuple[Path, dict[str, Any]], tuple[Path, dict[str, Any]]]:
        """Both configs, each with the variables that the settings change."""
        return (self._dialog_config, variables(self.settings)), (self._ingest_config, {})

    def _submit(self, call: Callable[[], T]) -> Future[T]:
        if self._pool is None:
            raise PipelineError("the pipeline is closed")
        return self._pool.submit(call)

    def _result(self, future: Future[T], timeout_s: float | None) -> T:
        try:
            return future.result(timeout_s)
        except FutureTimeout as error:
            raise PipelineTimeout(f"no reply within {timeout_s:g} s") from error
        except InputTooLong as error:
            raise MessageTooLong(str(error)) from error
        except InputError as error:
            raise MessageUnusable(str(error)) from error
        except SkillError as error:
            raise PipelineError(f"{type(error).__name__}: {error}") from error
        except Exception as error:
            # not the exception's text: it may hold what somebody said
            raise PipelineError(f"a skill failed with {type(error).__name__}") from error


def config_file(name: str) -> Path:
    """A config by path, or by its name in ``configs/``.

    Raises:
        PipelineError: if there is none.
    """
    for path in (Path(name).expanduser(), CONFIGS / name):
        if path.is_file():
            return path
    raise PipelineError(f"no config {name}: expected a file, or one of {CONFIGS}")


def variables(settings: Settings) -> dict[str, Any]:
    """What the settings change in the chain's variables; unset ones stay as the config says."""
    chosen = {
        "ENGINE": settings.engine,
        "MODEL": settings.model,
        "MODEL_KEY": settings.model_key,
        "READER": settings.reader,
    }
    if settings.reader == "accurate":
        chosen["SKIM_WITH"] = "fast"  # five passages by the large reader are a wait; two are not
    return {name: value for name, value in chosen.items() if value}


def parsed(config: Path, overwritten: dict[str, Any]) -> Any:
    """A config with some of its variables changed, and all of them filled in.

    Raises:
        PipelineError: if it is no config.
    """
    offline_environment()
    from deeppavlov.core.commands.utils import parse_config

    try:
        changes = {f"metadata.variables.{name}": value for name, value in overwritten.items()}
        return parse_config(str(config), overwrite=changes)
    except Exception as error:
        raise PipelineError(f"{config.name} cannot be read: {type(error).__name__}: {error}") from error


def build(config: Path, overwritten: dict[str, Any]) -> Any:
    """Build a DeepPavlov pipeline with some of its variables changed.

    Raises:
        PipelineError: if it cannot be built; the message says why, without a traceback.
    """
    filled = parsed(config, overwritten)
    from deeppavlov.core.commands.infer import build_model

    params_log = logging.getLogger("deeppavlov.core.common.params")
    params_log.setLevel(logging.CRITICAL)  # it logs a traceback of what is raised anyway
    try:
        return build_model(filled)
    except SkillError as error:
        raise PipelineError(str(error)) from error
    except Exception as error:
        raise PipelineError(f"{config.name} cannot be built: {type(error).__name__}: {error}") from error
