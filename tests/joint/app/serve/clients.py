"""Clients of `joint serve` that ask for verifications, all at once.

    python tests/joint/app/serve/clients.py http://127.0.0.1:8000 A.wav B.wav --clients 50 --times 5

prints how many answers were lost and how long the others took; with `--clients 1` that is how long
a verification takes.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

PATIENCE = 600.0


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("pair", type=Path, nargs=2)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    first, second = (path.read_bytes() for path in given.pair)

    def client(_: int) -> list[float]:
        seconds = []
        with httpx.Client(base_url=given.address, timeout=PATIENCE) as session:
            for _ in range(given.times):
                start = time.perf_counter()
                answer = session.post("/verify", files={"first": first, "second": second})
                took = time.perf_counter() - start
                seconds += [took] if answer.is_success and "score" in answer.json() else []
        return seconds

    client(0)  # the first ones of a server wait for what it loads late
    start = time.perf_counter()
    with ThreadPoolExecutor(given.clients) as pool:
        answered = [took for some in pool.map(client, range(given.clients)) for took in some]
    whole, asked = time.perf_counter() - start, given.clients * given.times
    print(f"{asked - len(answered)} of {asked} lost, {whole:.1f} s altogether")
    for percent in (50, 95, 100):
        print(f"{percent} % within {np.percentile(answered, percent):.3f} s")


if __name__ == "__main__":
    main()
