"""RepVGG: three branches in training, one convolution afterwards (Ding et al., CVPR 2021; for
speakers Ma et al., 2021, and Zhao et al., 2021)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.backbones.residual.resnet import PointConv, flat, halved, hide, image_of
from joint.encoders.frames import Frames


class Branches(nn.Module):
    """The sum of a 3×3 convolution, a 1×1 convolution and, where the shape stays, the input itself,
    each with a norm of its own."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.dense = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.dense_norm = nn.BatchNorm2d(channels)
        self.point = PointConv(in_channels, channels, stride)
        self.point_norm = nn.BatchNorm2d(channels)
        same = stride == 1 and in_channels == channels
        self.own_norm = nn.BatchNorm2d(channels) if same else None

    def forward(self, x: Tensor) -> Tensor:
        """`x (B, C, D, F)`."""
        own = 0.0 if self.own_norm is None else self.own_norm(x)
        y: Tensor = own + self.dense_norm(self.dense(x)) + self.point_norm(self.point(x))
        return y

    @torch.no_grad()
    def folded(self) -> nn.Conv2d:
        """One convolution that does the same under the norms' running statistics."""
        gain, bias = gain_and_bias(self.dense_norm)
        weight = self.dense.weight * gain[:, None, None, None]
        centre = weight[:, :, 1, 1]
        gain, shift = gain_and_bias(self.point_norm)
        centre += self.point.weight[:, :, 0, 0] * gain[:, None]
        bias += shift
        if self.own_norm is not None:
            gain, shift = gain_and_bias(self.own_norm)
            centre += torch.diag(gain)
            bias += shift
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, self.dense.stride[0], 1)
        conv.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        conv.bias = nn.Parameter(bias)
        return conv


class RepVggBlock(nn.Module):
    """Branches, ReLU."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.branches: nn.Module = Branches(in_channels, channels, stride)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x (B, C, D, F)`, zero in its padded frames, and the mask of the output."""
        return hide(F.relu(self.branches(x)), mask)


def gain_and_bias(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a norm with its running statistics multiplies each channel by, and adds."""
    assert norm.running_var is not None and norm.running_mean is not None
    gain = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return gain, norm.bias - gain * norm.running_mean


def fold(module: nn.Module) -> int:
    """Make one convolution of the branches of every block inside `module`, in place, for inference;
    how many blocks there were."""
    found = 0
    for block in module.modules():
        if isinstance(block, RepVggBlock) and isinstance(block.branches, Branches):
            block.branches = block.branches.folded()
            found += 1
    return found


class RepVgg(nn.Module):
    """Four stages; time and frequency are halved by the last three: `(B, F, features)` → `(B, F/8,
    C·features/8)`. The classes below say how deep and wide."""

    depths: ClassVar[tuple[int, ...]]
    widths: ClassVar[tuple[int, ...]]

    def __init__(self, features: int = 80) -> None:
        super().__init__()
        width = min(64, self.widths[0])
        self.input = RepVggBlock(1, width, 1)
        self.stages = nn.ModuleList()
        for i, (depth, channels) in enumerate(zip(self.depths, self.widths, strict=True)):
            strides = [1 if i == 0 else 2] + [1] * (depth - 1)
            blocks = []
            for stride in strides:
                blocks.append(RepVggBlock(width, channels, stride))
                width = channels
            self.stages.append(nn.ModuleList(blocks))
        self.output_dim = width * ((features + 7) // 8)

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last stage as frames, and every stage by name."""
        mask, layers = frames.mask, {}
        x = self.input(image_of(frames), mask)
        for i, stage in enumerate(self.stages):
            mask = mask if i == 0 else halved(mask)
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, mask)
            layers[f"stage{i + 1}"] = frames.strided(flat(x), mask, 2**i, x)
        return layers[f"stage{len(self.stages)}"], layers


class RepVggTinyA0(RepVgg):
    """Narrow and deep (WeSpeaker's): 6.26 million parameters when folded, embedding of 256."""

    depths, widths = (3, 4, 23, 3), (32, 64, 128, 256)


class RepVggA0(RepVgg):
    """RepVGG-A0."""

    depths, widths = (2, 4, 14, 1), (48, 96, 192, 1280)


class RepVggA1(RepVgg):
    """RepVGG-A1."""

    depths, widths = (2, 4, 14, 1), (64, 128, 256, 1280)


class RepVggA2(RepVgg):
    """RepVGG-A2."""

    depths, widths = (2, 4, 14, 1), (96, 192, 384, 1408)


class RepVggB0(RepVgg):
    """RepVGG-B0."""

    depths, widths = (4, 6, 16, 1), (64, 128, 256, 1280)
