"""What this machine's processor multiplies fast. Knows nothing of models."""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

#: Instructions that multiply and add 8-bit numbers four at a time, as Linux names them.
_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
_CPUINFO = Path("/proc/cpuinfo")


@lru_cache
def has_int8_dot_products() -> bool:
    """Whether products of 8-bit integers are faster than those of 32-bit floats.

    Without such instructions int8 products take as long as float ones (measured with AVX2 alone:
    1.02 times) and only cost accuracy. Unknown processors count as having none, but for Apple's,
    which all have them.
    """
    if _CPUINFO.is_file():
        return bool(flags_of(_CPUINFO.read_text("utf-8", "replace")) & _INT8_FLAGS)
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def flags_of(cpuinfo: str) -> frozenset[str]:
    """The first processor's flags in the text of ``/proc/cpuinfo``."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("flags", "features"):
            return frozenset(value.split())
    return frozenset()
