"""The block of Conv-TasNet: what its layers are equal to, and what it looks at."""

import pytest
import torch
import torch.nn.functional as F
from tiny_models import encoding_of

from joint.conditioning.fusion import AddFusion
from joint.errors import ConfigError
from tasks.extraction.extractors.time_domain.blocks import (
    ConvBlock,
    Depthwise,
    GlobalNorm,
    dilated_blocks,
)


@pytest.mark.parametrize("kernel, dilation", [(3, 1), (3, 4), (5, 3), (3, 64)])
def test_a_depthwise_convolution_is_a_dilated_one(kernel: int, dilation: int) -> None:
    torch.manual_seed(0)
    layer, x = Depthwise(6, kernel, dilation), torch.randn(2, 37, 6)
    weight, padding = layer.conv.weight.squeeze(3), dilation * (kernel // 2)
    expected = F.conv1d(
        x.transpose(1, 2), weight, layer.conv.bias, padding=padding, dilation=dilation, groups=6
    )
    torch.testing.assert_close(layer(x), expected.transpose(1, 2), atol=1e-6, rtol=1e-5)


def test_a_global_norm_is_over_frames_and_channels() -> None:
    torch.manual_seed(0)
    norm, x = GlobalNorm(6), 3.0 + 2.0 * torch.randn(2, 37, 6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    mean = x.mean(dim=(1, 2), keepdim=True)
    deviation = x.var(dim=(1, 2), keepdim=True, correction=0).sqrt()
    expected = (x - mean) / deviation * norm.weight + norm.bias
    torch.testing.assert_close(norm(x), expected, atol=1e-5, rtol=1e-5)


def test_dilations_double() -> None:
    """One frame changes before the norms, which look at all frames, do: who notices?"""
    torch.manual_seed(0)
    x = torch.zeros(1, 41, 6)
    changed = x.clone()
    changed[0, 20] = 1.0
    for i, block in enumerate(dilated_blocks(4, 6, 8)):
        noticed = (block.depthwise(block.expand(x)) != block.depthwise(block.expand(changed))).any(
            2
        )
        assert noticed[0].nonzero().flatten().tolist() == [20 - 2**i, 20, 20 + 2**i]


def test_an_added_speaker_is_a_concatenated_one() -> None:
    """SpEx+ joins embedding and features before the first layer: the same product, in two parts."""
    torch.manual_seed(0)
    block = ConvBlock(6, 8, 1, fusion=AddFusion(8, 10)).eval()
    speaker, x = torch.randn(2, 10), torch.randn(2, 37, 6)
    assert isinstance(block.fusion, AddFusion)
    joined = torch.cat([x, block.fusion.norm(speaker)[:, None].expand(-1, 37, -1)], dim=2)
    weight = torch.cat([block.expand.weight, block.fusion.shift.weight], dim=1)
    hidden = F.linear(joined, weight, block.expand.bias + block.fusion.shift.bias)
    expected = block.second(block.depthwise(block.first(hidden)))
    found = block.hidden(x, encoding_of(speaker))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_bad_blocks() -> None:
    with pytest.raises(ConfigError, match="kernel: found 4"):
        ConvBlock(6, 8, 1, kernel=4)
    with pytest.raises(ConfigError, match=r"activation: found 'gelu'; expected prelu or relu"):
        ConvBlock(6, 8, 1, act="gelu")  # type: ignore[arg-type]
