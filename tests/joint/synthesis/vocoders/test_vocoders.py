"""Vocoders: lengths, the spectral head, what a batch and what stands behind the end may change."""

import numpy as np
import pytest
import torch
from pystoi import stoi
from torch import Tensor

from joint.errors import ConfigError
from joint.synthesis.mel import FLOOR, HOP, MELS, WINDOW, LogMel
from joint.synthesis.vocoders.base import Vocoder
from joint.synthesis.vocoders.griffin_lim import GriffinLim
from joint.synthesis.vocoders.magnitudes import consistent, from_bands
from joint.synthesis.vocoders.vocos import SpectrumHead, Vocos

MAKE = {"Vocos": lambda: Vocos(16, 2, 32), "Griffin-Lim": lambda: GriffinLim(4)}


def made(name: str) -> Vocoder:
    torch.manual_seed(0)
    return MAKE[name]().eval()


@pytest.fixture(scope="module")
def waveform(speech: list[np.ndarray]) -> Tensor:
    """1.2 s of speech, whole frames of it, `(1, S)`."""
    return torch.from_numpy(speech[0])[None, : len(speech[0]) // HOP * HOP]


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("frames", [2, 3, 30])
def test_a_frame_less_than_the_mel_has(name: str, frames: int) -> None:
    found = made(name)(torch.full((2, MELS, frames), -3.0))
    assert found.shape == (2, (frames - 1) * HOP)
    assert found.dtype == torch.float32 and found.isfinite().all()


@pytest.mark.parametrize("name", MAKE)
def test_as_long_as_the_recording(name: str, waveform: Tensor) -> None:
    vocoder = made(name)
    assert vocoder(vocoder.mel(waveform)).shape == waveform.shape


@pytest.mark.parametrize("name", MAKE)
def test_batch_equals_single(name: str, speech: list[np.ndarray]) -> None:
    vocoder = made(name)
    mels = vocoder.mel(torch.stack([torch.from_numpy(s[:4_800]) for s in speech]))
    together = vocoder(mels)
    for mel, found in zip(mels, together, strict=True):
        torch.testing.assert_close(found, vocoder(mel[None])[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", MAKE)
def test_the_same_again(name: str, waveform: Tensor) -> None:
    vocoder = made(name)
    mel = vocoder.mel(waveform)
    first = vocoder(mel)
    torch.manual_seed(1)
    assert torch.equal(first, vocoder(mel))


def test_analysis_and_synthesis_by_the_head_give_the_signal_back(waveform: Tensor) -> None:
    head = SpectrumHead(4)
    spectrum = torch.stft(waveform, WINDOW, HOP, window=head.window, return_complex=True)
    error = head.waveform(spectrum.abs(), spectrum.angle()) - waveform
    assert 10 * torch.log10(error.square().sum() / waveform.square().sum()) < -60


def test_vocos_under_autocast(waveform: Tensor) -> None:
    vocoder = made("Vocos")
    mel = vocoder.mel(waveform)
    with torch.no_grad():
        high = vocoder(mel)
        with torch.autocast("cpu", torch.bfloat16):
            low = vocoder(mel)
    assert low.dtype == torch.float32
    assert float((low - high).norm() / high.norm()) < 0.02


def test_vocos_reaches_no_farther_than_its_kernels(waveform: Tensor) -> None:
    """What stands behind the end of a sentence in a batch changes its last frames alone."""
    vocoder, blocks = made("Vocos"), 2
    mel = vocoder.mel(waveform)
    padded = torch.nn.functional.pad(mel, (0, 40), value=float(np.log(FLOOR)))
    reach = (3 * (blocks + 1)) * HOP + WINDOW // 2
    alone, found = vocoder(mel), vocoder(padded)
    whole = alone.shape[1] - reach
    torch.testing.assert_close(found[:, :whole], alone[:, :whole], atol=1e-6, rtol=1e-5)


def test_griffin_lim_is_near_the_recording(waveform: Tensor) -> None:
    vocoder = GriffinLim()
    copy = vocoder(vocoder.mel(waveform))
    error = (vocoder.mel(copy) - vocoder.mel(waveform)).abs().mean()
    assert error < 0.15
    assert stoi(waveform[0].numpy(), copy[0].numpy(), 16_000) > 0.9


def test_magnitudes_have_the_mel_they_were_made_of(waveform: Tensor) -> None:
    mel = LogMel()
    log_mel = mel(waveform)
    magnitudes = from_bands(log_mel.exp(), mel.filters)
    assert magnitudes.min() >= 0.0
    again = (mel.spectrogram.mel_scale(magnitudes)).log()
    assert (again - log_mel).abs().mean() < 0.01


def test_magnitudes_that_fit_stay(waveform: Tensor) -> None:
    mel = LogMel()
    taper = torch.hann_window(WINDOW)
    true = torch.stft(
        waveform, WINDOW, HOP, window=taper, pad_mode="constant", return_complex=True
    ).abs()
    found = from_bands(mel(waveform).exp(), mel.filters, true.clamp(min=1e-7))
    assert (found - true).norm() / true.norm() < 0.01
    assert (from_bands(mel(waveform).exp(), mel.filters) - true).norm() / true.norm() > 0.1


def test_iterations_repair_a_waveform(waveform: Tensor) -> None:
    """Noise 10 dB below speech leaves the mel and the waveform by the iterations."""
    vocoder = made("Vocos")
    assert isinstance(vocoder, Vocos)
    log_mel, window = vocoder.mel(waveform), vocoder.head.window
    noise = torch.randn(waveform.shape, generator=torch.Generator().manual_seed(0))
    noisy = waveform + noise * waveform.std() * 10 ** (-10 / 20)
    repaired = consistent(noisy, log_mel, vocoder.mel.filters, window, 16)

    def errors(made_of: Tensor) -> tuple[float, float]:
        mel = (vocoder.mel(made_of) - log_mel).abs().mean()
        return float(mel), stoi(waveform[0].numpy(), made_of[0].numpy(), 16_000)

    (mel_before, stoi_before), (mel_after, stoi_after) = errors(noisy), errors(repaired)
    assert mel_after < 0.2 * mel_before and stoi_after > stoi_before
    assert vocoder.speak(log_mel).shape == waveform.shape


def test_iterations_bring_the_spectrum_nearer(waveform: Tensor) -> None:
    def error(iterations: int, momentum: float) -> float:
        vocoder = GriffinLim(iterations, momentum)
        mel = vocoder.mel(waveform)
        return float((vocoder.mel(vocoder(mel)) - mel).abs().mean())

    assert error(60, 0.99) < error(60, 0.0) < error(4, 0.0)


@pytest.mark.parametrize("arguments", [{"iterations": 0}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_what_griffin_lim_refuses(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        GriffinLim(**arguments)  # type: ignore[arg-type]
