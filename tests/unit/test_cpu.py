"""What the processor's own description says it can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from skills import cpu
from skills.compiled import resolved

X86 = (
    "processor\t: 0\nvendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: {}\nflags\t\t: fpu {}\n"
    "processor\t: 1\nflags\t\t: fpu\n"
)
SKYLAKE = ("GenuineIntel", 6, 94, "avx2 fma")
Describe = Callable[..., None]


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> Iterator[Describe]:
    """Has the processor described by a text for ``/proc/cpuinfo``, on a machine of some kind."""

    def describe(cpuinfo: str | None, machine: str = "x86_64", system: str = "Linux") -> None:
        monkeypatch.setattr(cpu, "_CPUINFO", _File(cpuinfo))
        monkeypatch.setattr("platform.machine", lambda: machine)
        monkeypatch.setattr("platform.system", lambda: system)
        cpu._cpuinfo.cache_clear()

    yield describe
    cpu._cpuinfo.cache_clear()


def test_flags_are_those_of_the_first_processor() -> None:
    assert cpu.flags_of(X86.format(*SKYLAKE)) == {"fpu", "avx2", "fma"}
    assert cpu.flags_of("Features : fp asimd asimddp\n") == {"fp", "asimd", "asimddp"}
    assert cpu.flags_of("") == frozenset()


@pytest.mark.parametrize(
    ("processor", "precision", "saturates"),
    [
        pytest.param(("GenuineIntel", 6, 94, "avx2 avx512f avx512_vnni"), "int8", False, id="VNNI"),
        pytest.param(("GenuineIntel", 6, 151, "avx2 avx_vnni"), "int8", False, id="VNNI of 256 bits"),
        pytest.param(SKYLAKE, "int8", True, id="AVX2"),
        pytest.param(("GenuineIntel", 6, 42, "avx"), "fp32", True, id="AVX"),
        pytest.param(("AuthenticAMD", 23, 0x31, "avx2"), "int8", True, id="Zen 2"),
        pytest.param(("AuthenticAMD", 23, 0x08, "avx2"), "fp32", True, id="Zen+: two halves"),
        pytest.param(("AuthenticAMD", 21, 0x65, "avx2"), "fp32", True, id="Excavator: two halves"),
        pytest.param(("HygonGenuine", 24, 0, "avx2"), "fp32", True, id="Dhyana: two halves"),
        pytest.param(("AuthenticAMD", 25, 1, "avx2"), "int8", True, id="Zen 3"),
    ],
)
def test_x86_takes_int8_where_that_is_faster_and_knows_where_sums_are_cut_off(
    processor: tuple[str, int, int, str], precision: str, saturates: bool, described: Describe
) -> None:
    described(X86.format(*processor))
    assert resolved("auto") == precision
    assert cpu.saturates_int8() == saturates


@pytest.mark.parametrize(
    ("cpuinfo", "machine", "system", "precision", "saturates"),
    [
        pytest.param("Features : fp asimd asimddp\n", "aarch64", "Linux", "int8", False, id="Arm"),
        pytest.param("Features : fp asimd\n", "aarch64", "Linux", "fp32", False, id="older Arm"),
        pytest.param(None, "arm64", "Darwin", "int8", False, id="Apple"),
        pytest.param(None, "x86_64", "Darwin", "fp32", True, id="Apple with Intel"),
        pytest.param(None, "AMD64", "Windows", "fp32", True, id="no description"),
    ],
)
def test_others_take_int8_where_they_are_known_to_be_fast(
    cpuinfo: str | None, machine: str, system: str, precision: str, saturates: bool, described: Describe
) -> None:
    described(cpuinfo, machine, system)
    assert resolved("auto") == precision
    assert cpu.saturates_int8() == saturates


def test_a_precision_that_is_asked_for_is_what_one_gets(described: Describe) -> None:
    described(X86.format(*SKYLAKE))
    assert resolved("fp32") == "fp32"
    described(None)
    assert resolved("int8") == "int8"


class _File:
    def __init__(self, text: str | None) -> None:
        self._text = text

    def is_file(self) -> bool:
        return self._text is not None

    def read_text(self, *_: str) -> str:
        return self._text or ""
