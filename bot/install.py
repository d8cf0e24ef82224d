"""Sets up the virtual environment, with one line of progress. Standard library only.

    python bot/install.py VENV [EXTRA]

Runs before anything is installed, so it must not import anything of the project.
"""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEP = re.compile(r"^\s*(?:Collecting|Requirement already satisfied:)\s+([A-Za-z0-9_.\-]+)")


def main(arguments: list[str]) -> int:
    """Create the environment where it is missing and install the pinned packages into it."""
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:2]))
        print(f"Quoth needs Python 3.11, this is {found}. Say which: make PYTHON=python3.11 …")
        return 1
    folder, extra = Path(arguments[0]), (arguments[1] if len(arguments) > 1 else "")
    if not has_pip(folder) and not create(folder):
        return 1
    constraints = ROOT / "constraints.txt"
    total = sum(1 for line in constraints.read_text("utf-8").splitlines() if "==" in line)
    target = f"{ROOT}[{extra}]" if extra else str(ROOT)
    command = [
        str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check",
        "--constraint", str(constraints), "--editable", target,
    ]  # fmt: skip
    return show(command, "test tools" if extra else "packages", total)


def has_pip(folder: Path) -> bool:
    """Whether the environment is whole; one whose making was broken off has a Python and no pip."""
    command = [str(folder / "bin" / "python"), "-m", "pip", "--version"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def create(folder: Path) -> bool:
    """Make the environment, anew where there is half of one; whether that went well."""
    print(f"Setting up {folder} with Python {sys.version.split()[0]}", flush=True)
    half_made = (folder / "pyvenv.cfg").exists()  # no other folder is ever emptied
    try:
        venv.create(folder, with_pip=True, clear=half_made)
    except subprocess.CalledProcessError as error:
        said = error.output or b""
        print(said.decode(errors="replace") if isinstance(said, bytes) else said)
        print(
            f"pip could not be set up in {folder}. A system's own Python may come without it: install "
            "python3.11-venv (Debian, Ubuntu) and run the same command again."
        )
        return False
    return True


def show(command: list[str], what: str, total: int) -> int:
    """Run pip and turn its lines into a bar; what it printed is shown only if it fails."""
    terminal = sys.stdout.isatty()
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    lines: list[str] = []
    seen: set[str] = set()
    if not terminal:
        print(f"Installing {what} …", flush=True)
    for line in process.stdout or ():
        lines.append(line)
        match = STEP.match(line)
        if match:
            seen.add(match.group(1).lower())
        if terminal and (match or line.startswith("Installing collected")):
            done = min(len(seen), total)
            now = "unpacking (about a minute)" if line.startswith("Installing") else match.group(1)  # type: ignore[union-attr]
            bar = "█" * (24 * done // max(total, 1))
            print(f"\r\033[KInstalling {what} {bar:<24} {done}/{total} {now}", end="", flush=True)
    code = process.wait()
    if terminal:
        print("\r\033[K", end="")
    if code:
        print("".join(lines[-25:]))
        print(f"Installing {what} failed; the lines above are pip's. Mend it and run the same command again.")
    else:
        print(f"Installed {what}.", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
