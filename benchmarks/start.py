"""Cold start: from the command to the prompt, against importing torch and transformers.

    python -m benchmarks.start [ROUNDS]

The console program is started on a pseudo-terminal and stopped at its prompt; in turns with it a
Python that imports torch and transformers and nothing else. Medians and their ratio are
printed, and the most memory that the whole chat process took, after a question and a reply.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect

from benchmarks.report import machine, table

ROOT = Path(__file__).resolve().parent.parent
PROMPT = "utterance::"
TEXT = "The lighthouse on Aldra Point was built in 1874. Its keeper was Mara Lindqvist.\n"


def main(arguments: list[str]) -> int:
    """Measure and print."""
    rounds = int(arguments[0]) if arguments else 5
    print(machine())
    with tempfile.TemporaryDirectory(prefix="q") as folder:
        environment = {**os.environ, "QUOTH_DATA_DIR": folder}
        start(environment)  # the first one reads everything from the disk
        imports()
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(start(environment))
            theirs.append(imports())
        peak = peak_memory(environment, Path(folder))
    mine, other = statistics.median(ours), statistics.median(theirs)
    rows = [
        ["to the prompt", f"{mine:.2f} s"],
        ["import torch, transformers", f"{other:.2f} s"],
        ["ratio", f"{mine / other:.2f}"],
        ["peak memory of the chat process", f"{peak:.0f} MB"],
    ]
    print(table(["what", "median" if rounds > 1 else "once"], rows))
    return 0


def chat(environment: dict[str, str]) -> pexpect.spawn:
    """The console program, on a pseudo-terminal."""
    command = ["-m", "deeppavlov", "interact", "configs/chat.json"]
    return pexpect.spawn(
        sys.executable, command, cwd=str(ROOT), env=environment, timeout=300, encoding="utf-8"
    )


def start(environment: dict[str, str]) -> float:
    """Seconds from the command to the prompt."""
    began = time.perf_counter()
    child = chat(environment)
    child.expect_exact(PROMPT)
    took = time.perf_counter() - began
    child.sendline("quit")
    child.expect(pexpect.EOF)
    child.close()
    return took


def imports() -> float:
    """Seconds for a Python that imports torch and transformers."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch, transformers"], check=True)
    return time.perf_counter() - began


def peak_memory(environment: dict[str, str], folder: Path) -> float:
    """Peak resident memory in MB after a document, an answer and a reply (Linux)."""
    document = folder / "aldra.txt"
    document.write_text(TEXT, "utf-8")
    child = chat(environment)
    child.expect_exact(PROMPT)
    for line in (f"/read {document}", "When was the lighthouse built?", "Hello! How are you today?"):
        child.sendline(line)
        child.expect_exact(">>")
        child.expect_exact(PROMPT)
    status = Path(f"/proc/{child.pid}/status").read_text("utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    child.sendline("quit")
    child.expect(pexpect.EOF)
    child.close()
    return peak / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
