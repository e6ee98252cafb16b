"""The d-vector over windows: how many there are, that a batch is one of them, what frames say."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from joint.encoders.backbones.dvector import DVectorEncoder, LstmBackbone
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.frontends.mel import MelSpectrogram
from joint.errors import ConfigError


def made(**other: float) -> DVectorEncoder:
    torch.manual_seed(0)
    return DVectorEncoder(MelSpectrogram(), LstmBackbone(40, 24), 16, **other)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def encoder() -> DVectorEncoder:
    encoder = made().eval()
    with torch.no_grad():
        # chance alone lets power say little, and all vectors are much the same
        for lstm in encoder.backbone.lstms:  # type: ignore[union-attr]
            lstm.weight_ih_l0 *= 8.0
            lstm.weight_hh_l0 *= 2.0
        encoder.projection.bias.zero_()
    return encoder


@pytest.fixture(scope="module")
def batch(padded: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Five, two, one and one window; what lies beyond an end is not silence."""
    lengths = torch.tensor([80_000, 33_333, 19_000, 4_961])
    waveform = padded[0][0].repeat(4, 5)[:, :80_000].clone()
    generator = torch.Generator().manual_seed(0)
    for i, length in enumerate(lengths.tolist()):
        waveform[i] = waveform[i].roll(3_000 * i)
        waveform[i, length:] = 0.1 * torch.randn(80_000 - length, generator=generator)
    return waveform, lengths


# the second window begins after 77 frames, and three quarters of it are 19 200 samples
@pytest.mark.parametrize(
    "samples, windows",
    [
        (4_800, 1),
        (25_600, 1),
        (31_519, 1),
        (31_520, 2),
        (43_839, 2),
        (43_840, 3),
        (56_159, 3),
        (56_160, 4),
    ],
)
def test_the_last_window_counts_where_enough_of_it_is_recording(samples: int, windows: int) -> None:
    assert made().window_count(torch.tensor([samples])).tolist() == [windows]


def test_padded_equals_alone(encoder: DVectorEncoder, batch: tuple[Tensor, Tensor]) -> None:
    waveform, lengths = batch
    with torch.no_grad():
        together = encoder(*batch)
        assert encoder.window_count(lengths).tolist() == [5, 2, 1, 1]
        assert float((together.embedding[0] @ together.embedding.T).min()) < 0.99
        for i, length in enumerate(lengths.tolist()):
            alone = encoder(waveform[i : i + 1, :length])
            torch.testing.assert_close(together.embedding[i], alone.embedding[0], atol=1e-5, rtol=0)
            own = together.frames[i][:, together.frame_mask[i]]
            expected = alone.frames[0][:, alone.frame_mask[0]]
            torch.testing.assert_close(own, expected, atol=1e-5, rtol=0)
            assert own.shape[1] == min(1 + length // 160, 160 + 77 * ([5, 2, 1, 1][i] - 1))


def test_the_embedding_is_read_off_the_ends_of_windows(
    encoder: DVectorEncoder, batch: tuple[Tensor, Tensor]
) -> None:
    with torch.no_grad():
        encoding = encoder(*batch)
        ends = encoding.frames.transpose(1, 2)[:, 159::77]
        vectors = F.normalize(F.relu(encoder.projection(ends)), dim=2)
    for i, windows in enumerate(encoder.window_count(batch[1]).tolist()):
        expected = F.normalize(vectors[i, :windows].mean(0), dim=0)
        torch.testing.assert_close(encoding.embedding[i], expected)


def test_each_window_is_heard_alone(encoder: DVectorEncoder) -> None:
    torch.manual_seed(0)
    waveform = 0.1 * torch.randn(1, 43_840)
    changed = waveform.clone()
    changed[:, :12_000] *= 0.9
    with torch.no_grad():
        before, after = encoder(waveform).frames, encoder(changed).frames
    assert not torch.equal(before[..., :160], after[..., :160])
    assert torch.equal(before[..., 160:], after[..., 160:])


def test_layers_come_with_mask_and_hop(
    encoder: DVectorEncoder, batch: tuple[Tensor, Tensor]
) -> None:
    with torch.no_grad():
        encoding = encoder(*batch, layers=("lstm1", "lstm3"))
    layer = encoding.layers["lstm3"]
    assert torch.equal(layer.features, encoding.frames)
    assert torch.equal(layer.mask, encoding.frame_mask)
    assert (layer.hop, layer.offset) == (160, 0)
    with pytest.raises(KeyError):
        encoder(*batch, layers=("lstm4",))


@pytest.mark.parametrize("samples", [25_600, 48_000])
def test_every_parameter_learns(samples: int) -> None:
    encoder = made().train()
    embedding = encoder(0.1 * torch.randn(3, samples)).embedding
    embedding[:, :4].sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()) and bool(parameter.grad.any()), name


def test_another_front_end() -> None:
    torch.manual_seed(0)
    encoder = DVectorEncoder(Filterbank(24), LstmBackbone(24, 16), 8).eval()
    waveform, lengths = 0.1 * torch.randn(2, 40_000), torch.tensor([40_000, 9_000])
    with torch.no_grad():
        together, alone = encoder(waveform, lengths), encoder(waveform[1:, :9_000])
    torch.testing.assert_close(together.embedding[1], alone.embedding[0], atol=1e-5, rtol=0)
    assert together.frame_mask[1].sum() == 1 + (9_000 - 400) // 160


@pytest.mark.parametrize("rate", [0.5, 150.0])
def test_windows_leave_nothing_out(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"rate: found .*; expected windows a second, 0\.625 to"):
        made(rate=rate)
