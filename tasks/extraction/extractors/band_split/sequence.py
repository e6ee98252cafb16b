"""Sequence layers: what follows time within a band and what follows bands within a frame.

All map `(B, T, K, N)` to the same shape around a residual connection; an extractor is built from
any of them.
"""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


class Lstm(nn.Module):
    """Norm, bidirectional LSTM, projection, along one axis (Luo and Yu, TASLP 2023, §III-B)."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.lstm = nn.LSTM(features, hidden, bidirectional=True)
        self.projection = nn.Linear(2 * hidden, features)

    def along(self, x: Tensor) -> Tensor:
        """`x (L, R, N)`: R rows along axis L."""
        y, _ = self.lstm(self.norm(x))
        return self.projection(y)


class TimeLstm(Lstm):
    """Along time, the same weights in every band."""

    def forward(self, x: Tensor) -> Tensor:
        """See the module."""
        rows = rearrange(x, "b t k n -> t (b k) n")
        return x + rearrange(self.along(rows), "t (b k) n -> b t k n", b=len(x))


class BandLstm(Lstm):
    """Along the bands of a frame."""

    def forward(self, x: Tensor) -> Tensor:
        """See the module."""
        rows = rearrange(x, "b t k n -> k (b t) n")
        return x + rearrange(self.along(rows), "k (b t) n -> b t k n", b=len(x))


class TimeConv(nn.Module):
    """A dilated convolution along time and a projection, the same weights in every band.

    One matrix product a layer, forward and backward: on a CPU several times as fast to train as an
    LSTM (figures in the recipe's README).
    """

    def __init__(self, features: int, hidden: int, dilation: int, kernel: int = 3) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.dilation, self.kernel = dilation, kernel
        self.conv = nn.Conv2d(features, hidden, (kernel, 1), dilation=(dilation, 1))
        self.projection = nn.Linear(hidden, features)

    def forward(self, x: Tensor) -> Tensor:
        """See the module."""
        image = self.norm(x).permute(0, 3, 1, 2)  # channels-last in memory
        padding = (self.dilation * (self.kernel - 1) // 2, 0)
        y = F.conv2d(
            image, self.conv.weight, self.conv.bias, (1, 1), padding, (self.dilation, 1)
        ).permute(0, 2, 3, 1)
        return x + self.projection(F.relu(y))


class BandMixer(nn.Module):
    """All bands of a frame through one bottleneck, which a sequence layer follows along time: what
    belongs to one speaker is spread over the whole spectrum.

    `recurrent`: a bidirectional LSTM over the bottleneck; else a dilated convolution.
    """

    def __init__(
        self, features: int, bands: int, bottleneck: int, dilation: int, recurrent: bool = False
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.gather = nn.Linear(features * bands, bottleneck)
        self.recurrent = recurrent
        self.dilation = dilation
        if recurrent:
            self.sequence: nn.Module = nn.LSTM(bottleneck, bottleneck, bidirectional=True)
        else:
            self.sequence = nn.Conv2d(bottleneck, bottleneck, (3, 1), dilation=(dilation, 1))
        width = 2 * bottleneck if recurrent else bottleneck
        self.spread = nn.Linear(width, features * bands)

    def forward(self, x: Tensor) -> Tensor:
        """See the module."""
        frame = F.relu(self.gather(self.norm(x).flatten(2)))
        if self.recurrent:
            followed, _ = self.sequence(frame.transpose(0, 1))
            followed = followed.transpose(0, 1)
        else:
            image = frame.transpose(1, 2).unsqueeze(3)
            assert isinstance(self.sequence, nn.Conv2d)
            followed = F.conv2d(
                image,
                self.sequence.weight,
                self.sequence.bias,
                (1, 1),
                (self.dilation, 0),
                (self.dilation, 1),
            )
            followed = F.relu(followed.squeeze(3).transpose(1, 2))
        return x + self.spread(followed).view_as(x)


class Block(nn.Module):
    """Along time, then across bands."""

    def __init__(self, time: nn.Module, band: nn.Module) -> None:
        super().__init__()
        self.time, self.band = time, band

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T, K, N)` → the same."""
        y: Tensor = self.band(self.time(x))
        return y


def published_blocks(features: int, bands: int, blocks: int) -> nn.ModuleList:
    """LSTMs of twice the features along time and across bands, as published."""
    return nn.ModuleList(
        Block(TimeLstm(features, 2 * features), BandLstm(features, 2 * features))
        for _ in range(blocks)
    )


def small_blocks(
    features: int,
    bands: int,
    blocks: int,
    bottleneck: int = 128,
    cycle: int = 6,
    recurrent: bool = False,
) -> nn.ModuleList:
    """Convolutions along time with dilations 1, 2, 4 … (starting again after `cycle` blocks) and a
    mixer across bands: the size made to be trained on a CPU."""
    return nn.ModuleList(
        Block(
            TimeConv(features, 2 * features, 2 ** (i % cycle)),
            BandMixer(features, bands, bottleneck, 2 ** (i % cycle), recurrent),
        )
        for i in range(blocks)
    )
