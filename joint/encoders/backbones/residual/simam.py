"""SimAM-ResNets: their blocks weigh every point by how much it stands out (Yang et al., ICML 2021;
Qin et al., ICASSP 2022)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.encoders.backbones.residual.resnet import BasicBlock, ResidualBlock, ResNet, hide

SMALLEST = 1e-4
"""λ of eq. 5: a floor for a channel's variance."""


def simam(x: Tensor, mask: Tensor | None) -> Tensor:
    """`x (B, C, D, F)` weighed by the sigmoid of its inverse energy (Yang et al., eq. 5), from mean
    and variance of each channel over a recording's own frames `mask (B, F)`."""
    with torch.autocast(x.device.type, enabled=False):
        value = x.float()
        own = torch.ones_like(value[:, :1, :1]) if mask is None else mask[:, None, None].float()
        points = x.shape[2] * own.sum(dim=-1, keepdim=True)
        mean = (value * own).sum(dim=(2, 3), keepdim=True) / points
        distance = (value - mean).square() * own
        variance = distance.sum(dim=(2, 3), keepdim=True) / (points - 1).clamp(min=1.0)
        weight = torch.sigmoid(distance / (4.0 * (variance + SMALLEST)) + 0.5)
        return (value * weight).to(x.dtype)


class SimamBlock(BasicBlock):
    """A basic block with the attention before its shortcut is added."""

    def forward(self, x: Tensor, before: Tensor | None, after: Tensor | None) -> Tensor:
        """See BasicBlock."""
        y = hide(F.relu(self.norm1(self.conv1(x))), after)
        y = simam(self.norm2(self.conv2(y)), after)
        return hide(F.relu(y + self.shortcut(x)), after)


class SimamResNet34(ResNet):
    """3, 4, 6, 3 blocks of 64 channels and more: 25.2 million parameters."""

    block: ClassVar[type[ResidualBlock]] = SimamBlock
    depths = (3, 4, 6, 3)

    def __init__(self, features: int = 80, channels: int = 64) -> None:
        super().__init__(features, channels)


class SimamResNet100(SimamResNet34):
    """6, 16, 24, 3 blocks: 50.2 million parameters."""

    depths = (6, 16, 24, 3)
