"""The log-mel: torchaudio's values, frames where they belong, floor, precision."""

import math

import numpy as np
import pytest
import torch
import torchaudio

from joint.synthesis.mel import FLOOR, HOP, MELS, LogMel, frames_of


def test_equal_to_torchaudio_with_the_same_settings(speech: list[np.ndarray]) -> None:
    waveform = torch.from_numpy(speech[0])[None]
    mel = torchaudio.transforms.MelSpectrogram(
        sample_rate=16_000,
        n_fft=800,
        hop_length=200,
        f_min=0.0,
        f_max=8_000.0,
        n_mels=80,
        power=1.0,
        pad_mode="constant",
        mel_scale="htk",
    )(waveform)
    torch.testing.assert_close(LogMel()(waveform), torch.log(torch.clamp(mel, min=1e-5)))


@pytest.mark.parametrize("samples", [401, 799, 800, 999, 16_000, 16_123])
def test_frames_of_a_waveform(samples: int) -> None:
    assert LogMel()(torch.zeros(1, samples)).shape == (1, MELS, frames_of(samples))


def test_frame_f_is_centred_on_sample_f_times_hop() -> None:
    click = torch.zeros(1, 8_000)
    click[0, 17 * HOP] = 1.0
    energy = LogMel()(click).exp().sum(dim=1)[0]
    assert int(energy.argmax()) == 17
    torch.testing.assert_close(energy[16], energy[18])


def test_a_tone_is_in_the_band_of_its_frequency() -> None:
    seconds = torch.arange(16_000) / 16_000
    bands = LogMel()(torch.sin(2 * math.pi * 1_000 * seconds)[None])[0, :, 40]
    width = 2595 * math.log10(1 + 8_000 / 700) / (MELS + 1)  # between centres, in mels
    assert int(bands.argmax()) == round(2595 * math.log10(1 + 1_000 / 700) / width) - 1


def test_silence_is_the_floor() -> None:
    assert torch.all(LogMel()(torch.zeros(1, 4_000)) == math.log(FLOOR))


def test_single_precision_under_autocast(speech: list[np.ndarray]) -> None:
    mel, waveform = LogMel(), torch.from_numpy(speech[0])[None]
    with torch.autocast("cpu", torch.bfloat16):
        found = mel(waveform)
    assert found.dtype == torch.float32 and torch.equal(found, mel(waveform))


def test_nothing_of_it_is_in_a_checkpoint() -> None:
    assert not LogMel().state_dict()
