"""`joint serve` as a process: it starts, answers, is stopped and killed."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from support import ROOT, Refused

from joint.app.listening import listening
from tasks.verification.enrolment.files import read_database

LATEST = 60.0


@contextmanager
def served(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server's process and its address."""
    command = [sys.executable, "-m", "joint", "serve", "--port", "0", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = re.match(r"joint serve: (http://127\.0\.0\.1:\d+) ", line)
            assert address, line
            yield process, address[1]
        finally:
            process.kill()


def test_a_server_answers_and_stops(database: Path, recordings: list[Path]) -> None:
    with served("--database", database) as (process, address):
        health = httpx.get(f"{address}/health", timeout=LATEST).json()
        assert health["checkpoint"] == "speechocean762-librispeech-joint" and health["database"]
        assert "/identify" in httpx.get(f"{address}/openapi.json", timeout=LATEST).json()["paths"]
        files = {"recording": recordings[0].read_bytes()}
        found = httpx.post(f"{address}/identify", files=files, timeout=LATEST)
        assert found.json()["speaker"] == "Anna"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LATEST) == 0
    with served("--database", database) as (process, _):
        process.kill()
    assert list(read_database(database).speakers) == ["Anna", "Béla"]


def test_a_port_in_use(refused: Refused) -> None:
    with listening("127.0.0.1", 0) as taken:
        line = refused("serve", "--port", taken.getsockname()[1])
    assert "found address already in use" in line


def test_a_folder_without_a_database(refused: Refused, tmp_path: Path) -> None:
    line = refused("serve", "--port", 0, "--database", tmp_path)
    assert "expected a speaker database" in line
