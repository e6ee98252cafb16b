"""Workers end with the process that they work for."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from joint.layers.workers import worker_pool

PARENT = """
import os, sys, time
from concurrent.futures import wait
from joint.layers.workers import worker_pool
from test_workers import works_for_a_minute

if __name__ == "__main__":
    with worker_pool(2) as pool:
        wait([pool.submit(works_for_a_minute, path) for path in sys.argv[1:]])
"""
PATIENCE = 60.0


def works_for_a_minute(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(PATIENCE)


def begins() -> int:
    return int(os.environ["BEGUN"])


def begin(value: str) -> None:
    os.environ["BEGUN"] = value


def test_initializer_and_results() -> None:
    with worker_pool(2, begin, ("7",)) as pool:
        assert [pool.submit(begins).result() for _ in range(3)] == [7, 7, 7]


def test_a_killed_command_leaves_no_worker(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    files = [tmp_path / "one", tmp_path / "two"]
    search = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    parent = subprocess.Popen(
        [sys.executable, str(script), *map(str, files)], env={**os.environ, "PYTHONPATH": search}
    )
    end = time.monotonic() + PATIENCE
    while not all(f.is_file() and f.read_text() for f in files) and time.monotonic() < end:
        time.sleep(0.1)
    workers = [int(file.read_text()) for file in files]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while any(map(alive, workers)) and time.monotonic() < end:
        time.sleep(0.1)
    left = [pid for pid in workers if alive(pid)]
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
