"""Pitch of recordings by an estimator from outside, and how well one follows another.

The estimator is Praat's autocorrelation method (Boersma 1993), on the frames of
`joint.synthesis.mel`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, NamedTuple

import numpy as np

from joint.errors import JointError
from joint.synthesis.mel import HOP, frames_of
from joint.units import SAMPLE_RATE

FLOOR, CEILING = 75.0, 500.0
"""Hertz; children's voices reach 400."""

GROSS_ERROR: Final = 0.2
"""A voiced frame whose pitch is off by more than this share is a gross error."""

FEWEST: Final = 10
"""Frames that are voiced in both, below which there is no correlation."""

CENTS_PER_OCTAVE, SEMITONES_PER_OCTAVE = 1200.0, 12.0


def praat_installed() -> bool:
    """Whether the extra `analysis` (praat-parselmouth) is there."""
    return find_spec("parselmouth") is not None


def praat_pitch(waveform: np.ndarray) -> np.ndarray:
    """Hertz in each frame of `waveform (S,)`, `(S // HOP + 1,)`; 0 where it is not voiced.

    Raises JointError without the package parselmouth.
    """
    try:
        import parselmouth
    except ImportError as error:
        expected = "the extra `analysis` (pip install praat-parselmouth)"
        raise JointError("pitch", "no package parselmouth", expected) from error
    hertz = np.zeros(frames_of(len(waveform)))
    if len(waveform) < 3 * SAMPLE_RATE / FLOOR:  # Praat refuses less than three periods
        return hertz
    sound = parselmouth.Sound(waveform.astype(np.float64), SAMPLE_RATE)
    found = sound.to_pitch_ac(time_step=HOP / SAMPLE_RATE, pitch_floor=FLOOR, pitch_ceiling=CEILING)
    frequency = found.selected_array["frequency"]
    # Praat's frames lie symmetrically in the recording: each of ours gets the nearest of them.
    seconds = np.arange(len(hertz)) * HOP / SAMPLE_RATE
    nearest = np.round((seconds - found.x1) / found.dx).astype(int)
    inside = (nearest >= 0) & (nearest < len(frequency))
    hertz[inside] = frequency[nearest[inside]]
    return hertz


class PitchStatistics(NamedTuple):
    """Of the voiced frames of one recording: geometric mean in Hertz and standard deviation in
    semitones; NaN for fewer than `FEWEST`. `voiced_share` is that of all frames."""

    mean_hz: float
    deviation_semitones: float
    voiced_share: float


def pitch_statistics(hertz: np.ndarray) -> PitchStatistics:
    """The statistics of a pitch `(F,)`, 0 where it is not voiced."""
    voiced = hertz[hertz > 0]
    share = len(voiced) / max(len(hertz), 1)
    if len(voiced) < FEWEST:
        return PitchStatistics(float("nan"), float("nan"), share)
    octaves = np.log2(voiced)
    deviation = SEMITONES_PER_OCTAVE * float(octaves.std())
    return PitchStatistics(float(2.0 ** octaves.mean()), deviation, share)


@dataclass(frozen=True)
class PitchError:
    """Counts over the frames of one recording against its reference.

    `squared_cents` is summed over the frames that are `voiced_in_both`; `correlation` is that of
    the logarithms there, NaN for fewer than `FEWEST` of them or a constant pitch.
    """

    frames: int
    voicing_errors: int
    voiced_in_both: int
    gross_errors: int
    squared_cents: float
    correlation: float


def pitch_error(estimate: np.ndarray, reference: np.ndarray) -> PitchError:
    """Compare two pitches `(F,)` in Hertz, 0 where not voiced; the shorter one's frames count."""
    frames = min(len(estimate), len(reference))
    a, b = estimate[:frames], reference[:frames]
    both = (a > 0) & (b > 0)
    octaves = np.log2(a[both] / b[both])
    first, second = np.log2(a[both]), np.log2(b[both])
    correlation = float("nan")
    if len(first) >= FEWEST and first.std() > 0 and second.std() > 0:
        correlation = float(np.corrcoef(first, second)[0, 1])
    return PitchError(
        frames,
        int(((a > 0) != (b > 0)).sum()),
        int(both.sum()),
        int((np.abs(a[both] / b[both] - 1.0) > GROSS_ERROR).sum()),
        float(np.square(CENTS_PER_OCTAVE * octaves).sum()),
        correlation,
    )


def pitch_figures(errors: Sequence[PitchError]) -> dict[str, float | None]:
    """Of the frames of all recordings together: root mean square error in cents, gross errors in
    percent of the frames voiced in both, voicing errors in percent of all frames; and the mean
    correlation of a recording. None where no frame counts."""
    both = sum(error.voiced_in_both for error in errors)
    frames = sum(error.frames for error in errors)
    known = [e.correlation for e in errors if not np.isnan(e.correlation)]
    squared = sum(error.squared_cents for error in errors)
    gross = sum(error.gross_errors for error in errors)
    voicing = sum(error.voicing_errors for error in errors)
    return {
        "f0_error_cents": float(np.sqrt(squared / both)) if both else None,
        "f0_correlation": float(np.mean(known)) if known else None,
        "f0_gross_error_percent": 100.0 * gross / both if both else None,
        "voicing_error_percent": 100.0 * voicing / frames if frames else None,
    }
