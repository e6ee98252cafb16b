"""Places: before which blocks of a network a conditioning stands."""

from collections.abc import Sequence
from typing import Literal

from joint.errors import ConfigError

Places = Literal["once", "every"] | Sequence[int]
"""Before the first block that may depend on the speaker, before every such block, or before the
blocks of these numbers, from 0 on."""


def places_of(key: str, chosen: Places, first: int, blocks: int) -> tuple[int, ...]:
    """The numbers of the blocks, of which those from `first` on may depend on the speaker.

    Raises ConfigError, naming the `key`, for anything else.
    """
    if chosen == "once":
        return (first,)
    if chosen == "every":
        return tuple(range(first, blocks))
    named = list(chosen) if isinstance(chosen, list | tuple) else []
    known = [place for place in range(first, blocks) if place in named]
    if not known or known != named:
        expected = f"once, every, or blocks from {first} to {blocks - 1} in order"
        raise ConfigError(key, repr(chosen), expected)
    return tuple(known)
