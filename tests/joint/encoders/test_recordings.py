"""Recordings of any length are embedded in bounded memory, and long ones as the mean of pieces."""

import subprocess
import sys

import numpy as np
import pytest

from joint.encoders.recordings import LONGEST, PIECE, embed_recordings
from joint.units import SAMPLE_RATE

MEMORY = """
import resource, sys
import numpy as np, torch
from joint.app.api import load
torch.set_num_threads(1)
model = load("speechocean762-librispeech-joint", tasks=())
random = np.random.default_rng(0)
def embed(seconds):
    model.embed([0.1 * random.normal(size=16_000 * seconds).astype(np.float32)])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(embed(60), embed(240))
"""


def levels(audio: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The mean of each recording, and its length in Samples."""
    means = [float(a[:n].mean()) for a, n in zip(audio, lengths, strict=True)]
    return np.array([means, lengths.tolist()]).T


def waveform(seconds: float, level: float) -> np.ndarray:
    return np.full(round(seconds * SAMPLE_RATE), level, dtype=np.float32)


def test_short_recordings_are_embedded_whole() -> None:
    seconds = [0.3, 59.0, LONGEST, 2.0]
    found = embed_recordings(levels, [waveform(s, s / 100) for s in seconds], 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], np.array(seconds) / 100, rtol=1e-4)
    assert found[:, 1].tolist() == [s * SAMPLE_RATE for s in seconds]


def test_a_long_recording_is_the_mean_of_pieces() -> None:
    seen: list[int] = []

    def embed(audio: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        seen.extend(lengths.tolist())
        assert audio.size <= 60 * SAMPLE_RATE
        return levels(audio, lengths)

    long = np.concatenate([waveform(40, 0.1), waveform(20, 0.4), waveform(5, 0.3)])
    (found,) = embed_recordings(embed, [long], 2)
    assert max(seen) <= PIECE * SAMPLE_RATE and sum(seen) == len(long)
    assert found[0] == pytest.approx(long.mean(), rel=1e-4)


def test_digital_silence_does_not_count() -> None:
    long = np.concatenate([waveform(50, 0.2), waveform(250, 0.0)])
    (found,) = embed_recordings(levels, [long], 2)
    assert found[0] == pytest.approx(0.2, rel=1e-4)


def test_memory_does_not_grow_with_length() -> None:
    """Encoded whole, each further minute took 190 MB."""
    command = [sys.executable, "-c", MEMORY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    one_minute, four_minutes = map(float, done.stdout.split())
    assert four_minutes < one_minute + 100, f"MB: {done.stdout}"


def test_the_order_is_kept() -> None:
    several = [waveform(s, s / 100) for s in (3, 70, 1, 65, 2)]
    found = embed_recordings(levels, several, 2)
    np.testing.assert_allclose(found[:, 0], [0.03, 0.7, 0.01, 0.65, 0.02], rtol=1e-4)
