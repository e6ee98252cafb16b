"""Properties of recordings, from files as users have them."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from treated import clipped, noise, zeros

from joint.errors import AudioError
from joint.inspection import properties
from joint.inspection.properties import Properties
from joint.inspection.reading import inspect_recording, inspect_waveform


@pytest.fixture
def voice(sentences: list[np.ndarray]) -> np.ndarray:
    return sentences[3]


def looked_at(
    folder: Path, samples: np.ndarray, rate: int = 16_000, subtype: str = "FLOAT"
) -> Properties:
    path = folder / "x.wav"
    soundfile.write(path, samples, rate, subtype=subtype)
    return inspect_recording(path).properties


def test_a_clean_recording(voice: np.ndarray, tmp_path: Path) -> None:
    found = looked_at(tmp_path, voice)
    assert found.seconds == pytest.approx(len(voice) / 16_000)
    assert (found.sample_rate, found.channels, found.content) == (16_000, 1, "speech")
    assert 0.4 * found.seconds < found.speech_seconds <= found.seconds
    assert found.bandwidth_hertz >= 7000
    assert found.level_db == pytest.approx(10 * np.log10(np.mean(voice**2)), abs=0.1)
    assert found.snr_db is not None and found.snr_db > 15
    assert found.clipped_share < 1e-4 and found.zeros_share == 0 == found.cancelled_db
    assert abs(found.dc_offset) < 1e-3
    assert inspect_waveform(voice, "x").properties == found


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_the_rate_is_that_of_the_file(voice: np.ndarray, tmp_path: Path, rate: int) -> None:
    found = looked_at(tmp_path, soxr.resample(voice, 16_000, rate), rate)
    assert found.sample_rate == rate
    assert found.seconds == pytest.approx(len(voice) / 16_000, abs=0.01)
    assert (found.bandwidth_hertz <= 4000) == (rate == 8000)


@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_clipping(voice: np.ndarray, tmp_path: Path, gain: float) -> None:
    """Also of a recording that was made quieter after it was clipped."""
    hard = clipped(0.05)(voice)
    found = looked_at(tmp_path, gain * hard / np.abs(hard).max(), subtype="PCM_16")
    assert found.clipped_share == pytest.approx(0.05, abs=0.015)


def test_one_clipped_channel_of_two(voice: np.ndarray, tmp_path: Path) -> None:
    full = np.clip(30 * voice, -1, 1)
    assert looked_at(tmp_path, np.stack([full, 0.2 * voice], 1)).clipped_share > 0.05


def test_digital_silence(voice: np.ndarray, tmp_path: Path) -> None:
    for share in (0.2, 0.6):
        found = looked_at(tmp_path, zeros(share, before=True)(voice))
        assert found.zeros_share == pytest.approx(share, abs=0.02)
    held = voice.copy()
    held[8000:12_000] = held[8000]  # a dropout that holds its last sample
    expected = 4000 / len(voice)
    assert looked_at(tmp_path, held).zeros_share == pytest.approx(expected, abs=0.01)


def test_an_offset(voice: np.ndarray, tmp_path: Path) -> None:
    plain, moved = looked_at(tmp_path, voice), looked_at(tmp_path, voice + 0.05)
    assert moved.dc_offset == pytest.approx(plain.dc_offset + 0.05, abs=1e-5)
    assert moved.level_db == pytest.approx(plain.level_db, abs=0.01)


def test_the_noise_is_estimated(sentences: list[np.ndarray]) -> None:
    """White noise against the whole recording; speech alone is a little louder than that."""
    for snr in (0.0, 10.0, 20.0):
        found = [inspect_waveform(noise(snr)(w), "x").properties.snr_db for w in sentences]
        assert all(value is not None for value in found)
        median = float(np.median([value for value in found if value is not None]))
        assert median == pytest.approx(snr + 1, abs=2.5)


@pytest.mark.parametrize(
    ("second", "low", "high"), [(1.0, 0, 0), (0.0, 0, 0), (-0.8, 12, 25), (-0.98, 25, 45)]
)
def test_channels_that_cancel_each_other(
    voice: np.ndarray, tmp_path: Path, second: float, low: float, high: float
) -> None:
    found = looked_at(tmp_path, np.stack([voice, second * voice], 1))
    assert low <= found.cancelled_db <= high and found.channels == 2


def test_unrelated_channels_do_not_cancel(sentences: list[np.ndarray], tmp_path: Path) -> None:
    count = min(map(len, sentences))
    assert looked_at(tmp_path, np.stack([w[:count] for w in sentences], 1)).cancelled_db < 3


def test_clipping_at_the_borders_of_blocks(
    voice: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    hard = clipped(0.1)(voice)
    whole = inspect_waveform(hard, "x").properties
    for blocks in (1, 3, 50):
        monkeypatch.setattr(properties, "AT_ONCE", blocks)
        assert inspect_waveform(hard, "x").properties == whole


def test_hours_take_little_more_memory_than_their_samples(voice: np.ndarray) -> None:
    long = np.tile(voice, 300)
    inspect_waveform(voice, "x")  # what is loaded once
    tracemalloc.start()
    try:
        inspect_waveform(long, "x")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # `refuse_unusable` takes the magnitudes of all samples
    assert peak < 1.3 * long.nbytes, (peak, long.nbytes)


def test_channels_of_which_nothing_is_left(voice: np.ndarray, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.stack([voice, -voice], 1), 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"x\.wav: found channels that cancel each other"):
        inspect_recording(tmp_path / "x.wav")


def test_what_recordings_without_speech_are() -> None:
    time = np.arange(32_000) / 16_000
    one = np.zeros(32_000)
    one[9000] = 0.5
    draw = np.random.default_rng(0)
    answers = {
        "digital silence or a constant": [np.full(32_000, 0.25), one],
        "a tone": [0.5 * np.sin(2 * np.pi * 440 * time)],
        "noise": [1e-3 * draw.standard_normal(32_000), 0.1 * draw.standard_normal(32_000)],
    }
    for content, sounds in answers.items():
        for sound in sounds:
            found = inspect_waveform(sound.astype(np.float32), "x").properties
            assert (found.content, found.speech_seconds) == (content, 0)
            assert found.snr_db is None


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(16_000), "digital silence"),
        (np.full(16_000, np.nan), "NaN"),
        (np.ones(1000), "s of audio"),
        (np.ones((2, 16_000)), "shape"),
    ],
)
def test_what_is_refused(samples: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=f"x: found .*{message}"):
        inspect_waveform(samples, "x")
