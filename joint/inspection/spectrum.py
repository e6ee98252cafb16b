"""The spectrum of a recording: how far up its sound reaches, and whether it is one tone."""

import numpy as np

from joint.units import SAMPLE_RATE, Decibels, Hertz, Samples

WINDOW: Samples = 512
HOP: Samples = 256
STEP = SAMPLE_RATE / WINDOW
"""Hertz from one bin to the next."""

FRAMES = 3000
"""Frames of a spectrum: a long recording is sampled at as many places, evenly spread."""

LOUD: Decibels = 30.0
"""Frames further below the loudest ones say nothing of the band in which speech is."""

LOWEST, HIGHEST = 2000.0, 7600.0
"""Hertz between which an edge is looked for: below, vowels have edges of their own; above, where
converters begin to filter, a recording counts as full-band."""

BELOW, GUARD = 500.0, 250.0
"""Hertz below an edge of which the mean level is taken, and from there to the band above it."""

CLIFF: Decibels = 22.0
FALL: Decibels = 13.0
STEADY: Decibels = 4.0
"""An edge is a fall of `CLIFF`, or of `FALL` where the sound above it is steady, as the noise of
16 bits or of a microphone is and speech is not. Of 250 full-band recordings of training speakers of
speechocean762 and LibriSpeech none falls by more than 18.7 dB at a time below 6.6 kHz, and steady
ones by 11; limited to 4 kHz, 5.5 kHz, a telephone's band, or by MP3 or Opus at low rates, all fall
by 26 dB or more. 40 dB quieter in 16 bits, full-band ones reach 18 dB, steady ones 15 (one in a
hundred is taken for narrow); limited ones are recognised in 75 to 97 % of cases, the more the
louder they are at the edge."""

TONE = 0.9
"""The share of the power in five bins from which on a recording without speech is called a tone."""


def power_spectra(waveform: np.ndarray) -> np.ndarray:
    """Power spectra of Hann windows of 32 ms, `(F, 257)`; frames of digital silence are left out.

    Args:
        waveform: `(S,)` at 16 kHz.
    """
    if len(waveform) < WINDOW:
        waveform = np.pad(waveform, (0, WINDOW - len(waveform)))
    frames = np.lib.stride_tricks.sliding_window_view(waveform, WINDOW)[::HOP]
    if len(frames) > FRAMES:
        frames = frames[np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)]
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2
    sounding = power.sum(axis=1) > 0
    return np.asarray(power[sounding], dtype=np.float32)


def bandwidth(power: np.ndarray) -> Hertz:
    """The highest frequency that the sound of a recording at 16 kHz reaches, by the edge that a
    lower sample rate, a telephone or a codec leaves in its spectrum; 8000 without such an edge.

    The level at a frequency is the 90th percentile over frames, so that it is one of speech sounds,
    and clicks, which have no edge, do not count.

    Args:
        power: `(F, 257)`, as `power_spectra` gives.
    """
    full = SAMPLE_RATE // 2
    if not len(power):
        return full
    total = power.sum(axis=1)
    loud = power[total >= np.percentile(total, 98) * 10 ** (-LOUD / 10)]
    level = 10 * np.log10(np.percentile(loud, 90, axis=0) + 1e-16)
    level = np.convolve(np.pad(level, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    bins = np.arange(round(LOWEST / STEP), round(HIGHEST / STEP))
    width, guard = round(BELOW / STEP), round(GUARD / STEP)
    summed = np.concatenate([[0.0], np.cumsum(level)])
    below = (summed[bins] - summed[bins - width]) / width
    above = np.maximum.accumulate(level[::-1])[::-1][bins + guard]
    falls = below - above
    place = int(falls.argmax())
    edge, fall = int(bins[place]), float(falls[place])
    if fall < CLIFF:
        beyond = 10 * np.log10(loud[:, edge + guard :].mean(axis=1) + 1e-16)
        spread = float(np.percentile(beyond, 90) - np.percentile(beyond, 10))
        if fall < FALL or spread > STEADY:
            return full
    return round(edge * STEP)


def is_tone(power: np.ndarray) -> bool:
    """Whether nearly all of the sound lies in a few neighbouring bins of its mean spectrum."""
    if not len(power):
        return False
    mean = power.mean(axis=0)
    around = np.convolve(mean, np.ones(5), mode="same")
    return bool(around.max() >= TONE * mean.sum())
