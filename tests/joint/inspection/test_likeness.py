"""A recording in another one: at any place and level, but not a short excerpt of it."""

from collections.abc import Callable

import numpy as np
import pytest

from joint.inspection.likeness import is_in

VOICE, OTHER = np.random.default_rng(0).standard_normal((2, 48_000)).astype(np.float32)
VOICE *= np.linspace(0.01, 0.2, 48_000, dtype=np.float32)
SILENCE = np.zeros(1105, dtype=np.float32)

Change = Callable[[np.ndarray], np.ndarray]
SAME: dict[str, Change] = {
    "itself": lambda x: x,
    "turned and quieter": lambda x: -0.01 * x,
    "with silence before it": lambda x: np.concatenate([SILENCE, x]),
    "without its beginning": lambda x: x[1000:],
    "without its end": lambda x: x[:-4000],
    "within a longer one": lambda x: np.concatenate([OTHER, x, OTHER]),
    "in 16 bits": lambda x: np.round(x * 32768) / 32768,
}
NOT: dict[str, Change] = {
    "another": lambda x: OTHER,
    "a half of it": lambda x: x[:24_000],
    "a half of it and something else": lambda x: np.concatenate([x[24_000:], OTHER[:30_000]]),
    "with somebody else": lambda x: x + 0.01 * OTHER,
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_the_same(change: Change) -> None:
    assert is_in(VOICE, change(VOICE))


@pytest.mark.parametrize("change", NOT.values(), ids=NOT.keys())
def test_not_the_same(change: Change) -> None:
    """A stretch in which somebody talks alone may enrol them in the rest."""
    assert not is_in(VOICE, change(VOICE))


def test_short_and_silent_ones() -> None:
    assert is_in(VOICE[:4800], VOICE[:4800])
    assert not is_in(VOICE[:4800], OTHER[:4800])
    assert not is_in(VOICE, 0 * VOICE) and not is_in(VOICE, VOICE[:10])
