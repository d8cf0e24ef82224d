"""What this machine's processor multiplies fast and exactly. Knows nothing of models."""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

#: Instructions that multiply and add 8-bit numbers four at a time, as Linux names them.
_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
#: The first AMD processors with AVX2 whose vector units are 256 bits wide: family, model (Zen 2).
_WIDE_AMD = (23, 0x30)
_X86 = frozenset({"x86_64", "amd64", "i386", "i686"})
_CPUINFO = Path("/proc/cpuinfo")


def multiplies_int8_fast() -> bool:
    """Whether products of 8-bit integers are faster than those of 32-bit floats.

    They are with instructions for them, and with AVX2 in units of 256 bits (1.5 times and more on
    Zen 3). Where AVX2 works in two halves they take as long (1.02 times on Zen 1) and only cost
    accuracy. Unknown processors count as slow, but for Apple's, which all have the instructions.
    """
    if not _cpuinfo():
        return platform.system() == "Darwin" and platform.machine() == "arm64"
    flags = flags_of(_cpuinfo())
    if flags & _INT8_FLAGS:
        return True
    return "avx2" in flags and not _has_half_units(_cpuinfo())


def saturates_int8() -> bool:
    """Whether sums of products of 8-bit numbers are cut off.

    On x86 without instructions for them ONNX Runtime adds two such products up in 16 bits (VPMADDUBSW),
    which 255 · 127 + 255 · 127 does not fit into. Unknown processors of that kind count as such.
    """
    return platform.machine().lower() in _X86 and not flags_of(_cpuinfo()) & _INT8_FLAGS


def flags_of(cpuinfo: str) -> frozenset[str]:
    """The first processor's flags in the text of ``/proc/cpuinfo``."""
    return frozenset((_value(cpuinfo, "flags") or _value(cpuinfo, "features")).split())


def _has_half_units(cpuinfo: str) -> bool:
    if _value(cpuinfo, "vendor_id") not in ("AuthenticAMD", "HygonGenuine"):
        return False
    family, model = (int(_value(cpuinfo, name) or 0) for name in ("cpu family", "model"))
    # Hygon's family 24 is Zen 1
    return family == 24 or (family, model) < _WIDE_AMD


def _value(cpuinfo: str, name: str) -> str:
    """What the text of ``/proc/cpuinfo`` says first of something, or ""."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return ""


@lru_cache
def _cpuinfo() -> str:
    """The text of ``/proc/cpuinfo``, "" where there is none."""
    return _CPUINFO.read_text("utf-8", "replace") if _CPUINFO.is_file() else ""
