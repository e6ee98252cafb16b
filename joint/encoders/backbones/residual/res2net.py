"""Res2Nets on spectrograms (Gao et al., TPAMI 2021; Zhou, Zhao, Wu, SLT 2021)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.backbones.residual.resnet import PointConv, ResidualBlock, ResNet, Stride, hide

SCALE = 2
"""Groups of channels in a block."""


def capped(x: Tensor) -> Tensor:
    """ReLU that ends at 20, as the published models have it."""
    return F.hardtanh(x, 0.0, 20.0)


class Res2Block(ResidualBlock):
    """1×1 convolutions around 3×3 ones on groups of channels, each group together with the result
    of the one before; the last group passes as it is."""

    expansion = 2
    convolved = SCALE - 1

    def __init__(self, in_channels: int, channels: int, stride: Stride) -> None:
        super().__init__(in_channels, channels, stride)
        self.width = channels // 2
        self.conv1 = PointConv(in_channels, SCALE * self.width, stride)
        self.norm1 = nn.BatchNorm2d(SCALE * self.width)
        self.convs = nn.ModuleList(
            nn.Conv2d(self.width, self.width, 3, 1, 1, bias=False) for _ in range(self.convolved)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(self.width) for _ in range(self.convolved))
        outside = self.expansion * channels
        self.conv3 = PointConv(SCALE * self.width, outside)
        self.norm3 = nn.BatchNorm2d(outside)

    def join(self, before: Tensor, group: Tensor, index: int) -> Tensor:
        """What group `index` is convolved from, and the result of the group before it."""
        return before + group

    def forward(self, x: Tensor, before: Tensor | None, after: Tensor | None) -> Tensor:
        """`x (B, C, D, F)`, masks `(B, F)` and `(B, F')` of input and output."""
        groups = capped(self.norm1(self.conv1(x))).split(self.width, dim=1)
        results: list[Tensor] = []
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            group = self.join(results[-1], groups[i], i) if i else groups[i]
            results.append(capped(norm(conv(hide(group, after)))))
        y = self.norm3(self.conv3(torch.cat([*results, *groups[len(results) :]], dim=1)))
        return hide(capped(y + self.shortcut(x)), after)


class Res2Net34(ResNet):
    """3, 4, 6, 3 blocks: 4.68 million parameters with an embedding of 256."""

    block = Res2Block
    depths = (3, 4, 6, 3)
