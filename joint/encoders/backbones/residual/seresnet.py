"""Pre-activated ResNet with squeeze-excitation in its first stages (He et al., ECCV 2016; Rouvier
and Bousquet, ASRU 2021), as SpeechBrain has it."""

import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.backbones.ecapa import SqueezeExcitation
from joint.encoders.backbones.residual.resnet import PointConv, ResidualBlock, ResNet, Stride, hide

GATED_STAGES = 2


class PreActivatedBlock(ResidualBlock):
    """Two 3×3 convolutions and one 1×1, each after norm and ReLU, around a shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: Stride) -> None:
        super().__init__(in_channels, channels, stride)
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(channels)
        self.conv3 = PointConv(channels, channels)

    def forward(self, x: Tensor, before: Tensor | None, after: Tensor | None) -> Tensor:
        """`x (B, C, D, F)`, masks `(B, F)` and `(B, F')` of input and output."""
        y = self.conv1(hide(F.relu(self.norm1(x)), before))
        y = self.conv2(hide(F.relu(self.norm2(y)), after))
        return self.gated(self.conv3(F.relu(self.norm3(y))), after) + self.shortcut(x)

    def gated(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """What is added to the shortcut: `x (B, C, D, F)` as it is."""
        return x


class GatedBlock(PreActivatedBlock):
    """The same with a gate for each channel, from its mean over a recording's own points."""

    def __init__(self, in_channels: int, channels: int, stride: Stride) -> None:
        super().__init__(in_channels, channels, stride)
        self.gate = SqueezeExcitation(channels, channels)

    def gated(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, C, D, F)` → `(B, C, D, F)`."""
        gate = self.gate(x.mean(dim=2).transpose(1, 2), mask)
        return x * gate.transpose(1, 2).unsqueeze(-1)


class SeResNet(ResNet):
    """3, 4, 6, 3 pre-activated blocks of 1, 1, 2, 2 times `channels`: 15.4 million parameters."""

    depths = (3, 4, 6, 3)
    widths = (1, 1, 2, 2)

    def __init__(self, features: int = 80, channels: int = 128) -> None:
        super().__init__(features, channels)

    def block_of(self, stage: int) -> type[ResidualBlock]:
        """Gated in the first two stages."""
        return GatedBlock if stage < GATED_STAGES else PreActivatedBlock
