"""The log mel spectrogram is torchaudio's; a padded recording gets what it has alone."""

import pytest
import torch
from torch import Tensor

from joint.encoders.frontends.log_mel import LogMelSpectrogram, mel_filters

VOICE = 0.1 * torch.randn(2, 9001, generator=torch.Generator().manual_seed(0))


def of_torchaudio(waveform: Tensor, bins: int, window: int, hop: int) -> Tensor:
    from torchaudio.transforms import MelSpectrogram

    layer = MelSpectrogram(
        16_000, window, hop_length=hop, f_min=20, n_mels=bins, window_fn=torch.hamming_window
    )
    emphasised = waveform - 0.97 * torch.cat([waveform[:, 1:2], waveform[:, :-1]], dim=1)
    return (layer(emphasised) + 1e-8).log().transpose(1, 2)


@pytest.mark.parametrize("bins, window, hop", [(80, 512, 128), (20, 128, 64)])
def test_features_are_those_of_torchaudio(bins: int, window: int, hop: int) -> None:
    frontend = LogMelSpectrogram(bins, window, hop)
    frames = frontend(VOICE, torch.tensor([9001, 9001]))
    expected = of_torchaudio(VOICE, bins, window, hop)
    expected = expected - expected.mean(dim=1, keepdim=True)
    assert frames.mask is None and frames.hop == hop and frames.offset == 0
    torch.testing.assert_close(frames.features, expected, rtol=1e-4, atol=1e-4)


def test_filters_are_those_of_torchaudio() -> None:
    from torchaudio.functional import melscale_fbanks

    expected = melscale_fbanks(257, 20.0, 8000.0, 80, 16_000)
    torch.testing.assert_close(mel_filters(80, 512), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("samples", [9000, 5121, 513, 200])
def test_a_padded_recording_gets_what_it_has_alone(samples: int) -> None:
    frontend = LogMelSpectrogram(20)
    padded = VOICE.clone()
    padded[1, samples:] = 0.0
    both = frontend(padded, torch.tensor([9001, samples]))
    alone = frontend(padded[1:, :samples], torch.tensor([samples]))
    own = alone.features.shape[1]
    assert both.mask is not None and int(both.mask[1].sum()) == own
    torch.testing.assert_close(both.features[1, :own], alone.features[0], rtol=1e-4, atol=1e-4)
    assert both.features[1, own:].abs().max() == 0 if own < both.features.shape[1] else True
