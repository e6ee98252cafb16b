"""Frame sequences inside the encoder, time before channels, and the convolution that respects their
ends.

Why `(B, F, D)` and not the usual `(B, D, F)`: a 1×1 convolution is then one matrix product over
`B·F` rows and batch norm reads memory in order, which is what makes a training step on a CPU fast.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.layers.exporting import exporting
from joint.layers.precision import float32_on_cpu
from joint.outputs import Layer
from joint.units import Samples

Padding = Literal["zeros", "reflect"]


@dataclass(frozen=True)
class Frames:
    """A batch of sequences: `features (B, F, D)`; `mask (B, F)` is True on the frames that count:
    a recording's own without those of digital silence, where the front-end leaves them out; None
    where all count; frame f is centred on sample `offset +
    f·hop` (both in Samples); `image (B, C, bands, F)` is what a backbone on spectrograms made the
    features of; `layers` are a front-end's own, by name."""

    features: Tensor
    mask: Tensor | None
    hop: Samples = 1
    offset: Samples = 0
    image: Tensor | None = None
    layers: dict[str, "Frames"] = field(default_factory=dict)

    def with_features(self, features: Tensor) -> "Frames":
        """The same sequences with other features."""
        return replace(self, features=features, image=None, layers={})

    def strided(
        self, features: Tensor, mask: Tensor | None, stride: int, image: Tensor | None = None
    ) -> "Frames":
        """What a convolution makes of every `stride`-th frame, the first centred on the first."""
        return Frames(features, mask, self.hop * stride, self.offset, image)

    def pooled(self, features: Tensor, mask: Tensor | None, size: int) -> "Frames":
        """One frame for each `size` consecutive ones, centred between them."""
        offset = self.offset + self.hop * (size - 1) // 2
        return Frames(features, mask, self.hop * size, offset)

    def layer(self) -> Layer:
        """The same sequences as an intermediate layer of an encoding."""
        return Layer(self.features.transpose(1, 2), self.full_mask(), self.hop, self.offset)

    def full_mask(self) -> Tensor:
        """The mask as a tensor, also where it is None."""
        if self.mask is not None:
            return self.mask
        batch, frames, _ = self.features.shape
        return torch.ones(batch, frames, dtype=torch.bool, device=self.features.device)


def frame_counts(mask: Tensor) -> Tensor:
    """Frames up to the last that counts, `(B,)`, of `mask (B, F)`; 0 where none counts."""
    position = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    return (mask * position).amax(dim=1)


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over time of `x (B, F, D)` → `(B, D)`, in float32."""
    if mask is None:
        # the gradient of torch's mean would be divided frame by frame
        return x.sum(dim=1, dtype=torch.float32) / x.shape[1]
    # summed in float32: a mean that is off is off in every frame
    total = x.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1, dtype=torch.float32)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1)


class FrameConv(nn.Conv1d):
    """1-D convolution over `(B, F, D)` that gives each padded recording what it has alone.

    With `stride` the output's own frames are those of `mask[:, ::stride]`. Weights are laid out as
    torch's `Conv1d`, so that other toolkits' checkpoints load unchanged.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        dilation: int = 1,
        padding: Padding = "zeros",
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, 0, dilation, groups, bias)
        self.border = padding
        self.reach = dilation * (kernel_size - 1) // 2

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """`x (B, F, in)` → `(B, F, out)`."""
        if self.reach == 0 and self.groups == 1 and self.stride == (1,):
            return F.linear(x, self.weight.squeeze(-1), self.bias)
        if self.groups > 1 and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with float32_on_cpu(x.device):
                return self.forward(x.float(), mask)
        padding = self.reach
        if self.border == "reflect":
            x, padding = reflected(x, mask, self.reach), 0
        elif mask is not None:
            x = x.masked_fill(~mask.unsqueeze(-1), 0.0)
        if exporting():  # other runtimes choose their own memory order
            y = F.conv1d(
                x.transpose(1, 2),
                self.weight,
                self.bias,
                self.stride,
                padding,
                self.dilation,
                self.groups,
            )
            return y.transpose(1, 2)
        # channels-last 2-D convolution: the memory order stays (B, F, D) throughout
        image = x.transpose(1, 2).unsqueeze(2)
        image = F.conv2d(
            image,
            self.weight.unsqueeze(2),
            self.bias,
            (1, *self.stride),
            (0, padding),
            (1, *self.dilation),
            self.groups,
        )
        return image.squeeze(2).transpose(1, 2)


def reflected(x: Tensor, mask: Tensor | None, reach: int) -> Tensor:
    """`x (B, F, D)` extended by `reach` mirrored frames at both ends of each recording."""
    batch, frames, width = x.shape
    lengths = (
        torch.full((batch, 1), frames, device=x.device)
        if mask is None
        else frame_counts(mask)[:, None]
    )
    position = torch.arange(-reach, frames + reach, device=x.device).expand(batch, -1).abs()
    last = lengths - 1
    index = torch.where(position > last, 2 * last - position, position).clamp(0, frames - 1)
    return x.gather(1, index.unsqueeze(-1).expand(-1, -1, width))


class FrameNorm(nn.BatchNorm1d):
    """Batch normalisation over `(B, F, D)`.

    In training the statistics count every frame: training batches hold equal lengths.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`(B, F, D)` → `(B, F, D)`."""
        if exporting():  # other runtimes would transpose to channels first and back
            assert self.running_mean is not None and self.running_var is not None
            gain = self.weight * (self.running_var + self.eps).rsqrt()
            return x * gain + (self.bias - self.running_mean * gain)
        track = self.training
        if track and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        image = F.batch_norm(
            x.transpose(1, 2).unsqueeze(2),  # a channels-last image: the vectorised path
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            track,
            self.momentum or 0.1,
            self.eps,
        )
        return image.squeeze(2).transpose(1, 2)
