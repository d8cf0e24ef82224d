"""What the processor's own description says it can do."""

from __future__ import annotations

import pytest

from skills import cpu
from skills.compiled import resolved

X86 = "processor\t: 0\nflags\t\t: fpu sse2 avx2 fma {}\nprocessor\t: 1\nflags\t\t: fpu\n"


def test_flags_are_those_of_the_first_processor() -> None:
    assert cpu.flags_of(X86.format("")) == {"fpu", "sse2", "avx2", "fma"}
    assert cpu.flags_of("Features : fp asimd asimddp\n") == {"fp", "asimd", "asimddp"}
    assert cpu.flags_of("") == frozenset()


@pytest.mark.parametrize(("flag", "precision"), [("", "fp32"), ("avx512_vnni", "int8"), ("avx_vnni", "int8")])
def test_auto_takes_int8_where_the_processor_multiplies_it_fast(
    flag: str, precision: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(cpu, "_CPUINFO", _File(X86.format(flag)))
    cpu.has_int8_dot_products.cache_clear()
    try:
        assert resolved("auto") == precision
        assert resolved("int8") == "int8"
        assert resolved("fp32") == "fp32"
    finally:
        cpu.has_int8_dot_products.cache_clear()


class _File:
    def __init__(self, text: str) -> None:
        self._text = text

    def is_file(self) -> bool:
        return True

    def read_text(self, *_: str) -> str:
        return self._text
