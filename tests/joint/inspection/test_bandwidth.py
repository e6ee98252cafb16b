"""The bandwidth of real speech: full, resampled from lower rates, telephone, MP3; quiet, short."""

from collections.abc import Callable

import numpy as np
import pytest
from treated import mp3, noise, stored_at, telephone, zeros

from joint.inspection.spectrum import bandwidth, is_tone, power_spectra

Change = Callable[[np.ndarray], np.ndarray]


def sixteen_bits(waveform: np.ndarray) -> np.ndarray:
    return (np.round(waveform * 32767) / 32768).astype(np.float32)


def half_a_second(waveform: np.ndarray) -> np.ndarray:
    """The loudest one."""
    power = np.convolve(waveform**2, np.ones(8000), "valid")
    start = int(power.argmax())
    return waveform[start : start + 8000]


ASIDE: dict[str, Change] = {
    "as it is": lambda w: w,
    "in 16 bits": sixteen_bits,
    "20 dB quieter in 16 bits": lambda w: sixteen_bits(0.1 * w),
    "half a second": half_a_second,
    "after a second of zeros": lambda w: np.concatenate([np.zeros(16_000, np.float32), w]),
}
"""What must not change the answer."""

LIMITED: dict[str, tuple[Change, int, int]] = {
    "8 kHz": (stored_at(8000), 3500, 4100),
    "11.025 kHz": (stored_at(11_025), 4900, 5600),
    "telephone": (telephone, 3200, 4000),
    "low-rate MP3": (mp3, 4100, 5700),
}


def found(waveform: np.ndarray) -> int:
    return bandwidth(power_spectra(waveform))


@pytest.mark.parametrize("aside", ASIDE.values(), ids=ASIDE)
def test_full_band(sentences: list[np.ndarray], aside: Change) -> None:
    assert min(found(aside(w)) for w in sentences) >= 7000


@pytest.mark.parametrize("aside", ASIDE.values(), ids=ASIDE)
@pytest.mark.parametrize(("limit", "low", "high"), LIMITED.values(), ids=LIMITED)
def test_limited(
    sentences: list[np.ndarray], limit: Change, low: int, high: int, aside: Change
) -> None:
    answers = np.array([found(aside(limit(w))) for w in sentences])
    # One has next to nothing above 4 kHz: 20 dB quieter, there is no edge left at 5.5.
    assert ((low <= answers) & (answers <= high)).sum() >= len(answers) - 1, answers


def test_40_db_quieter_in_16_bits(sentences: list[np.ndarray]) -> None:
    """There the noise of 16 bits is nearly all that is left at 4 kHz."""
    full = [found(sixteen_bits(0.01 * w)) for w in sentences]
    narrow = [found(sixteen_bits(0.01 * stored_at(8000)(w))) for w in sentences]
    assert sum(f >= 7000 for f in full) == len(full)
    assert sum(f <= 4100 for f in narrow) >= 0.7 * len(narrow)


def test_noise_above_the_band_is_no_speech(sentences: list[np.ndarray]) -> None:
    answers = [found(noise(35)(telephone(w))) for w in sentences]
    assert sum(f <= 4000 for f in answers) >= 0.7 * len(answers)
    assert min(found(noise(15)(w)) for w in sentences) >= 7000


def test_zeros_alone_have_no_edge() -> None:
    assert found(np.zeros(16_000, np.float32)) == 8000
    assert found(np.zeros(100, np.float32)) == 8000


def test_a_tone_is_told_from_noise(sentences: list[np.ndarray]) -> None:
    time = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    assert is_tone(power_spectra(tone))
    assert not is_tone(power_spectra(noise(0)(tone)))
    assert not any(is_tone(power_spectra(zeros(0.5, True)(w))) for w in sentences)
