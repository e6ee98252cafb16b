"""Noise and rooms, drawn from a seed."""

from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.random import default_rng
from scipy import fft

from joint.units import SAMPLE_RATE, Decibels, Samples, Seconds

CHANNEL_HERTZ = (50.0, 150.0, 300.0, 600.0, 1200.0, 2400.0, 4800.0, 8000.0)
"""Frequencies at which a channel's gains are drawn, with interpolation over octaves between."""
CHANNEL_RANGE: Decibels = 9.0

ROOMS = 1024
"""Rooms are drawn from this many seeds, so that a worker simulates each once."""
COUNTS = 4
"""Kinds of response that are kept of each room: of an enrolment, and of mixtures of two to four."""

REFLECTIONS = 12
"""Order of the image sources: later reflections are far below speech in such rooms."""


def coloured_noise(seed: int, length: Samples, slope_db_per_octave: Decibels) -> np.ndarray:
    """Gaussian noise `(length,)` whose spectrum changes by a slope; 0 is white, −3 pink."""
    size = fft.next_fast_len(length, real=True)
    white = default_rng(seed).standard_normal(size, dtype=np.float32)
    spectrum = fft.rfft(white)
    octave = np.log2(np.maximum(np.arange(len(spectrum), dtype=np.float32), 1.0))
    shaped: np.ndarray = fft.irfft(spectrum * 10.0 ** (slope_db_per_octave * octave / 20.0), size)
    return shaped[:length].astype(np.float32)


def through_channel(waveform: np.ndarray, seed: int) -> np.ndarray:
    """`waveform (S,)` through a simulated microphone: a smooth random gain over frequency of at
    most ±`CHANNEL_RANGE`, without change of phase."""
    size = fft.next_fast_len(len(waveform), real=True)
    spectrum = fft.rfft(waveform, size)
    hertz = np.linspace(0.0, SAMPLE_RATE / 2, len(spectrum), dtype=np.float32)
    gains = default_rng(seed).uniform(-CHANNEL_RANGE, CHANNEL_RANGE, len(CHANNEL_HERTZ))
    gain_db = np.interp(np.log2(hertz + 1.0), np.log2(CHANNEL_HERTZ), gains)
    coloured: np.ndarray = fft.irfft(spectrum * 10.0 ** (gain_db / 20.0), size)
    return coloured[: len(waveform)].astype(np.float32)


def own_channel(waveform: np.ndarray) -> np.ndarray:
    """The recording `(S,)` through a channel drawn from its samples: the same in every run."""
    return through_channel(waveform, crc32(waveform.tobytes()))


@lru_cache(maxsize=ROOMS * COUNTS)
def room_responses(seed: int, reverberation: Seconds, count: int) -> np.ndarray:
    """Responses `(count, samples)` from `count` speakers to one microphone in a random shoebox room
    (image method, Allen and Berkley 1979), each with its direct path first and of height 1.

    Kept, since simulating one takes longer than rendering a scene: 13 KB for each speaker, so that
    those of all rooms for enrolments and for mixtures of two take 40 MB a process.
    """
    return simulated_room(seed, reverberation, count)


def simulated_room(seed: int, reverberation: Seconds, count: int) -> np.ndarray:
    """See `room_responses`."""
    import pyroomacoustics as pra

    rng = default_rng(seed)
    size = rng.uniform([3.0, 3.0, 2.4], [8.0, 6.0, 3.5])
    absorption, order = pra.inverse_sabine(max(reverberation, 0.15), size)
    room = pra.ShoeBox(
        size,
        fs=SAMPLE_RATE,
        materials=pra.Material(min(absorption, 0.99)),
        max_order=min(order, REFLECTIONS),
    )
    margin = np.array([0.5, 0.5, 1.0])
    for _ in range(count):
        room.add_source(rng.uniform(margin, size - 0.5))
    room.add_microphone(rng.uniform(margin, size - 0.5))
    room.compute_rir()
    responses = [np.asarray(room.rir[0][i], dtype=np.float32) for i in range(count)]
    aligned = [r[int(np.abs(r).argmax()) :] for r in responses]
    longest = max(map(len, aligned))
    return np.stack([np.pad(r / r[0], (0, longest - len(r))) for r in aligned])
