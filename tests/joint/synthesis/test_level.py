"""Speech at a level: pauses do not count, and nothing clips."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from joint.audio import read_audio
from joint.synthesis.level import HIGHEST_PEAK, TARGET, levelled, speech_rms, without_clipping


@pytest.fixture(scope="module")
def voice(embedded_corpus: Path) -> Tensor:
    path = embedded_corpus / "WAVE" / "SPEAKER2450" / "024500006.ogg"
    return torch.from_numpy(read_audio(path))[None]


@pytest.mark.parametrize("gain", [0.02, 0.3, 1.0])
def test_any_speech_comes_to_the_level(voice: Tensor, gain: float) -> None:
    made = levelled(gain * voice)
    assert float(speech_rms(made)) == pytest.approx(TARGET, rel=1e-4)
    torch.testing.assert_close(made, levelled(voice), rtol=1e-4, atol=1e-6)


def test_pauses_do_not_count(voice: Tensor) -> None:
    pause = torch.zeros(1, 2 * voice.shape[1])
    among = speech_rms(torch.cat([voice, pause, voice], dim=1))
    assert float(among) == pytest.approx(float(speech_rms(voice)), rel=0.02)


def test_speech_is_raised_unless_it_clips(voice: Tensor) -> None:
    usual, louder, loudest = (without_clipping(voice, raised) for raised in (0.0, 3.0, 24.0))
    assert float(usual.abs().max()) < HIGHEST_PEAK
    torch.testing.assert_close(louder, 10 ** (3 / 20) * usual)
    assert float(loudest.abs().max()) == pytest.approx(HIGHEST_PEAK)
    torch.testing.assert_close(loudest / loudest.abs().max(), usual / usual.abs().max())


def test_silence_stays_silence() -> None:
    assert not without_clipping(torch.zeros(1, 999), 24.0).any()
    assert speech_rms(torch.zeros(1, 999)) == 0.0
