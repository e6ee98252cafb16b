"""Pooling: the statistics and their gradients are what the formulas say."""

from collections.abc import Callable

import pytest
import torch
from tiny_models import randomise
from torch import Tensor

from joint.encoders.frames import Frames
from joint.encoders.pooling.multihead import MultiHeadAttentivePooling
from joint.encoders.pooling.statistics import (
    AttentiveStatisticsPooling,
    AveragePooling,
    DeviationPooling,
    StatisticsPooling,
    attentive_moments,
    plain_moments,
)
from joint.encoders.pooling.xi import XiPooling


def weighted(x: Tensor, weight: Tensor) -> Tensor:
    """Mean and standard deviation of `x (F, D)` under `weight (F, D)`, float64."""
    mean = (weight * x).sum(0) / weight.sum(0)
    variance = (weight * (x - mean).square()).sum(0) / weight.sum(0)
    return torch.cat([mean, variance.sqrt()])


def moments(pooling: StatisticsPooling | AttentiveStatisticsPooling, x: Tensor) -> Tensor:
    return torch.cat([x.mean(0), x.std(0, correction=int(pooling.unbiased))])


def attentive(pooling: AttentiveStatisticsPooling, x: Tensor) -> Tensor:
    """Desplanques et al., eq. 2–4, a recording at a time."""
    hidden = pooling.frame(x)
    if pooling.context is not None:
        hidden = hidden + pooling.context(moments(pooling, x))
    if pooling.norm is not None:
        hidden = pooling.norm(torch.relu(hidden))
    return weighted(x, torch.softmax(pooling.attention(pooling.tanh(hidden)), dim=0))


def multihead(pooling: MultiHeadAttentivePooling, x: Tensor) -> Tensor:
    """Every head of every query by itself."""
    found = []
    for q in range(pooling.queries):
        for h, group in enumerate(x.chunk(pooling.heads, dim=1)):
            row, hidden = q * pooling.heads + h, group
            if pooling.hidden is not None:
                hidden = torch.tanh(group @ pooling.hidden.weight[row] + pooling.hidden.bias[row])
            scores = hidden @ pooling.score.weight[row] + pooling.score.bias[row]
            found.append(weighted(group, torch.softmax(scores, dim=0).expand_as(group)))
    return torch.cat(found)


def xi(pooling: XiPooling, x: Tensor) -> Tensor:
    """Products of Gaussians, one frame after the other."""
    hidden = pooling.norm(torch.relu(pooling.first(x)))
    precisions = torch.nn.functional.softplus(pooling.second(hidden)).square()
    precision, mean = pooling.prior_log_precision.exp(), pooling.prior_mean
    for frame, sure in zip(x, precisions, strict=True):
        mean = (precision * mean + sure * frame) / (precision + sure)
        precision = precision + sure
    return torch.cat([mean, precision.rsqrt()]) if pooling.deviation else mean


