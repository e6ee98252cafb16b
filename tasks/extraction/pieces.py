"""Long mixtures in pieces that overlap and are cross-faded, so that memory stays bounded."""

from collections.abc import Callable

import torch
from torch import Tensor

from joint.units import SAMPLE_RATE, Samples

LONGEST: Samples = 20 * SAMPLE_RATE
"""Longer mixtures are extracted in pieces."""
OVERLAP: Samples = 2 * SAMPLE_RATE


def in_pieces(
    extract: Callable[[Tensor], Tensor], mixture: Tensor, longest: Samples = LONGEST
) -> Tensor:
    """What `extract`, from `(1, S)` to `(K, S)`, makes of `mixture (S,)`, piece by piece: every
    piece is of the same people, since `extract` enrols them by the same encoding."""
    if len(mixture) <= longest:
        return extract(mixture[None])
    out: Tensor | None = None
    fade = torch.linspace(0.0, 1.0, OVERLAP, device=mixture.device)
    for start in range(0, len(mixture) - OVERLAP, longest - OVERLAP):
        piece = extract(mixture[None, start : start + longest])
        if out is None:
            out = piece.new_zeros(len(piece), len(mixture))
        if start:
            piece = torch.cat([piece[:, :OVERLAP] * fade, piece[:, OVERLAP:]], dim=1)
            out[:, start : start + OVERLAP] *= 1.0 - fade
        out[:, start : start + piece.shape[1]] += piece
    assert out is not None
    return out
