"""ReDimNet (Yakovlev et al., Interspeech 2024): 2-D and 1-D blocks in turn on one tensor, whose
channels and frequencies change places without a loss."""

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from joint.encoders.backbones.redimnet_blocks import (
    ConvNextBlock,
    ExcitedBlock,
    ResidualBlock,
    TimeContext,
    hide,
    image,
    sequence,
)
from joint.encoders.frames import Frames
from joint.errors import ConfigError


class Stage(NamedTuple):
    """Frequency is divided by `stride`; `blocks` 2-D blocks run at `widening` times the channels;
    the time context works in 1/`reduction` of the features (None: there is none)."""

    stride: int
    blocks: int
    widening: int
    reduction: int | None


class LayerMix(nn.Module):
    """Weighted sum of what the stem and every stage so far gave, weights a feature (softmax over
    the inputs)."""

    def __init__(self, inputs: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, features))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Tensors `(B, F, N)` → one."""
        share = torch.softmax(self.weight.float(), dim=0)
        mixed = inputs[0] * share[0].to(inputs[0].dtype)
        for x, weight in zip(inputs[1:], share[1:], strict=True):
            mixed = torch.addcmul(mixed, x, weight.to(x.dtype))
        return mixed


class StageBlock(nn.Module):
    """One stage: frequency into channels, 2-D blocks, time context."""

    def __init__(
        self,
        stage: Stage,
        channels: int,
        frequencies: int,
        block: type[ResidualBlock | ConvNextBlock],
        group: int | None,
    ) -> None:
        super().__init__()
        self.channels = channels
        narrow = stage.stride * channels
        wide = narrow * stage.widening
        self.divide = nn.Conv2d(channels, wide, (1, stage.stride), (1, stage.stride))
        self.blocks = nn.ModuleList(
            block(wide, frequencies // stage.stride, group) for _ in range(stage.blocks)
        )
        self.narrow: nn.Sequential | None = None
        if stage.widening != 1:
            groups = 1 if group is None else narrow // group
            self.narrow = nn.Sequential(
                nn.Conv2d(wide, narrow, 3, 1, 1, groups=groups),
                nn.BatchNorm2d(narrow, eps=1e-6),
                nn.GELU(),
                nn.Conv2d(narrow, narrow, 1),
            )
        size = channels * frequencies
        self.context = (
            None if stage.reduction is None else TimeContext(size, size // stage.reduction)
        )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, N)` → the same."""
        y = self.divide(image(x, self.channels))
        for block in self.blocks:
            y = block(y, mask)
        if self.narrow is not None:
            y = self.narrow(hide(y, mask))
        y = sequence(y)
        return y if self.context is None else self.context(y, mask)


class ReDimNet(nn.Module):
    """`(B, F, features)` → `(B, F, channels·features)`. The classes below say what is in it; use
    attentive statistics with global context after it.

    Raises ConfigError for features that the stages cannot divide.
    """

    features: ClassVar[int] = 72
    channels: ClassVar[int]
    block: ClassVar[type[ResidualBlock | ConvNextBlock]]
    group: ClassVar[int]
    stages: ClassVar[tuple[Stage, ...]]

    def __init__(self, features: int | None = None) -> None:
        super().__init__()
        channels, frequencies = self.channels, features or self.features
        divisor = math.prod(stage.stride for stage in self.stages)
        if frequencies % divisor:
            raise ConfigError("features", str(frequencies), f"a multiple of {divisor}")
        size = self.output_dim = channels * frequencies
        self.stem = nn.Conv2d(1, channels, 3, 1, 1)
        self.stem_norm = nn.LayerNorm(channels, eps=1e-6)
        self.mixes = nn.ModuleList(LayerMix(i + 2, size) for i in range(len(self.stages)))
        self.stage_blocks = nn.ModuleList()
        for stage in self.stages:
            made = StageBlock(stage, channels, frequencies, self.block, self.group)
            self.stage_blocks.append(made)
            channels, frequencies = channels * stage.stride, frequencies // stage.stride

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The mix of all stages, and every stage by name."""
        x = self.stem(frames.features.unsqueeze(1)).permute(0, 2, 3, 1)
        outputs = [self.stem_norm(x).flatten(2)]
        x, layers = outputs[0], {}
        for i, (stage, mix) in enumerate(zip(self.stage_blocks, self.mixes, strict=True)):
            outputs.append(stage(x, frames.mask))
            layers[f"stage{i + 1}"] = frames.with_features(outputs[-1])
            x = mix(outputs)
        return frames.with_features(x), layers


class ReDimNetB0(ReDimNet):
    """1.0 million parameters with an embedding of 192."""

    features, channels, block, group = 60, 10, ResidualBlock, 1
    stages = (
        Stage(1, 2, 1, 30),
        Stage(2, 3, 2, 30),
        Stage(1, 3, 3, 30),
        Stage(2, 4, 2, 10),
        Stage(1, 3, 1, 10),
    )


class ReDimNetB1(ReDimNet):
    """2.1 million parameters."""

    channels, block, group = 12, ConvNextBlock, 8
    stages = (
        Stage(1, 2, 1, None),
        Stage(2, 3, 1, None),
        Stage(3, 4, 1, 12),
        Stage(2, 5, 1, 12),
        Stage(2, 3, 1, 8),
    )


class ReDimNetB2(ReDimNet):
    """4.9 million parameters."""

    channels, block, group = 16, ConvNextBlock, 4
    stages = (
        Stage(1, 2, 1, 12),
        Stage(2, 2, 1, 12),
        Stage(1, 3, 1, 12),
        Stage(2, 4, 1, 8),
        Stage(1, 4, 1, 8),
        Stage(2, 4, 1, 4),
    )


class ReDimNetB3(ReDimNet):
    """3.2 million parameters."""

    channels, block, group = 16, ExcitedBlock, 1
    stages = (
        Stage(1, 6, 4, 32),
        Stage(2, 6, 2, 32),
        Stage(1, 8, 2, 32),
        Stage(2, 10, 2, 16),
        Stage(1, 10, 1, 16),
        Stage(2, 8, 1, 16),
    )


class ReDimNetB4(ReDimNet):
    """6.4 million parameters."""

    channels, block, group = 32, ExcitedBlock, 1
    stages = (
        Stage(1, 4, 2, 48),
        Stage(2, 4, 2, 48),
        Stage(1, 6, 2, 48),
        Stage(2, 6, 1, 32),
        Stage(1, 8, 1, 24),
        Stage(2, 4, 1, 16),
    )


class ReDimNetB5(ReDimNetB4):
    """7.7 million parameters."""

    group = 16


class ReDimNetB6(ReDimNet):
    """15.0 million parameters."""

    channels, block, group = 32, ResidualBlock, 32
    stages = (
        Stage(1, 4, 4, 32),
        Stage(2, 6, 2, 32),
        Stage(1, 6, 2, 24),
        Stage(3, 8, 1, 24),
        Stage(1, 8, 1, 16),
        Stage(2, 8, 1, 16),
    )