KINDS: dict[str, tuple[Callable[[], torch.nn.Module], Callable[..., Tensor]]] = {
    "plain": (lambda: StatisticsPooling(6), moments),
    "unbiased": (lambda: StatisticsPooling(6, unbiased=True), moments),
    "average": (lambda: AveragePooling(6), lambda _, x: x.mean(0)),
    "deviation": (lambda: DeviationPooling(6), lambda _, x: x.std(0, correction=0)),
    "unbiased deviation": (lambda: DeviationPooling(6, unbiased=True), lambda _, x: x.std(0)),
    "heads": (lambda: MultiHeadAttentivePooling(6, 3, 1, 4), multihead),
    "linear heads": (lambda: MultiHeadAttentivePooling(6, 3, 1, None), multihead),
    "queries": (lambda: MultiHeadAttentivePooling(6, 2, 3, 4, per_channel=True), multihead),
    "xi": (lambda: XiPooling(6, 5), xi),
    "xi with deviation": (lambda: XiPooling(6, 5, deviation=True), xi),
    "attentive": (lambda: AttentiveStatisticsPooling(6, 4, global_context=False), attentive),
    "attentive with context": (lambda: AttentiveStatisticsPooling(6, 4), attentive),
    "attentive, centred": (lambda: AttentiveStatisticsPooling(6, 4, centred=True), attentive),
    "context without norm": (
        lambda: AttentiveStatisticsPooling(6, 4, norm=False, unbiased=True),
        attentive,
    ),
    "norm without tanh": (
        lambda: AttentiveStatisticsPooling(6, 4, global_context=False, norm=True, tanh=False),
        attentive,
    ),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("make, formula", KINDS.values(), ids=KINDS.keys())
def test_statistics_and_gradients(
    make: Callable[[], torch.nn.Module], formula: Callable[..., Tensor], masked: bool
) -> None:
    torch.manual_seed(0)
    pooling = make()
    randomise(pooling)
    pooling.eval()
    lengths = [11, 7, 2] if masked else [11, 11, 11]
    mask = torch.arange(11) < torch.tensor(lengths)[:, None] if masked else None
    x = torch.randn(3, 11, 6, requires_grad=True)
    to_output = torch.randn(3, pooling.output_dim)
    inputs = (x, *pooling.parameters())
    found = pooling(Frames(x, mask))
    expected = torch.stack([formula(pooling, row[:n]) for row, n in zip(x, lengths, strict=True)])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    gradients = [torch.autograd.grad((y * to_output).sum(), inputs) for y in (found, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_one_channel_s_frames_may_all_be_equal() -> None:
    x = torch.ones(2, 9, 6, requires_grad=True)
    for make, _ in KINDS.values():
        pooling = make()
        (gradient,) = torch.autograd.grad(pooling(Frames(x, None)).sum(), x)
        assert gradient.isfinite().all()


def test_centred_a_channel_that_rests_deviates_by_nothing() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 50, 6)
    x[:, :, 2] = 7.3
    resting = [
        AttentiveStatisticsPooling(6, 4, centred=centred).eval()(Frames(x, None))[:, 8]
        for centred in (False, True)
    ]
    assert (resting[0] > 1e-4).all()  # what E x² - m² leaves of 53 in float32, or its floor
    assert (resting[1] < 4e-6).all()


def test_the_floor_of_a_variance() -> None:
    pooling = AttentiveStatisticsPooling(6, 4, floor=1e-4)
    deviation = pooling(Frames(torch.ones(2, 9, 6), None))[:, 6:]
    torch.testing.assert_close(deviation, torch.full((2, 6), 1e-2))


def test_bf16_is_near_float32() -> None:
    torch.manual_seed(0)
    pooling = AttentiveStatisticsPooling(32, 16).eval()
    x = torch.randn(3, 40, 32).relu()
    exact = pooling(Frames(x, None))
    with torch.autocast("cpu", torch.bfloat16):
        fast = pooling(Frames(x.bfloat16(), None))
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast, exact, atol=0.03, rtol=0.03)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(
    "statistics",
    [
        lambda frames: AttentiveStatisticsPooling(6, 4).context_of(frames),
        lambda frames: torch.cat(attentive_moments(frames.features, 0 * frames.features), 1),
        lambda frames: torch.cat(centre(plain_moments(frames.features, 0 * frames.features)), 1),
        StatisticsPooling(6),
    ],
    ids=["context", "attentive", "attentive on accelerators", "plain"],
)
def test_deviations_keep_their_digits_in_bf16(
    statistics: Callable[[Frames], Tensor], masked: bool
) -> None:
    """A mean of 8 and a deviation of 0.1: a square rounded to bf16 is off by up to 0.25."""
    torch.manual_seed(0)
    x = (8.0 + 0.1 * torch.randn(2, 200, 6)).bfloat16()
    mask = torch.ones(2, 200, dtype=torch.bool) if masked else None
    with torch.autocast("cpu", torch.bfloat16):
        found = statistics(Frames(x, mask))
    assert found.dtype == torch.float32
    torch.testing.assert_close(
        found[:, 6:], x.double().std(1, correction=0).float(), rtol=0.01, atol=0
    )


def centre(moments: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    mean, square = moments
    return mean, (square - mean * mean).sqrt()
