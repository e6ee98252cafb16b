"""What can be measured of a recording: duration, speech, bandwidth, level, noise, distortion."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from joint.inspection.spectrum import bandwidth, is_tone, power_spectra
from joint.inspection.speech import Region, SileroSpeech, mean_power
from joint.units import SAMPLE_RATE, Decibels, Hertz, Samples, Seconds

BLOCK: Seconds = 0.005
"""The stretch in which no sample differs from the next that counts as digital silence; gates and
dropouts are longer."""

FRAME: Samples = 512
QUIETER = 0.8
LEAST_NOISE: Seconds = 0.1
"""Without as much sound between the speech there is no estimate of the noise."""

SHORT_PAUSE: Seconds = 0.1
"""Pauses between words show the noise; those that do not end a region of speech are longer."""

AT_ONCE = 4096
"""Blocks in one step: recordings of hours take little more memory than their samples."""

AT_PEAK = 0.999
FULL_SCALE = 0.999
"""Of the recording's own peak, and of the largest number: samples above are clipped."""

SPEECH, SILENCE, TONE, NOISE = "speech", "digital silence or a constant", "a tone", "noise"


@dataclass(frozen=True)
class Storage:
    """How a recording is stored: its rate and channels, the largest share of full-scale samples in
    one channel, and how many decibels the mono mix is below that of unrelated channels."""

    sample_rate: Hertz = SAMPLE_RATE
    channels: int = 1
    full_scale_share: float = 0.0
    cancelled_db: Decibels = 0.0


@dataclass(frozen=True)
class Properties:
    """What is measured of one recording.

    `speech_seconds` is the length of the regions with speech, pauses below 0.3 s included;
    `content` what the recording is: speech, else a tone, noise, digital silence or a constant.
    `bandwidth_hertz` is the highest frequency that its sound reaches, 8000 at most. `level_db` is
    its mean power in decibels of full scale; `snr_db` the mean power of speech over that of the
    sound between (None: no speech, or no sound between). Shares are 0 to 1: clipped samples, and
    stretches of 5 ms in which no sample differs from the next (digital silence). `dc_offset` is the
    mean sample. `cancelled_db` says how much the channels cancel each other in the mono mix: 0 for
    one channel and for unrelated ones, large for opposite phases.
    """

    seconds: Seconds
    sample_rate: Hertz
    channels: int
    content: str
    speech_seconds: Seconds
    bandwidth_hertz: Hertz
    level_db: Decibels
    snr_db: Decibels | None
    clipped_share: float
    zeros_share: float
    dc_offset: float
    cancelled_db: Decibels

    def as_dict(self) -> dict[str, Any]:
        """The properties by name, for JSON."""
        return asdict(self)


@cache
def detector() -> SileroSpeech:
    """The process's one speech detector."""
    return SileroSpeech()


def measure(
    stored: np.ndarray, waveform: np.ndarray, storage: Storage, progress: bool = False
) -> tuple[Properties, list[Region]]:
    """The properties of a recording, and where speech is in it.

    Args:
        stored: `(S,)`, mixed down, at the rate as stored, where clipping and zeros show.
        waveform: `(S2,)` float32, the same at 16 kHz.
        progress: whether to show a bar of the speech detection.
    """
    probabilities = detector().probabilities(waveform, progress)
    speech = detector().regions(probabilities, len(waveform))
    words = detector().regions(probabilities, len(waveform), SHORT_PAUSE)
    power = power_spectra(waveform)
    size = max(2, round(BLOCK * storage.sample_rate))
    unchanging = _unchanging(stored, size)
    zeros = float(unchanging.mean())
    offset = float(np.mean(stored, dtype=np.float64))
    variance = mean_power(stored) - offset**2
    found = Properties(
        seconds=len(stored) / storage.sample_rate,
        sample_rate=storage.sample_rate,
        channels=storage.channels,
        content=SPEECH if speech else _content(zeros, power),
        speech_seconds=sum(end - start for start, end in speech) / SAMPLE_RATE,
        bandwidth_hertz=min(bandwidth(power), storage.sample_rate // 2),
        level_db=10 * float(np.log10(max(variance, 1e-16))),
        snr_db=_snr_db(waveform, words),
        clipped_share=max(storage.full_scale_share, _at_peak_share(stored, unchanging, size)),
        zeros_share=zeros,
        dc_offset=round(offset, 6) + 0.0,
        cancelled_db=storage.cancelled_db,
    )
    return found, speech


def _content(zeros_share: float, power: np.ndarray) -> str:
    """What a recording without speech is."""
    if zeros_share > 0.99:
        return SILENCE
    return TONE if is_tone(power) else NOISE


def _unchanging(stored: np.ndarray, size: Samples) -> np.ndarray:
    """Whether no sample differs from the next, for each block of `size`."""
    blocks = stored[: len(stored) // size * size].reshape(-1, size)
    return np.asarray(blocks.max(axis=1) == blocks.min(axis=1))


def _at_peak_share(stored: np.ndarray, unchanging: np.ndarray, size: Samples) -> float:
    """The share of samples that lie at the recording's peak together with a neighbour, as where it
    was clipped, also if it was made quieter afterwards; a constant, which is at its peak
    throughout, does not count."""
    limit = AT_PEAK * max(float(stored.max()), -float(stored.min()))
    found, step = 0, size * AT_ONCE
    for start in range(0, len(unchanging) * size, step):
        end = min(start + step, len(unchanging) * size)
        block = stored[max(0, start - 1) : end + 1]  # a neighbour on either side
        upper, lower = block >= limit, block <= -limit
        flat = np.zeros(len(block) + 1, dtype=bool)
        flat[1:-1] = (upper[1:] & upper[:-1]) | (lower[1:] & lower[:-1])
        clipped = (flat[1:] | flat[:-1])[start - max(0, start - 1) :][: end - start]
        found += int(clipped.reshape(-1, size)[~unchanging[start // size : end // size]].sum())
    return found / len(stored)


def _snr_db(waveform: np.ndarray, words: Sequence[Region]) -> Decibels | None:
    """The mean power of speech over that of the sound between words, without the loudest fifth of
    the latter: speech that was not detected.

    On recordings of speechocean762 and LibriSpeech with white noise at 0 to 20 dB it is within
    2 dB of that for nine in ten, within 7 dB with rain, waves or engines at 10 dB and more.
    """
    count = len(waveform) // FRAME
    frames = waveform[: count * FRAME].reshape(count, FRAME)
    power = np.einsum("fs,fs->f", frames, frames).astype(np.float64) / FRAME
    spoken = np.zeros(count, dtype=bool)
    for start, end in words:
        spoken[start // FRAME : end // FRAME] = True
    sounding = power > 0
    speech, between = power[sounding & spoken], np.sort(power[sounding & ~spoken])
    noise = between[: round(QUIETER * len(between))]
    if not len(speech) or len(noise) * FRAME < LEAST_NOISE * SAMPLE_RATE:
        return None
    ratio = max(speech.mean() - noise.mean(), 1e-3 * noise.mean()) / noise.mean()
    return float(10 * np.log10(ratio))
