"""When each of several people speaks: probabilities by frames, and the turns that they make."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from joint.conversation.turns import Turn, in_order
from joint.data.scenes.activity import stretches, without_gaps
from joint.scene import ACTIVITY_HOP
from joint.units import SAMPLE_RATE, Samples, Seconds

THRESHOLD = 0.5
SHORTEST: Samples = SAMPLE_RATE // 5
"""Shorter turns are dropped."""

ENOUGH: Seconds = 20.0
"""Speech that a speaker is enrolled with, at most: the first that no one overlaps."""
LEAST: Seconds = 1.0
"""With less alone, a speaker is enrolled with what others overlap too."""


@dataclass(frozen=True)
class Activity:
    """The probability that each person speaks, `probabilities (K, F)` float32; frame f is centred
    on sample `offset + f·hop`."""

    probabilities: Tensor
    hop: Samples
    offset: Samples


def turns_of(
    activity: Activity,
    names: Sequence[str],
    samples: Samples,
    threshold: float = THRESHOLD,
    speech: np.ndarray | None = None,
) -> list[Turn]:
    """The turns of `names`, one for each person of `activity`, in a recording of `samples`, in
    order, without short ones and short pauses.

    Where it is known whether anybody speaks, `speech (steps,)` bool every `ACTIVITY_HOP` Samples,
    the most likely person does where none reaches the `threshold`, and nobody elsewhere.
    """
    turns = []
    probabilities = at_steps(activity, samples)
    active = probabilities >= threshold
    if speech is not None:
        active[probabilities.argmax(axis=0), np.arange(active.shape[1])] = True
        active &= speech
    for name, own in zip(names, active, strict=True):
        for start, end in stretches(without_gaps(own, SHORTEST)).tolist():
            turns.append(Turn(name, start * ACTIVITY_HOP, min(end * ACTIVITY_HOP, samples)))
    return in_order(turns)


def at_steps(activity: Activity, samples: Samples) -> np.ndarray:
    """Probabilities `(K, steps)` every `ACTIVITY_HOP` Samples of a recording of `samples`,
    interpolated between frames, so that turns begin and end there."""
    probabilities = activity.probabilities.float().cpu().numpy()
    centres = activity.offset + activity.hop * np.arange(probabilities.shape[1])
    grid = ACTIVITY_HOP // 2 + ACTIVITY_HOP * np.arange(-(-samples // ACTIVITY_HOP))
    return np.stack([np.interp(grid, centres, own) for own in probabilities])


def spoken_steps(turns: Iterable[Turn], names: Sequence[str], samples: Samples) -> np.ndarray:
    """Whether each of `names` has a turn, bool `(K, steps)`, every `ACTIVITY_HOP` Samples of a
    recording of `samples`."""
    active = np.zeros((len(names), -(-samples // ACTIVITY_HOP)), dtype=bool)
    for turn in turns:
        start, end = (round(place / ACTIVITY_HOP) for place in (turn.start, turn.end))
        active[names.index(turn.speaker), start:end] = True
    return active


def own_speech(
    waveform: np.ndarray, active: np.ndarray, person: int, longest: Seconds = ENOUGH
) -> np.ndarray:
    """What `person` is enrolled with, `(≤ longest,)`: of `waveform (S,)` where they speak, `active
    (K, steps)`, alone where there is enough of that."""
    own = active[person]
    alone = own & (active.sum(axis=0) == 1)
    chosen = alone if alone.sum() * ACTIVITY_HOP >= LEAST * SAMPLE_RATE else own
    steps = np.flatnonzero(chosen)[: round(longest * SAMPLE_RATE) // ACTIVITY_HOP]
    places = (steps[:, None] * ACTIVITY_HOP + np.arange(ACTIVITY_HOP)).ravel()
    return waveform[places[places < len(waveform)]]
