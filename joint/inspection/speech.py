"""Where speech is in a recording, by silero-vad."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from joint.inspection.silero import CONTEXT, FRAME, State, probabilities
from joint.units import SAMPLE_RATE, Decibels, Samples, Seconds

PAUSE: Seconds = 0.3
"""A shorter silence does not end speech, as in NIST's rich transcription evaluations."""

AT_ONCE = 1024
"""Frames in one step of the network, 33 s: what memory has to hold."""

STEP: Samples = 1 << 16
"""Samples that are summed at once, in float32."""

QUIET: Decibels = -35.0
RAISED: Decibels = -25.0
"""silero-vad misses quiet speech: 40 dB below their own level, a sixth of the recordings of
speechocean762's validation have none for it. What is quieter than `QUIET` is raised to `RAISED`."""

BEGIN, END = 0.5, 0.35
"""Probabilities at which speech begins, and below which it ends."""

MARGIN: Samples = 480
"""30 ms, by which regions are widened."""

SHORTEST: Seconds = 0.25
SHORTEST_OF_A_WORD: Seconds = 0.06
WORD: Seconds = 1.0
"""The shortest region, and that in a recording no longer than a `WORD`, which has little before it
from which the network could know the room: of pieces of 0.3 s inside speech it finds 62 % as
regions of 250 ms, 91 % as regions of two frames, and of pieces of 0.5 s 92 and 98 % (106 recordings
of speechocean762)."""


class Region(NamedTuple):
    """A stretch of a recording, `end` not included."""

    start: Samples
    end: Samples


class SileroSpeech:
    """Speech detection by silero-vad, as its package does it."""

    def __init__(self, pause: Seconds = PAUSE) -> None:
        self.pause = pause

    def __call__(self, waveform: np.ndarray, progress: bool = False) -> list[Region]:
        """Regions of speech in `waveform (S,)`, float32 at 16 kHz, in order; none in silence."""
        return self.regions(self.probabilities(waveform, progress), len(waveform))

    def probabilities(self, waveform: np.ndarray, progress: bool = False) -> np.ndarray:
        """The probability of speech in each frame of 32 ms of `waveform (S,)`, the last one padded
        with zeros."""
        from joint.training.progress import working  # slow to import, for a bar

        gain, state, found = _gain(waveform), State.first(), []
        with working("detecting speech", progress, len(waveform)) as done:
            for start in range(0, len(waveform), AT_ONCE * FRAME):
                block = gain * waveform[max(0, start - CONTEXT) : start + AT_ONCE * FRAME]
                before = 0 if start else CONTEXT
                after = -(len(block) + before - CONTEXT) % FRAME
                given, state = probabilities(np.pad(block, (before, after)), state)
                found.append(given)
                done(start + len(block))
        return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)

    def regions(
        self, probabilities: np.ndarray, samples: Samples, pause: Seconds | None = None
    ) -> list[Region]:
        """Regions of speech from the probabilities of a recording of `samples`; another `pause`
        than the detector's may be given."""
        short = samples <= WORD * SAMPLE_RATE
        least = SHORTEST_OF_A_WORD if short else SHORTEST
        silence = (self.pause if pause is None else pause) * SAMPLE_RATE
        found = [
            region
            for region in _spoken(probabilities, samples, silence)
            if region.end - region.start > least * SAMPLE_RATE
        ]
        return _widened(found, samples) if found else []


def _spoken(probabilities: np.ndarray, samples: Samples, silence: float) -> list[Region]:
    """Stretches that begin at `BEGIN` and end where at least `silence` samples follow that fall
    below `END` and do not rise to `BEGIN` again."""
    found: list[Region] = []
    start = quiet = None
    for frame, probability in enumerate(probabilities.tolist()):
        if probability >= BEGIN:
            quiet = None
            start = FRAME * frame if start is None else start
        elif probability < END and start is not None:
            quiet = FRAME * frame if quiet is None else quiet
            if FRAME * frame - quiet >= silence:
                found.append(Region(start, quiet))
                start = quiet = None
    if start is not None:
        found.append(Region(start, samples))
    return found


def _widened(regions: Sequence[Region], samples: Samples) -> list[Region]:
    """The regions, each a `MARGIN` longer on either side; two that are nearer meet half way."""
    silences = (after.start - before.end for before, after in pairwise(regions))
    margins = [MARGIN, *(min(silence // 2, MARGIN) for silence in silences), MARGIN]
    return [
        Region(max(0, start - left), min(samples, end + right))
        for (start, end), (left, right) in zip(regions, pairwise(margins), strict=True)
    ]


def mean_power(waveform: np.ndarray) -> float:
    """The mean square of `waveform (S,)`, without a copy of it; 0 for no samples."""
    blocks = (waveform[start : start + STEP] for start in range(0, len(waveform), STEP))
    return sum(float(np.dot(block, block)) for block in blocks) / max(1, len(waveform))


def _gain(waveform: np.ndarray) -> np.float32:
    power = mean_power(waveform)
    if power == 0 or power >= 10 ** (QUIET / 10):
        return np.float32(1.0)
    return np.float32(np.sqrt(10 ** (RAISED / 10) / power))
