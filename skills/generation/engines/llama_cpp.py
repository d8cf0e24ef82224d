"""The engine for GGUF files: llama.cpp inside this process, through xllamacpp.

It batches the replies of several conversations continuously, keeps their prompts so that a
next turn begins at once, and maps the weights from the file where it uses them as they are.
It must not be reachable from outside: the library insists on an HTTP listener, so it gets one
on a socket in a private folder that is deleted as soon as the model stands.

Asked of the library by trying it (2026.10.11549): a seed gives the same reply whatever is cached
and whatever else runs; there is no beam or contrastive search, and one reply for a prompt.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from skills.checkpoints import checkpoint_file
from skills.compiled import DEFAULT_CACHE
from skills.dialog import Listener
from skills.errors import GenerationError, whole_number
from skills.generation.adapters import adapter_folder
from skills.generation.decoding import Decoding
from skills.generation.engines import Generated, Message, Prompt, limit_of
from skills.generation.engines.llama_cpp_reception import Reception
from skills.generation.engines.lora_gguf import compile_adapter
from skills.generation.engines.sequence_breakers import sequence_breakers
from skills.weight_files import gguf_header

log = logging.getLogger(__name__)

_SUPPORTED = frozenset(
    {
        "do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty",
        "no_repeat_ngram_size", "seed", "max_new_tokens", "stop",
    }
)  # fmt: skip
#: In transformers' order, so that a decoding means the same in both engines.
_SAMPLERS = ["penalties", "dry", "temperature", "top_k", "top_p", "min_p", "typ_p"]
#: Subtracted from a logit, it makes a token impossible.
_FORBIDDING = 1e6
#: Tensor types (Q4_0, Q4_K, IQ4_NL) that llama.cpp copies in another order on CPUs with AVX2
#: (ggml-cpu/repack.cpp). Beside a mapping the weights would be in memory twice: such files are read.
REPACKED = frozenset({2, 12, 20})


class LlamaCppEngine:
    """llama.cpp for one GGUF file.

    Args:
        model: a name of ``skills.checkpoints`` or the path of a GGUF file.
        n_ctx: tokens of prompt and reply together, for each slot.
        n_slots: replies made at the same time. Memory grows with ``n_ctx * n_slots``: 23 kB a
            token for the default model.
        n_threads: threads that compute.
        cache_ram_mib: memory for the prompts of conversations that have no slot just now; 0 for none.
        adapter: a low-rank adapter: see :func:`~skills.generation.adapters.adapter_folder`.
        cache_path: where adapters are kept in the form that llama.cpp reads.

    Raises:
        ConfigurationError: for a number out of range, or an adapter that does not fit the model.
        MissingCheckpoint: if there is no such file or adapter.
    """

    name = "llama_cpp"
    chats = True  # llama.cpp takes a common template where the file brings none
    control_codes: frozenset[str] = frozenset()

    def __init__(
        self,
        model: str,
        n_ctx: int | str = 2048,
        n_slots: int | str = 4,
        n_threads: int | str = 2,
        cache_ram_mib: int | str = 64,
        adapter: str = "",
        cache_path: str = DEFAULT_CACHE,
    ) -> None:
        self.n_ctx = whole_number("n_ctx", n_ctx, 128, 1_000_000)
        self.n_slots = whole_number("n_slots", n_slots, 1, 64)
        self.n_threads = whole_number("n_threads", n_threads, 1, 512)
        self.cache_ram_mib = whole_number("cache_ram_mib", cache_ram_mib, 0, 1_000_000)
        self.model = model
        checkpoint_file(model, verify=False)  # whether it is there: cheap, and better said now
        self.adapter = adapter_folder(adapter, model)
        self.cache_path = cache_path
        self._server: Any = None
        self._breakers = sequence_breakers("")
        self._lock = threading.Lock()
        # a request that is too long is refused with its length before anything is computed:
        # that is how tokens are counted, for the library has no call for it
        self._filler = " a" * (self.n_ctx + 8)
        self._n_filler = self.n_ctx + 8

    def supports(self, parameter: str) -> bool:
        """See :class:`~skills.generation.engines.Engine`."""
        return parameter in _SUPPORTED

    def load(self) -> None:
        """Map the weights and start the threads; about half a second for the default model.

        Raises:
            CheckpointError: if the file is missing, damaged or no GGUF file.
            GenerationError: if the library refuses it.
        """
        with self._lock:
            if self._server is None:
                self._server = self._start(checkpoint_file(self.model))

    def close(self) -> None:
        """Let go of the model; it is freed once the replies in hand are finished."""
        with self._lock:
            self._server = None

    def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of a prompt; takes a few milliseconds and a free slot."""
        padded: Prompt
        if isinstance(prompt, str):
            padded = prompt + self._filler
        else:
            last = prompt[-1]
            padded = [*prompt[:-1], Message(last.role, last.content + self._filler)]
        body = {**_prompt_fields(padded), "max_tokens": 1, "temperature": 0}
        answer = self._call(padded, body)
        error = answer.get("error")
        if isinstance(error, dict) and isinstance(error.get("n_prompt_tokens"), int):
            return int(error["n_prompt_tokens"]) - self._n_filler
        raise GenerationError("llama_cpp: could not count the tokens of a prompt")

    def generate(
        self,
        prompt: Prompt,
        decoding: Decoding,
        listener: Listener | None = None,
        max_new_tokens: int | None = None,
    ) -> Generated:
        """See :class:`~skills.generation.engines.Engine`."""
        body = {
            **_prompt_fields(prompt),
            **self._decoding_fields(decoding, limit_of(decoding, max_new_tokens)),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        reception = Reception(listener)
        self._call(prompt, body, reception)
        return reception.result()

    def _decoding_fields(self, decoding: Decoding, limit: int) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "max_tokens": limit,
            "temperature": decoding.temperature if decoding.do_sample else 0.0,
            "top_k": decoding.top_k,
            "top_p": decoding.top_p,
            "min_p": decoding.min_p,
            "typical_p": decoding.typical_p,
            "repeat_penalty": decoding.repetition_penalty,
            "repeat_last_n": self.n_ctx,
            "samplers": _SAMPLERS,
            "seed": -1 if decoding.seed is None else decoding.seed,
            "stop": list(decoding.stop),
        }
        if decoding.no_repeat_ngram_size:
            fields |= {
                "dry_multiplier": _FORBIDDING,
                "dry_base": 1.0,
                "dry_allowed_length": decoding.no_repeat_ngram_size - 1,
                "dry_penalty_last_n": self.n_ctx,
                # the library's own would hide repetitions across a colon, a quotation mark or a line's end
                "dry_sequence_breakers": self._breakers,
            }
        return fields

    def _call(
        self, prompt: Prompt, body: dict[str, Any], callback: Callable[[dict[str, Any]], bool] | None = None
    ) -> dict[str, Any]:
        server = self._server
        if server is None:
            raise GenerationError("llama_cpp: the engine is not loaded")
        handle = server.handle_completions if isinstance(prompt, str) else server.handle_chat_completions
        try:
            answer: dict[str, Any] | None = handle(body, callback)
        except Exception as error:
            # its text may hold what somebody said
            raise GenerationError(f"llama_cpp: the library failed with {type(error).__name__}") from error
        return answer or {}

    def _start(self, file: Path) -> Any:
        header = gguf_header(file)
        mapped = not header.types & REPACKED
        self._breakers = sequence_breakers(str(header.values.get("tokenizer.chat_template", "")))
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        modes = xllamacpp.llama_load_mode
        params.load_mode = modes.LLAMA_LOAD_MODE_MMAP if mapped else modes.LLAMA_LOAD_MODE_NONE
        params.n_ctx = self.n_ctx * self.n_slots  # the library divides it among the slots
        params.n_parallel = self.n_slots
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self.n_threads
        params.n_batch = params.n_ubatch = 256  # bounds the compute buffers
        params.cache_ram_mib = self.cache_ram_mib
        if self.adapter is not None:
            lora = compile_adapter(self.adapter, file, self.cache_path)
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(lora), 1.0)]
        params.fit_params = False  # would change n_ctx to what it thinks is there
        params.warmup = False
        params.verbosity = -1
        params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
        params.force_pure_content_parser = True  # no tool calls: the text is the text
        params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
        params.n_threads_http = 1
        with _unreachable_listener(params):
            try:
                return xllamacpp.Server(params)
            except RuntimeError as error:
                raise GenerationError(
                    f"llama_cpp: cannot load {file}: damaged, a model this version of llama.cpp does not "
                    f"know, or too little memory for {self.n_slots} slots of {self.n_ctx} tokens"
                ) from error


def _prompt_fields(prompt: Prompt) -> dict[str, Any]:
    if isinstance(prompt, str):
        return {"prompt": prompt}
    return {"messages": [message.as_dict() for message in prompt]}


@contextlib.contextmanager
def _unreachable_listener(params: Any) -> Iterator[None]:
    """Gives the library's HTTP server an address that is gone when the block ends.

    A socket whose file is deleted takes no new connection. Until then only this user can open
    the folder, and nobody knows the key.
    """
    folder = tempfile.mkdtemp(prefix="quoth-")  # mode 0700
    params.hostnames = [os.path.join(folder, "llama.sock")]
    params.api_keys = [secrets.token_hex(32)]
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
