"""A shelf that several processes write while others read, and whose writers are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from skills.retrieval.index import ShelfReader, list_documents, search_shelf
from skills.retrieval.passages import split_document
from skills.retrieval.updating import add_document
from tests.support.letter_encoder import LetterEncoder
from tests.support.shelves import document, long_text

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from pathlib import Path
from skills.retrieval.updating import add_document
from tests.support.shelves import document, long_text
from tests.support.letter_encoder import LetterEncoder
for n in range(int(sys.argv[2]), int(sys.argv[3])):
    add_document(Path(sys.argv[1]), document(f"{n}.txt", long_text(f"boat{n}", 400)), LetterEncoder())
    print(n, flush=True)
"""


def writer(shelf: Path, first: int, last: int) -> subprocess.Popen[str]:
    """A process that adds documents, each printed once it is on the shelf."""
    command = [sys.executable, "-c", WRITER, str(shelf), str(first), str(last)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_killed_writer_leaves_whole_documents_only(shelf: Path) -> None:
    encoder = LetterEncoder()
    n_done = 0
    for round_number in range(4):
        process = writer(shelf, n_done, 1000)
        assert process.stdout is not None
        n_done = int(process.stdout.readline()) + 1
        time.sleep(0.01 * (round_number + 1))  # somewhere in the midst of one of the next ones
        os.kill(process.pid, signal.SIGKILL)
        n_done = max([n_done, *(int(line) + 1 for line in process.stdout)])
        process.stdout.close()
        process.wait()
        entries = list_documents(shelf)
        # what was reported is there; one more may have been written and not yet reported
        assert len(entries) in {n_done, n_done + 1}
        n_done = len(entries)
        reader = ShelfReader()
        for n, entry in enumerate(entries):
            whole = document(f"{n}.txt", long_text(f"boat{n}", 400))
            assert reader.document(shelf, entry.id) == whole
            assert entry.n_passages == len(split_document(whole))
            passages = search_shelf(shelf, f"boat{n}", encoder.encode([f"boat{n}"])[0], 1, encoder.name)
            assert passages[0].document_name == f"{n}.txt"


def test_two_writing_processes_and_reading_threads(shelf: Path) -> None:
    encoder = LetterEncoder()
    add_document(shelf, document("first.txt", long_text("first", 400)), encoder)
    processes = [writer(shelf, 0, 4), writer(shelf, 4, 8)]
    counts: list[list[int]] = [[] for _ in range(4)]
    failures: list[BaseException] = []

    def read(seen: list[int]) -> None:
        try:
            while any(process.poll() is None for process in processes):
                entries = list_documents(shelf)
                seen.append(len(entries))
                passages = search_shelf(shelf, "red boat", encoder.encode(["red boat"])[0], 20, encoder.name)
                assert passages
                reader = ShelfReader()
                for passage in passages[:3]:
                    text = reader.document(shelf, passage.document_id).text
                    assert text[passage.start : passage.start + len(passage.text)] == passage.text
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(seen,)) for seen in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.communicate()
    assert failures == []
    assert all(seen == sorted(seen) for seen in counts)
    assert len(list_documents(shelf)) == 9
