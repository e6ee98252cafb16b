"""Pooling: a sequence of frames becomes one vector."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames, masked_mean
from joint.layers.exporting import exporting

VARIANCE_FLOOR = 1e-7
CENTRED_FLOOR = 1e-12
"""Where a variance is taken about the mean, so that it has all its digits."""


class AttentiveMoments(torch.autograd.Function):
    """Means over time of x and of x², weighted by a softmax over time, with a gradient by hand.

    Written out in tensors of `(B, F, D)`, this is what a training step on a CPU waits for longest
    besides its matrix products: a dozen passes through memory. So it is done a recording at a time,
    in float32, in buffers that stay in the cache.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """`x` and `scores (B, F, D)` → two `(B, D)`, float32."""
        weight = torch.empty_like(scores)
        mean, square = (x.new_empty(x.shape[0], x.shape[2], dtype=torch.float32) for _ in "ms")
        value, share, product = (torch.empty_like(x[0], dtype=torch.float32) for _ in "vsp")
        for b in range(len(x)):
            value.copy_(x[b])
            torch.softmax(product.copy_(scores[b]), dim=0, out=share)
            weight[b] = share
            torch.sum(torch.mul(value, share, out=product), dim=0, out=mean[b])
            torch.sum(product.mul_(value), dim=0, out=square[b])
        ctx.save_for_backward(x, weight, mean, square)
        return mean, square

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, to_mean: Tensor, to_square: Tensor) -> tuple[Tensor, Tensor]:
        """With a = m·x + s·x² for the gradients m, s: w·(m + 2s·x), and w·(a - Σ w·a)."""
        x, weight, mean, square = ctx.saved_tensors
        average = to_mean * mean + to_square * square
        to_x, to_scores = torch.empty_like(x), torch.empty_like(weight)
        value, share, slope, product = (torch.empty_like(x[0], dtype=torch.float32) for _ in "vssp")
        for b in range(len(x)):
            value.copy_(x[b])
            share.copy_(weight[b])
            torch.addcmul(to_mean[b], value, to_square[b], out=slope)
            torch.mul(slope, value, out=product)
            to_scores[b] = product.sub_(average[b]).mul_(share)
            to_x[b] = slope.addcmul_(value, to_square[b]).mul_(share)
        return to_x, to_scores


