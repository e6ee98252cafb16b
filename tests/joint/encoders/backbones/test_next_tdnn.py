"""NeXt-TDNN: its published size, padding, its response norm by hand."""

import pytest
import torch
from torch import Tensor, nn

from joint.encoders.backbones.next_tdnn import NeXtTdnn, ResponseNorm
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import AttentiveStatisticsPooling
from joint.errors import ConfigError


def encoder(channels: int) -> SpeakerEncoder:
    torch.manual_seed(0)
    made = SpeakerEncoder(Filterbank(), NeXtTdnn(channels=channels), AttentiveStatisticsPooling)
    for part in made.modules():
        if isinstance(part, ResponseNorm):  # as drawn it does nothing
            nn.init.normal_(part.gain)
            nn.init.normal_(part.bias, std=0.1)
    return made.eval()


@pytest.mark.parametrize("channels, millions", [(128, 1.9), (256, 7.1)])
def test_published_size(channels: int, millions: float) -> None:
    made = SpeakerEncoder(Filterbank(), NeXtTdnn(channels=channels), AttentiveStatisticsPooling)
    pooling = made.pooling.get_submodule("context").weight.numel()  # theirs sees no context
    count = sum(p.numel() for p in made.parameters()) - pooling
    assert count / 1e6 == pytest.approx(millions, abs=0.1)


def test_padded_equals_alone(padded: tuple[Tensor, Tensor]) -> None:
    waveform, lengths = padded
    made = encoder(16)
    with torch.no_grad():
        together = made(waveform, lengths, layers=("stage3",))
        for i, length in enumerate(lengths.tolist()):
            alone = made(waveform[i : i + 1, :length], layers=("stage3",))
            torch.testing.assert_close(
                together.embedding[i], alone.embedding[0], atol=1e-4, rtol=1e-4
            )
            count = alone.frames.shape[-1]
            assert count == 1 + (length - 400) // 160
            own = together.layers["stage3"].features[i, :, :count]
            expected = alone.layers["stage3"].features[0]
            torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)


def test_every_parameter_learns(padded: tuple[Tensor, Tensor]) -> None:
    made = encoder(16)
    made.train()(padded[0][:, :8000]).embedding.square().sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name


def test_response_norm_by_hand() -> None:
    norm = ResponseNorm(2)
    with torch.no_grad():
        norm.gain.copy_(torch.tensor([1.0, 2.0]))
        norm.bias.fill_(0.5)
    x = torch.tensor([[[3.0, 0.0], [4.0, 1.0], [9.0, 9.0]]])
    # energies 5 and 1 of the first two frames: shares 5/3 and 1/3 of their mean, 3
    found = norm(x, torch.tensor([[True, True, False]]))[0, :2]
    expected = torch.tensor([[3 * (1 + 5 / 3) + 0.5, 0.5], [4 * (1 + 5 / 3) + 0.5, 5 / 3 + 0.5]])
    torch.testing.assert_close(found, expected)


def test_kernels_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="channels: found 15; expected a multiple of 2 kernels"):
        NeXtTdnn(channels=15)
    with pytest.raises(ConfigError, match="kernels: found 8; expected odd"):
        NeXtTdnn(kernels=(7, 8))
