"""A perturbed recording has another voice, as long and as random as it is asked to be."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import sosfreqz
from torch import Tensor

from joint.audio import read_audio
from joint.errors import ConfigError
from joint.metrics.speech.pitch import pitch_statistics, praat_pitch
from joint.units import SAMPLE_RATE
from tasks.conversion.content.perturbation import (
    Perturbation,
    changed_voice,
    filters,
)

pytest.importorskip("parselmouth")


@pytest.fixture(scope="module")
def speech(embedded_corpus: Path) -> np.ndarray:
    return read_audio(sorted((embedded_corpus / "WAVE" / "SPEAKER2450").iterdir())[0])[:32_000]


def centroid(waveform: np.ndarray) -> float:
    """Mean frequency of the spectrum, in Hz."""
    power = np.square(np.abs(np.fft.rfft(waveform)))
    return float((np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE) * power).sum() / power.sum())


@pytest.mark.parametrize("factor", [0.8, 1.4])
def test_pitch_moves_and_formants_stay_and_the_other_way_round(
    speech: np.ndarray, factor: float
) -> None:
    pitch, formants = changed_voice(speech, 1.0, factor, 1.0), changed_voice(speech, factor, 1, 1)
    assert pitch.shape == formants.shape == speech.shape and pitch.dtype == np.float32
    before, higher, other = (
        pitch_statistics(praat_pitch(x)).mean_hz for x in (speech, pitch, formants)
    )
    assert higher / before == pytest.approx(factor, rel=0.05)
    assert other / before == pytest.approx(1.0, rel=0.05)
    assert (centroid(formants) / centroid(speech) - 1.0) * (factor - 1.0) > 0.02
    wider = changed_voice(speech, 1.0, 1.0, 1.5)
    spread = [pitch_statistics(praat_pitch(x)).deviation_semitones for x in (speech, wider)]
    assert spread[1] > 1.2 * spread[0]


def test_no_pitch_and_no_sound() -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert np.array_equal(changed_voice(noise, 1.2, 1.2, 1.2), noise)
    short = np.zeros(200, np.float32)
    assert np.array_equal(changed_voice(short, 1.2, 1.2, 1.2), short)


def test_filters_have_their_gains_where_they_should() -> None:
    places = np.geomspace(60, 7600, 10)
    for place, gain in ((0, 9.0), (4, 6.0), (4, -12.0), (9, -9.0)):
        gains = np.zeros(10)
        gains[place] = gain
        at = {0: 5.0, 4: places[4], 9: 7990.0}[place]
        elsewhere = 7000.0 if place < 9 else 60.0
        _, response = sosfreqz(filters(gains, np.full(10, 2.0)), [at, elsewhere], fs=SAMPLE_RATE)
        decibels = 20 * np.log10(np.abs(response))
        np.testing.assert_allclose(decibels, [gain, 0.0], atol=0.8)


def test_draws_are_torch_s(speech: np.ndarray) -> None:
    rows = torch.from_numpy(speech).expand(2, -1).clone()
    lengths = torch.tensor([32_000, 16_000])
    perturbation = Perturbation(shaped=12.0)

    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        found: Tensor = perturbation(rows, lengths)
        return found

    first = drawn(0)
    assert torch.equal(first, drawn(0)) and not torch.allclose(first, drawn(1))
    assert first.shape == rows.shape and not first[1, 16_000:].any()
    assert not torch.allclose(first[0, :16_000], first[1, :16_000])
    assert first.isfinite().all()
    alone = Perturbation(formants=1.0, pitch=1.0, spread=1.0)
    assert torch.equal(alone(rows, lengths)[0], rows[0])
    filtered = Perturbation(formants=1.0, pitch=1.0, spread=1.0, shaped=12.0)(rows, lengths)
    assert not torch.allclose(filtered[0, :16_000], filtered[1, :16_000])


def test_factors_below_one_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"formants: found 0\.5; expected a factor"):
        Perturbation(formants=0.5)
