"""Curves of pitch and rate: read from files, and speech at a rate that changes."""

from pathlib import Path

import numpy as np
import pytest

from joint.audio import read_audio
from joint.errors import ConfigError, DataError
from joint.metrics.speech.pitch import pitch_statistics, praat_pitch
from joint.synthesis.control.curves import Curve
from joint.synthesis.control.rate import paced
from joint.synthesis.mel import HOP, frames_of

SECOND = 16_000


@pytest.fixture(scope="module")
def speech(embedded_corpus: Path) -> np.ndarray:
    return read_audio(sorted((embedded_corpus / "WAVE" / "SPEAKER2450").iterdir())[0])


def test_numbers_and_files(tmp_path: Path) -> None:
    file = tmp_path / "curve.txt"
    file.write_text("# seconds semitones\n0.5  -2\n\n1.5, 4  # higher\n2 4\n")
    curve = Curve.parsed(str(file), "--pitch")
    np.testing.assert_allclose(curve.at(np.array([0.0, 0.5, 1.0, 1.75, 9.0])), [-2, -2, 1, 4, 4])
    assert curve.constant is None
    constant = Curve.parsed("-1.5", "--pitch")
    assert constant.constant == -1.5 and Curve.of(constant) is constant
    np.testing.assert_array_equal(constant.at(np.array([0.0, 7.0])), [-1.5, -1.5])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("0 1\n0.5\n", r":2: found '0.5'"),
        ("0 1\n0 2\n", r":2: found '0 2'"),
        ("0 1 2\n", ":1"),
        ("0 high\n", ":1"),
        ("0 nan\n", ":1"),
        ("# nothing\n", "no line with numbers"),
    ],
)
def test_other_files_are_refused(text: str, where: str, tmp_path: Path) -> None:
    file = tmp_path / "curve.txt"
    file.write_text(text)
    with pytest.raises(DataError, match=where) as error:
        Curve.read(file)
    assert str(file) in str(error.value)
    with pytest.raises(ConfigError, match="--rate: found 'fast'; expected a number, or a file"):
        Curve.parsed("fast", "--rate")
    with pytest.raises(DataError, match="No such file"):
        Curve.read(tmp_path / "none")


def test_a_rate_of_1_changes_nothing(speech: np.ndarray) -> None:
    same = paced(speech, Curve.of(1.0))
    assert same.waveform is speech
    np.testing.assert_allclose(same.seconds, np.arange(frames_of(len(speech))) * HOP / SECOND)


def test_half_slow_half_fast(speech: np.ndarray) -> None:
    """The first half at half the speed, the second at twice; the pitch stays."""
    pytest.importorskip("parselmouth")
    length = len(speech) / SECOND
    middle = length / 2
    rate = Curve(np.array([middle - 1e-3, middle + 1e-3]), np.array([0.5, 2.0]))
    made = paced(speech, rate)
    assert len(made.waveform) / SECOND == pytest.approx(1.25 * length, rel=0.02)
    assert made.seconds.shape == (frames_of(len(made.waveform)),)
    assert made.seconds[0] == 0 and (np.diff(made.seconds) >= 0).all()
    turn = np.searchsorted(made.seconds, middle) * HOP / SECOND
    assert turn == pytest.approx(length, rel=0.02)
    before, after = (pitch_statistics(praat_pitch(x)).mean_hz for x in (speech, made.waveform))
    assert after == pytest.approx(before, rel=0.05)
    again = paced(speech, rate)
    np.testing.assert_array_equal(made.waveform, again.waveform)
