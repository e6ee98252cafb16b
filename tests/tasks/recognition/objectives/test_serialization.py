"""Several people in one sequence, and back."""

import random

import pytest

from joint.errors import ConfigError
from tasks.recognition.objectives.serialization import (
    FirstInFirstOut,
    InterleavedTokens,
    Serialization,
)

CHANGE = 9
DRAWS = range(40)


def scene(draw: int, speakers: int) -> tuple[list[list[int]], list[int], list[list[int]]]:
    """What people say, when they start, and when each unit ends; some say nothing, some start at
    the same time."""
    rng = random.Random(draw)
    said = [[rng.randrange(1, CHANGE) for _ in range(rng.randrange(6))] for _ in range(speakers)]
    starts = [rng.choice([0, 0, 100, 250]) for _ in range(speakers)]
    ends = [
        sorted(start + rng.randrange(1, 500) for _ in units)
        for units, start in zip(said, starts, strict=True)
    ]
    return said, starts, ends


@pytest.mark.parametrize("speakers", [1, 2, 3])
@pytest.mark.parametrize("draw", DRAWS)
def test_first_in_first_out_is_inverted(draw: int, speakers: int) -> None:
    said, starts, ends = scene(draw, speakers)
    order = FirstInFirstOut()
    sequence = order.join(said, starts, ends, CHANGE)
    assert sequence.count(CHANGE) == speakers - 1
    in_turn = [said[n] for n in sorted(range(speakers), key=lambda n: starts[n])]
    assert order.part(sequence, speakers, CHANGE) == in_turn


@pytest.mark.parametrize("draw", DRAWS)
def test_interleaved_tokens_are_inverted(draw: int) -> None:
    said, starts, ends = scene(draw, 2)
    order = InterleavedTokens()
    sequence = order.join(said, starts, ends, CHANGE)
    in_turn = [said[n] for n in sorted(range(2), key=lambda n: starts[n])]
    assert order.part(sequence, 2, CHANGE) == in_turn
    units = [unit for unit in sequence if unit != CHANGE]
    in_time = sorted(end for speaker in ends for end in speaker)
    assert len(units) == len(in_time)


def test_units_stand_where_they_end() -> None:
    said, starts, ends = [[1, 2, 3], [4, 5]], [0, 10], [[5, 20, 30], [15, 25]]
    joined = InterleavedTokens().join(said, starts, ends, CHANGE)
    assert joined == [1, CHANGE, 4, CHANGE, 2, CHANGE, 5, CHANGE, 3]
    assert FirstInFirstOut().join(said, [10, 0], ends, CHANGE) == [4, 5, CHANGE, 1, 2, 3]


@pytest.mark.parametrize("order", [FirstInFirstOut(), InterleavedTokens()])
def test_more_changes_than_speakers(order: Serialization) -> None:
    parts = order.part([1, CHANGE, 2, CHANGE, 3], 2, CHANGE)
    assert len(parts) == 2 and sorted(parts[0] + parts[1]) == [1, 2, 3]


def test_tokens_of_three_or_without_times() -> None:
    with pytest.raises(ConfigError, match="3 speakers"):
        InterleavedTokens().join([[1]] * 3, [0] * 3, [[1]] * 3, CHANGE)
    with pytest.raises(ConfigError, match="without times"):
        InterleavedTokens().join([[1]] * 2, [0] * 2, None, CHANGE)
