"""``python -m benchmarks``: every program here, one after the other, with what needs no files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: Those that ask for a file of questions are run by name, with the file.
WITHOUT_FILES = ("start", "memory", "reader", "generation", "decoding", "follow_ups", "scale", "telegram")


def main() -> int:
    """Run them; the exit status is that of the first that failed."""
    here = Path(__file__).parent
    status = 0
    for name in WITHOUT_FILES:
        if not (here / f"{name}.py").is_file():
            raise FileNotFoundError(f"benchmarks/{name}.py is named here and is not there")
        print(f"\n== {name} ==", flush=True)
        status = (
            status or subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
