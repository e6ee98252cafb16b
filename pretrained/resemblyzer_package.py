"""Resemblyzer's encoder as its package ships it, with its preprocessing: an outside judge of
similarity.

    pip install --no-deps resemblyzer    # for the weights; its code is not imported
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import JointError
from joint.units import SAMPLE_RATE, Samples
from pretrained.resemblyzer import read

PACKAGE: Final = "resemblyzer"
LOWEST_RMS: Final = 10.0 ** (-30.0 / 20.0)
"""A quieter recording is raised to it before voice activity is detected."""

WINDOW: Final[Samples] = 480
AVERAGED: Final = 8
"""Windows in the moving average of the decisions."""
REACH: Final = 3
"""Windows around speech that are kept too."""
AGGRESSIVENESS: Final = 3


def packaged_encoder() -> SpeakerEncoder:
    """The encoder in the installed package. Raises JointError where it is not installed, or its
    weights are not there."""
    found = find_spec(PACKAGE)
    places = found.submodule_search_locations if found is not None else None
    if not places:
        expected = "pip install --no-deps resemblyzer"
        raise JointError(PACKAGE, "no such package", expected)
    return read(Path(next(iter(places)))).build()


def without_silences(waveform: np.ndarray) -> np.ndarray:
    """`waveform (S,)` at 16 kHz without its long silences, as Resemblyzer's `preprocess_wav` gives
    it; the whole where no speech is found.

    Raises JointError without the package webrtcvad.
    """
    try:
        import webrtcvad
    except ImportError as error:
        expected = "the extra `synthesis` (pip install webrtcvad-wheels)"
        raise JointError(PACKAGE, "no package webrtcvad", expected) from error
    rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    raised = waveform * max(1.0, LOWEST_RMS / max(rms, 1e-9))
    windows = len(raised) // WINDOW
    whole = raised[: windows * WINDOW]
    samples = np.round(np.clip(whole, -1.0, 1.0) * np.iinfo(np.int16).max).astype("<i2")
    detector = webrtcvad.Vad(mode=AGGRESSIVENESS)
    speech = [
        detector.is_speech(window.tobytes(), sample_rate=SAMPLE_RATE)
        for window in samples.reshape(windows, WINDOW)
    ]
    kept = np.repeat(around_speech(np.array(speech, dtype=bool)), WINDOW)
    trimmed = whole[kept].astype(np.float32)
    return trimmed if len(trimmed) else waveform


def around_speech(speech: np.ndarray) -> np.ndarray:
    """Which windows are kept, `(n,)`: those with speech in most of the windows around them, and the
    `REACH` nearest on both sides."""
    if not len(speech):
        return speech
    padded = np.pad(speech.astype(float), ((AVERAGED - 1) // 2, AVERAGED // 2))
    average = np.convolve(padded, np.ones(AVERAGED) / AVERAGED, mode="valid")
    spread = np.convolve(average > 0.5, np.ones(2 * REACH + 1))[REACH:-REACH]
    kept: np.ndarray = spread > 0.5
    return kept
