"""Sentences end to end: without their silences, with pauses, without clicks."""

from pathlib import Path

import numpy as np
import pytest

from joint.audio import read_audio
from joint.synthesis.finishing.joining import MARGIN, faded, joined, trimmed

SECOND = 16_000


@pytest.fixture(scope="module")
def voice(embedded_corpus: Path) -> np.ndarray:
    """A sentence, loud from its first sample to its last."""
    whole = read_audio(embedded_corpus / "WAVE" / "SPEAKER2450" / "024500006.ogg")
    loud = np.flatnonzero(np.abs(whole) > 0.1 * np.abs(whole).max())
    return whole[loud[0] : loud[-1] + 1]


def test_silence_around_speech_is_cut_to_a_margin(voice: np.ndarray) -> None:
    room = 1e-4 * np.random.default_rng(0).standard_normal(2 * SECOND).astype(np.float32)
    left = trimmed(np.concatenate([room, voice, room[:SECOND]]))
    assert len(left) - len(voice) == pytest.approx(2 * MARGIN * SECOND, abs=320)
    assert voice[1000:-1000].tobytes() in left.tobytes()
    assert len(trimmed(np.zeros(500, np.float32))) == 500


def test_ends_fade_and_the_middle_stays(voice: np.ndarray) -> None:
    made = faded(voice)
    assert made[0] == 0.0 == made[-1]
    np.testing.assert_array_equal(made[160:-160], voice[160:-160])
    assert np.all(np.abs(made) <= np.abs(voice))
    assert voice[0] != 0.0  # what was given is left alone
    assert len(faded(voice[:3])) == 3 and not len(faded(voice[:0]))


def test_pauses_have_their_length_and_no_clicks(voice: np.ndarray) -> None:
    parts = [voice, voice[:SECOND], voice]
    made = joined(parts, [0.25, 0.4])
    spoken = [len(trimmed(p)) for p in parts]
    assert len(made) == sum(spoken) + round(0.65 * SECOND)
    assert made.dtype == np.float32
    pause = made[spoken[0] : spoken[0] + SECOND // 4]
    assert not pause.any()
    steps = np.abs(np.diff(made))
    assert steps.max() <= np.abs(np.diff(voice)).max() + 1e-6
    hard = np.concatenate([voice, np.zeros(SECOND // 4, np.float32)])
    assert np.abs(np.diff(hard))[-SECOND // 4 - 1] > 50 * steps[spoken[0] - 2 : spoken[0] + 2].max()
