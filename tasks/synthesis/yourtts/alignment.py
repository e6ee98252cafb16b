"""Monotonic alignment search: which frames each phone is spoken in, found without times."""

import math

import numpy as np
import torch
from torch import Tensor


@torch.no_grad()
def log_likelihoods(z: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Of each frame of `z (B, H, F)` under the Gaussian of each phone, whose `mean` and `log_scale`
    are `(B, H, P)`: `(B, F, P)`."""
    z, mean, log_scale = z.float(), mean.float(), log_scale.float()
    precision = (-2.0 * log_scale).exp()
    of_phones = -0.5 * math.log(2.0 * math.pi) - log_scale - 0.5 * mean.square() * precision
    with torch.autocast(z.device.type, enabled=False):  # these sums cancel
        squares = -0.5 * z.square().transpose(1, 2) @ precision
        products = z.transpose(1, 2) @ (mean * precision)
    return squares + products + of_phones.sum(dim=1, keepdim=True)


@torch.no_grad()
def most_likely_durations(likelihoods: Tensor, frames: Tensor, phones: Tensor) -> Tensor:
    """Durations `(B, P)`, int64, with the greatest sum of `likelihoods (B, F, P)` over the paths
    that take every phone in its order, one frame at least (Kim et al., "Glow-TTS", NeurIPS 2020,
    algorithm 1); 0 behind the last phone.

    `frames (B,)` and `phones (B,)` are the lengths of the rows; no row may have more phones than
    frames.
    """
    values = likelihoods.float().numpy(force=True)
    lengths, counts = frames.numpy(force=True), phones.numpy(force=True)
    batch, steps, width = values.shape
    # best[f, b, p]: the best sum of a path of row b to phone p in frame f
    best = np.full((steps, batch, width), -np.inf, np.float32)
    best[0, :, 0] = values[:, 0, 0]
    for frame in range(1, steps):
        before = best[frame - 1]
        np.maximum(before[:, 1:], before[:, :-1], out=best[frame, :, 1:])
        best[frame, :, 0] = before[:, 0]
        best[frame] += values[:, frame]
    rows = np.arange(batch)
    durations = np.zeros((batch, width), np.int64)
    phone = counts - 1
    for frame in range(steps - 1, -1, -1):
        here = frame < lengths
        durations[rows, phone] += here
        if frame:
            stay, move = best[frame - 1, rows, phone], best[frame - 1, rows, phone - 1]
            phone = phone - (here & (phone > 0) & (move > stay))
    return torch.from_numpy(durations).to(likelihoods.device)
