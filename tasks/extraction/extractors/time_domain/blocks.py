"""The block of Conv-TasNet: dilated depthwise convolutions between two linear layers, with a place
for a conditioning. Frames come before channels everywhere, `(B, F, N)`."""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"prelu": nn.PReLU, "relu": nn.ReLU}
Activation = Literal["prelu", "relu"]
"""`prelu` as published; `relu` trains several times as fast on a CPU."""


def activation(name: Activation) -> nn.Module:
    """The activation called `name`. Raises ConfigError for one that is none."""
    if name not in ACTIVATIONS:
        raise ConfigError("activation", repr(name), " or ".join(ACTIVATIONS))
    return ACTIVATIONS[name]()


class GlobalNorm(nn.Module):
    """Normalises over all frames and channels, with a gain and a shift a channel (gLN of Luo and
    Mesgarani, TASLP 2019)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, F, N)` → the same."""
        with torch.autocast(x.device.type, enabled=False):
            # an image of one row, channels last in memory
            image = x.float().unsqueeze(1).permute(0, 3, 1, 2)
            normed = F.group_norm(image, 1, self.weight, self.bias)
            return normed.permute(0, 2, 3, 1).squeeze(1)


class Depthwise(nn.Module):
    """A dilated convolution along frames, of each channel alone; as many frames come out.

    Every dilation-th frame is a row of its own: so the convolution is not a dilated one, for which
    CPUs have no fast kernel, and rows are a view of what lies in memory.
    """

    def __init__(self, features: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            features, features, (kernel, 1), padding=(kernel // 2, 0), groups=features
        )
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        """`(B, F, N)` → the same."""
        frames = x.shape[1]
        whole = F.pad(x, (0, 0, 0, -frames % self.dilation))
        image = whole.unflatten(1, (-1, self.dilation)).permute(0, 3, 1, 2)
        filtered: Tensor = self.conv(image).permute(0, 2, 3, 1).flatten(1, 2)
        return filtered[:, :frames]


class ConvBlock(nn.Module):
    """Linear layer, depthwise convolution, linear layer, around a residual connection (Luo and
    Mesgarani, TASLP 2019, figure 1C).

    `fusion` conditions the hidden channels before the first activation; additive, it is what a
    concatenation of features and speaker before the first layer amounts to (Ge et al., Interspeech
    2020). With `skip` there is a second output, for a sum over all blocks; the `last` block of a
    sum has that one alone.

    Raises ConfigError for an even `kernel`.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        dilation: int,
        kernel: int = 3,
        act: Activation = "prelu",
        fusion: Conditioning | None = None,
        skip: bool = False,
        last: bool = False,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ConfigError("kernel", str(kernel), "an odd number of frames")
        self.expand = nn.Linear(features, hidden)
        self.fusion = fusion
        self.first = nn.Sequential(activation(act), GlobalNorm(hidden))
        self.depthwise = Depthwise(hidden, kernel, dilation)
        self.second = nn.Sequential(activation(act), GlobalNorm(hidden))
        self.residual = None if last else nn.Linear(hidden, features)
        self.skip = nn.Linear(hidden, features) if skip else None

    def hidden(self, x: Tensor, encoding: SpeakerEncoding | None = None) -> Tensor:
        """`(B, F, N)` → the hidden channels `(B, F, H)` that the outputs are made from."""
        hidden = self.expand(x)
        if self.fusion is not None:
            assert encoding is not None
            hidden = self.fusion(hidden, encoding)
        filtered: Tensor = self.second(self.depthwise(self.first(hidden)))
        return filtered

    def forward(self, x: Tensor, encoding: SpeakerEncoding | None = None) -> Tensor:
        """`(B, F, N)` → the same. The sum is in float32, also where layers are in bf16."""
        assert self.residual is not None
        return x.float() + self.residual(self.hidden(x, encoding))


def dilated_blocks(
    count: int,
    features: int,
    hidden: int,
    kernel: int = 3,
    act: Activation = "prelu",
    fusion: Conditioning | None = None,
) -> nn.ModuleList:
    """A stack: dilations 1, 2, 4 …; `fusion` in the first block."""
    return nn.ModuleList(
        ConvBlock(features, hidden, 2**i, kernel, act, None if i else fusion) for i in range(count)
    )
