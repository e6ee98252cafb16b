"""Kaldi's features on the grid of a spectrum: a frame wherever that has one."""

import pytest
import torch
import torchaudio.compliance.kaldi as kaldi
from torch.nn.functional import pad

from joint.encoders.frontends.centred import CentredFilterbank

VOICE = 0.1 * torch.randn(2, 9001, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("window, hop", [(512, 128), (320, 160)])
def test_features_are_those_of_kaldi(window: int, hop: int) -> None:
    frames = CentredFilterbank(40, window, hop)(VOICE, torch.tensor([9001, 9001]))
    spectrum = torch.stft(VOICE, window, hop, window=torch.ones(window), return_complex=True)
    assert frames.features.shape[1] == spectrum.shape[2]
    assert frames.hop == hop and frames.offset == 0 and frames.mask is None
    mirrored = pad(VOICE[None], (window // 2, window // 2), "reflect")[0]
    for row, waveform in zip(frames.features, mirrored, strict=True):
        expected = kaldi.fbank(
            32768.0 * waveform[None],
            num_mel_bins=40,
            frame_length=window / 16,
            frame_shift=hop / 16,
            window_type="hamming",
            sample_frequency=16_000,
        )
        torch.testing.assert_close(row, expected - expected.mean(dim=0), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("samples", [9000, 5121, 513])
def test_a_padded_recording_gets_its_own_frames(samples: int) -> None:
    frontend = CentredFilterbank(40)
    padded = VOICE.clone()
    padded[1, samples:] = 0.0
    both = frontend(padded, torch.tensor([9001, samples]))
    alone = frontend(padded[1:, :samples], torch.tensor([samples]))
    own = alone.features.shape[1]
    assert both.mask is not None and int(both.mask[1].sum()) == own
    torch.testing.assert_close(both.features[1, :own], alone.features[0], rtol=1e-4, atol=1e-3)