def attentive_moments(
    x: Tensor, scores: Tensor, floor: float = VARIANCE_FLOOR
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over time of `x (B, F, D)` under weights softmax(`scores`), each
    `(B, D)` in float32; no variance is below `floor`."""
    # a graph of the loop over recordings would be one of so many recordings
    by_hand = x.device.type == "cpu" and not exporting()
    moments = AttentiveMoments.apply if by_hand else plain_moments
    mean, square = moments(x, scores)
    return mean, (square - mean * mean).clamp(min=floor).sqrt()


def plain_moments(x: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """What AttentiveMoments computes, in whole tensors, for accelerators."""
    # squares in bf16 are off by more than many a variance
    weight, x = torch.softmax(scores.float(), dim=1), x.float()
    weighted = x * weight
    return weighted.sum(dim=1), (weighted * x).sum(dim=1)


def centred_moments(x: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """As `attentive_moments`, but the variance about the mean in a second pass.

    Slower to train with; a channel that never moves gets the deviation 1e-6, whatever its mean.
    """
    weight, x = torch.softmax(scores.float(), dim=1), x.float()
    mean = (weight * x).sum(dim=1)
    variance = (weight * (x - mean.unsqueeze(1)).square()).sum(dim=1)
    return mean, variance.clamp(min=CENTRED_FLOOR).sqrt()


class AveragePooling(nn.Module):
    """Mean over time: `(B, F, D)` → `(B, D)`."""

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        self.output_dim = input_dim

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, D)`."""
        return masked_mean(frames.features.float(), frames.mask)


class DeviationPooling(nn.Module):
    """Standard deviation over time (Wang et al., Interspeech 2021): `(B, F, D)` → `(B, D)`.

    With `unbiased` as in StatisticsPooling.
    """

    def __init__(self, input_dim: int, unbiased: bool = False) -> None:
        super().__init__()
        self.output_dim = input_dim
        self.unbiased = unbiased

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, D)`."""
        return mean_and_deviation(frames, self.unbiased)[1]


class StatisticsPooling(nn.Module):
    """Mean and standard deviation (Snyder et al., ICASSP 2018): `(B, F, D)` → `(B, 2D)`.

    With `unbiased` the variance of F frames is divided by F − 1, as some toolkits have it.
    """

    def __init__(self, input_dim: int, unbiased: bool = False) -> None:
        super().__init__()
        self.output_dim = 2 * input_dim
        self.unbiased = unbiased

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, 2D)`."""
        return torch.cat(mean_and_deviation(frames, self.unbiased), dim=-1)


def mean_and_deviation(
    frames: Frames, unbiased: bool = False, floor: float = VARIANCE_FLOOR
) -> tuple[Tensor, Tensor]:
    """Over time, each `(B, D)` in float32."""
    x = frames.features.float()
    mean = masked_mean(x, frames.mask)
    centred = x - mean.unsqueeze(1)
    variance = masked_mean(centred * centred, frames.mask)
    if unbiased:
        variance = variance * unbiasing(frames)
    return mean, variance.clamp(min=floor).sqrt()


def unbiasing(frames: Frames) -> Tensor:
    """What makes a variance divided by F one divided by F − 1: `(B, 1)`, 1 for a single frame."""
    count = frames.full_mask().sum(dim=1, keepdim=True).float()
    return count / (count - 1).clamp(min=1.0)


class AttentiveStatisticsPooling(nn.Module):
    """Channel- and context-dependent attentive statistics (Okabe et al., Interspeech 2018;
    Desplanques et al., Interspeech 2020, eq. 2–4): `(B, F, D)` → `(B, 2D)`.

    With `global_context` the attention also has the recording's mean and standard deviation, the
    latter divided by F − 1 if `unbiased`.

    Implementations differ in what follows the first layer: ReLU and batch norm if `norm` (None:
    wherever there is a global context), then a hyperbolic tangent if `tanh`. No variance that is
    given is below `floor`. With `centred` every variance is taken about its mean (see
    `centred_moments`).
    """

    def __init__(
        self,
        input_dim: int,
        bottleneck: int = 128,
        global_context: bool = True,
        norm: bool | None = None,
        tanh: bool = True,
        unbiased: bool = False,
        floor: float = VARIANCE_FLOOR,
        centred: bool = False,
    ) -> None:
        super().__init__()
        self.output_dim = 2 * input_dim
        self.unbiased, self.floor, self.centred = unbiased, floor, centred
        self.frame = nn.Linear(input_dim, bottleneck)
        self.context = nn.Linear(2 * input_dim, bottleneck, bias=False) if global_context else None
        norm = global_context if norm is None else norm
        self.norm = nn.BatchNorm1d(bottleneck) if norm else None
        self.tanh = nn.Tanh() if tanh else nn.Identity()
        self.attention = nn.Linear(bottleneck, input_dim)

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, 2D)`."""
        x, mask = frames.features, frames.mask
        hidden = self.frame(x)
        if self.context is not None:
            # the context is the same in every frame: one product a recording, not one a frame
            hidden = hidden + self.context(self.context_of(frames)).unsqueeze(1)
        if self.norm is not None:
            hidden = F.relu(hidden)
            hidden = self.norm(hidden.flatten(0, 1)).view_as(hidden)
        scores = self.attention(self.tanh(hidden))
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-1), float("-inf"))
        if self.centred:
            return torch.cat(centred_moments(x, scores), dim=-1)
        return torch.cat(attentive_moments(x, scores, self.floor), dim=-1)

    def context_of(self, frames: Frames) -> Tensor:
        """Mean and standard deviation of all frames, `(B, 2D)`."""
        if self.centred:
            return torch.cat(mean_and_deviation(frames, self.unbiased, CENTRED_FLOOR), dim=-1)
        x, mask = frames.features.float(), frames.mask  # in bf16 the squares would be rounded
        mean = masked_mean(x, mask)
        variance = masked_mean(x * x, mask) - mean * mean
        if self.unbiased:
            variance = variance * unbiasing(frames)
        return torch.cat([mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()], dim=-1)
