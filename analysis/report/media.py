"""Spectrograms and recordings as data URIs, so that a page refers to no other file."""

import base64
import io

import numpy as np

from joint.units import SAMPLE_RATE, Decibels, Hertz

WINDOW, HOP = 512, 160
MOST_FRAMES = 4000
"""Of a spectrogram: frames of a longer recording are further apart."""
FLOOR: Decibels = -80.0


def audio_uri(waveform: np.ndarray, sample_rate: Hertz = SAMPLE_RATE) -> str:
    """`waveform (S,)` as FLAC, which every browser plays; scaled down where it would clip."""
    import soundfile

    peak = float(np.abs(waveform).max(initial=0.0))
    encoded = io.BytesIO()
    soundfile.write(encoded, waveform / max(peak, 1.0), sample_rate, format="FLAC")
    return _uri("audio/flac", encoded.getvalue())


def spectrogram_uri(waveform: np.ndarray) -> str:
    """The spectrogram of `waveform (S,)`, 0 Hz to half the sample rate upwards, as JPEG, which
    takes a tenth of the bytes of a lossless picture."""
    from matplotlib.image import imsave

    encoded = io.BytesIO()
    imsave(encoded, levels(waveform)[::-1], cmap="magma", vmin=FLOOR, vmax=0, format="jpeg")
    return _uri("image/jpeg", encoded.getvalue())


def levels(waveform: np.ndarray) -> np.ndarray:
    """Level `(WINDOW / 2 + 1, F)` in decibels below the loudest, at least `FLOOR`."""
    padded = np.pad(waveform, (0, max(0, WINDOW - len(waveform))))
    hop = max(HOP, -(-len(padded) // MOST_FRAMES))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    loudest = max(float(power.max()), 1e-12)
    return 10 * np.log10(np.maximum(power.T / loudest, 10 ** (FLOOR / 10)))


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
