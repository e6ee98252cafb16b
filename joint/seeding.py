"""Random streams, seeded by purpose: adding one changes no other."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_for(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, such as `("init", "encoder")` or `("step", 17)`."""
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def seeded(seed: int, *purpose: str | int) -> Iterator[None]:
    """torch's generators are at the purpose's own state inside, and as before after."""
    with torch.random.fork_rng():
        torch.manual_seed(seed_for(seed, *purpose))
        yield
