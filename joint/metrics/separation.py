"""Ratios of signal to distortion."""

import torch
from torch import Tensor

from joint.units import Decibels

LIMIT: Decibels = 100.0
"""Values are within ±LIMIT: a silent estimate has −LIMIT, the reference itself +LIMIT."""

_FLOOR = 10 ** (-LIMIT / 10)
_SILENCE = 1e-20


def si_sdr_db(estimate: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Scale-invariant signal-to-distortion ratio of each estimate in Decibels (Le Roux et al.
    2019, eq. 3), means *not* removed, as in torchmetrics' default; computed in float32 or better.

    Shapes: `estimate (B, S)` and `reference (B, S)`, or `(S,)` each; `lengths (B,)` in Samples,
    beyond which both are ignored; the result is `(B,)` or a scalar. Differentiable, and finite
    for silence: smoothly limited to ±`LIMIT`, −`LIMIT` where estimate or reference is all zero.
    Raises ValueError for shapes that differ.
    """
    if estimate.shape != reference.shape:
        raise ValueError(f"estimate {tuple(estimate.shape)}, reference {tuple(reference.shape)}")
    precision = torch.promote_types(
        torch.promote_types(estimate.dtype, reference.dtype), torch.float32
    )
    estimate, reference = estimate.to(precision), reference.to(precision)
    if lengths is not None:
        inside = torch.arange(estimate.shape[-1], device=estimate.device) < lengths[..., None]
        estimate, reference = estimate * inside, reference * inside
    energy = reference.square().sum(-1, keepdim=True)
    scale = (estimate * reference).sum(-1, keepdim=True) / (energy + _SILENCE)
    signal = (scale * reference).square().sum(-1)
    distortion = (estimate - scale * reference).square().sum(-1)
    # each side gets a share of the other, which limits the ratio and keeps it scale-invariant
    numerator = signal + _FLOOR * (distortion + _SILENCE)
    denominator = distortion + _FLOOR * signal + _SILENCE
    return 10 * torch.log10(numerator / denominator)


def snr_db(estimate: Tensor, reference: Tensor) -> Tensor:
    """Power of each reference over that of the estimate's difference from it, in Decibels: unlike
    the SI-SDR it falls where the estimate's level is another. `(B, S)` each → `(B,)`, float32 or
    better, differentiable, smoothly limited to +`LIMIT`, and −`LIMIT` where the reference is zero.
    """
    precision = torch.promote_types(
        torch.promote_types(estimate.dtype, reference.dtype), torch.float32
    )
    estimate, reference = estimate.to(precision), reference.to(precision)
    signal = reference.square().sum(-1)
    distortion = (estimate - reference).square().sum(-1)
    numerator = signal + _FLOOR * (distortion + _SILENCE)
    return 10 * torch.log10(numerator / (distortion + _FLOOR * signal + _SILENCE))
