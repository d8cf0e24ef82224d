"""The engine for any causal language model that transformers loads: the reference.

It has every decoding strategy, makes one reply at a time, and is several times slower than
``llama_cpp`` on a CPU. Torch and transformers are imported by :meth:`TransformersEngine.load`
and not before: the chat process must not pay for them unless they are asked for.
"""

from __future__ import annotations

import threading
from typing import Any

from skills.dialog import Listener
from skills.errors import ConfigurationError, GenerationError, whole_number
from skills.generation.adapters import adapter_folder
from skills.generation.decoding import Decoding
from skills.generation.engines import Generated, Prompt, limit_of
from skills.generation.engines.causal_model import DTYPES, load_causal_model, locate
from skills.generation.engines.ctrl import CTRL, HALF_WORD, codes_of
from skills.generation.engines.no_repeat_ngram import NoRepeatNGram
from skills.generation.engines.token_text import TokenStreamer, TokenText, until_end

#: For models that bring no chat template: those that were never trained on chats.
_PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{{ message.content }}\n\n"
    "{% else %}{{ 'User' if message.role == 'user' else 'Assistant' }}: {{ message.content }}\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


class TransformersEngine:
    """transformers for one causal language model.

    Args:
        model: a folder with ``config.json``, a tokenizer and ``*.safetensors``; the path of a GGUF
            file; or a name of ``skills.checkpoints``.
        n_ctx: tokens of prompt and reply together; the model's own limit where that is lower.
        n_slots: only 1: replies are made one after the other.
        n_threads: threads that compute (torch's, of the whole process).
        dtype: ``float32``, ``bfloat16`` (half the memory, faster where the CPU knows it) or
            ``float16``; ``auto`` is ``float16`` for CTRL, which takes 6.5 GB otherwise, and
            ``float32`` for every other model.
        adapter: a low-rank adapter, merged into the weights: see
            :func:`~skills.generation.adapters.adapter_folder`.

    Raises:
        ConfigurationError: for a value that does not fit, or an adapter that does not fit the model.
        MissingCheckpoint: if there is no such model or adapter.
    """

    name = "transformers"

    def __init__(
        self,
        model: str,
        n_ctx: int | str = 2048,
        n_slots: int | str = 1,
        n_threads: int | str = 2,
        dtype: str = "auto",
        adapter: str = "",
    ) -> None:
        if dtype not in DTYPES:
            raise ConfigurationError(
                f"engine transformers: dtype expects one of {', '.join(DTYPES)}; got {dtype!r}"
            )
        self.n_ctx = whole_number("n_ctx", n_ctx, 16, 1_000_000)
        whole_number("n_slots", n_slots, 1, 64)  # more than one is welcome to wait
        self.n_slots = 1
        self.n_threads = whole_number("n_threads", n_threads, 1, 512)
        self.dtype = dtype
        self.model = model
        locate(model, verify=False)
        self.adapter = adapter_folder(adapter, model)
        self._model: Any = None
        self._tokenizer: Any = None
        self.chats = False
        self.control_codes: frozenset[str] = frozenset()
        self._half_word = ""
        # one reply at a time: torch's threads and its random generator are the process's
        self._lock = threading.RLock()

    def supports(self, parameter: str) -> bool:
        """Everything: see :class:`~skills.generation.engines.Engine`."""
        return True

    def load(self) -> None:
        """Import torch and transformers and load the weights; takes seconds.

        Raises:
            CheckpointError: if weights are missing or damaged; no layer is ever left random.
        """
        with self._lock:
            if self._model is not None:
                return
            import torch

            torch.set_num_threads(self.n_threads)
            tokenizer, model = load_causal_model(self.model, self.dtype, self.adapter)
            # CTRL has room for more positions (the first) than it was trained on (the second)
            for limit in ("max_position_embeddings", "n_ctx"):
                self.n_ctx = min(self.n_ctx, int(getattr(model.config, limit, None) or self.n_ctx))
            self.chats = bool(tokenizer.chat_template)
            if model.config.model_type == CTRL:
                self.control_codes, self._half_word = codes_of(tokenizer), HALF_WORD
            self._tokenizer, self._model = tokenizer, model

    def close(self) -> None:
        """Let go of the model."""
        with self._lock:
            self._model = self._tokenizer = None

    def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of a prompt, exactly."""
        with self._lock:
            return int(self._encode(prompt).shape[1])

    def generate(
        self,
        prompt: Prompt,
        decoding: Decoding,
        listener: Listener | None = None,
        max_new_tokens: int | None = None,
    ) -> Generated:
        """See :class:`~skills.generation.engines.Engine`. Beams are handed on once they are done."""
        with self._lock:
            input_ids = self._encode(prompt)
            limit = min(limit_of(decoding, max_new_tokens), self.n_ctx - int(input_ids.shape[1]))
            if limit < 1:
                raise GenerationError("transformers: the prompt is longer than the model's context")
            import torch

            with torch.inference_mode(), torch.random.fork_rng(devices=[]):
                if decoding.seed is not None:
                    torch.manual_seed(decoding.seed)
                else:
                    torch.seed()
                return self._generate(input_ids, decoding, limit, listener, not isinstance(prompt, str))

    def _generate(
        self, input_ids: Any, decoding: Decoding, limit: int, listener: Listener | None, chat: bool
    ) -> Generated:
        reception = TokenText(self._tokenizer, decoding.stop, listener, self._half_word)
        n_prompt = int(input_ids.shape[1])
        bans = self._bans(decoding, n_prompt if chat else 0)
        if decoding.penalty_alpha:
            made = [self._contrastive(input_ids, decoding, limit, reception, bans)]
        else:
            made = self._transformers(input_ids, decoding, limit, reception, bans)
        # beams, or several replies: nothing came piece by piece
        if not reception.n_tokens and not reception.stopped:
            reception.take(made[0])
        text = reception.finish()
        others = [] if reception.stopped else made[1:]
        return Generated(
            text=text,
            n_tokens=len(made[0]),
            stopped=reception.stopped,
            cut=len(made[0]) >= limit and not reception.over,
            n_prompt_tokens=n_prompt,
            alternatives=tuple(self._text(ids, decoding.stop) for ids in others),
        )

    def _transformers(
        self, input_ids: Any, decoding: Decoding, limit: int, reception: TokenText, bans: list[Any]
    ) -> list[list[int]]:
        import torch
        import transformers

        ends = self._end_tokens()
        parameters: dict[str, Any] = {
            "max_new_tokens": limit,
            "do_sample": decoding.do_sample,
            "num_beams": decoding.num_beams,
            "num_return_sequences": decoding.num_return_sequences,
            "repetition_penalty": decoding.repetition_penalty,
            "eos_token_id": sorted(ends) or None,
            "pad_token_id": min(ends, default=0),
        }
        if decoding.do_sample:
            parameters |= {
                "temperature": float(decoding.temperature),
                "top_k": decoding.top_k,
                "top_p": float(decoding.top_p),
                "min_p": decoding.min_p or None,
                "typical_p": float(decoding.typical_p),
            }
        if decoding.num_beams > 1:
            parameters["length_penalty"] = float(decoding.length_penalty)
        streamed = decoding.num_beams == 1 and decoding.num_return_sequences == 1

        # asked after each token, of beams too: that is where a reply is stopped
        def criterion(ids: Any, scores: Any, **_: Any) -> Any:
            over = reception.over if streamed else reception.ask()
            return torch.full((ids.shape[0],), over, dtype=torch.bool)

        output = self._model.generate(
            input_ids,
            attention_mask=torch.ones_like(input_ids),
            generation_config=transformers.GenerationConfig(**parameters),
            use_model_defaults=False,
            streamer=TokenStreamer(reception, ends) if streamed else None,
            stopping_criteria=transformers.StoppingCriteriaList([criterion]),
            logits_processor=transformers.LogitsProcessorList(bans),
        )
        return [until_end(row[input_ids.shape[1] :].tolist(), ends) for row in output]

    def _contrastive(
        self, input_ids: Any, decoding: Decoding, limit: int, reception: TokenText, bans: list[Any]
    ) -> list[int]:
        import transformers

        from skills.generation.engines.contrastive import contrastive_search

        penalties = transformers.LogitsProcessorList()
        if decoding.repetition_penalty > 1:
            penalties.append(
                transformers.RepetitionPenaltyLogitsProcessor(float(decoding.repetition_penalty))
            )
        penalties += bans
        return contrastive_search(
            self._model,
            input_ids,
            penalty_alpha=decoding.penalty_alpha,
            top_k=decoding.top_k,
            max_new_tokens=limit,
            eos_token_ids=self._end_tokens(),
            process_logits=penalties,
            on_token=lambda token: reception.take([token]),
        )

    def _encode(self, prompt: Prompt) -> Any:
        if self._model is None:
            raise GenerationError("transformers: the engine is not loaded")
        if isinstance(prompt, str):
            return self._tokenizer(prompt, return_tensors="pt")["input_ids"]
        return self._tokenizer.apply_chat_template(
            [message.as_dict() for message in prompt],
            chat_template=None if self._tokenizer.chat_template else _PLAIN_TEMPLATE,
            add_generation_prompt=True,
            return_tensors="pt",
        )

    def _bans(self, decoding: Decoding, begin: int) -> list[Any]:
        """What forbids repeated runs; they are the reply's own from position ``begin`` on."""
        if not decoding.no_repeat_ngram_size:
            return []
        never = self._end_tokens() | frozenset(self._tokenizer.all_special_ids)
        return [NoRepeatNGram(decoding.no_repeat_ngram_size, begin, never)]

    def _end_tokens(self) -> frozenset[int]:
        # the tokenizer's own eos is wrong for some GGUF files: the model's counts
        ids = self._model.generation_config.eos_token_id
        if ids is None:
            ids = self._model.config.eos_token_id
        if ids is None:
            return frozenset()
        return frozenset(ids) if isinstance(ids, list) else frozenset({int(ids)})

    def _text(self, ids: list[int], stops: tuple[str, ...]) -> str:
        reception = TokenText(self._tokenizer, stops, None, self._half_word)
        reception.take(ids)
        return reception.finish()
