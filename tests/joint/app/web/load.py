"""Clients that press a button of the page all at once, as browsers do.

    python tests/joint/app/web/load.py http://127.0.0.1:7860 A.wav B.wav --clients 50 --times 5

prints how many answers were lost and how long the others took, for a server `joint web` without a
login or a speaker database.
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np

from joint.app.checkpoints import SHIPPED

API = "gradio_api"
PATIENCE = 300.0
"""Seconds until a client takes an answer for lost."""


class Answer(NamedTuple):
    """`event` is complete, error or lost; a number where the request was refused."""

    event: str
    content: Any
    seconds: float


def uploaded(client: httpx.Client, path: Path) -> dict[str, Any]:
    """What names a file on the server after its upload."""
    with path.open("rb") as file:
        answer = client.post(f"{API}/upload", files={"files": (path.name, file)})
    answer.raise_for_status()
    return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}


def asked(client: httpx.Client, button: str, *values: Any) -> Answer:
    """Press a button of the page and wait for its answer."""
    start = time.perf_counter()
    event, content = _asked(client, button, values)
    return Answer(event, content, time.perf_counter() - start)


def _asked(client: httpx.Client, button: str, values: Any) -> tuple[str, Any]:
    started = client.post(f"{API}/call/{button}", json={"data": values})
    if started.status_code != 200:
        return str(started.status_code), started.text
    with client.stream("GET", f"{API}/call/{button}/{started.json()['event_id']}") as stream:
        event, end = "", time.monotonic() + PATIENCE
        for line in stream.iter_lines():
            if time.monotonic() > end:  # heartbeats keep the connection for ever
                break
            kind, _, rest = line.partition(": ")
            if kind == "event":
                event = rest
            elif kind == "data" and event in ("complete", "error"):
                return event, json.loads(rest)
    return "lost", None


def verified(
    address: str, pair: tuple[Path, Path], clients: int, times: int, name: str = SHIPPED
) -> list[Answer]:
    """The answers of so many clients at once, each of which verifies a pair so many times."""

    def client(_: int) -> list[Answer]:
        with httpx.Client(base_url=address, timeout=PATIENCE) as session:
            files = [uploaded(session, path) for path in pair]
            return [asked(session, "verify", name, *files) for _ in range(times)]

    with ThreadPoolExecutor(clients) as pool:
        return [answer for some in pool.map(client, range(clients)) for answer in some]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("pair", type=Path, nargs=2)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    start = time.perf_counter()
    answers = verified(given.address, tuple(given.pair), given.clients, given.times)
    whole = time.perf_counter() - start
    complete = [answer.seconds for answer in answers if answer.event == "complete"]
    print(f"{len(answers) - len(complete)} of {len(answers)} lost, {whole:.1f} s altogether")
    for percent in (50, 95, 100):
        print(f"{percent} % within {np.percentile(complete, percent):.2f} s")


if __name__ == "__main__":
    main()
