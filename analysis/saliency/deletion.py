"""Deletion and insertion curves of a map: the score as cells are removed, or added, in the order of
their salience (Petsiuk et al., BMVC 2018)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.saliency.maps import Score
from analysis.saliency.spectrogram import MaskableSpectrogram

STEPS = 11
RANDOM = 3
"""Random orders that the map is compared with."""


@dataclass(frozen=True)
class Curves:
    """Scores after shares of the cells, `(steps,)` each: with these removed (`deletion`) or with
    only these (`insertion`), the most salient first, and in random order."""

    shares: list[float]
    deletion: list[float]
    insertion: list[float]
    random_deletion: list[float]
    random_insertion: list[float]

    @property
    def deletion_gain(self) -> float:
        """How much lower the mean score is than in random order; above 0, the map shows what the
        score depends on."""
        return _mean(self.random_deletion) - _mean(self.deletion)

    @property
    def insertion_gain(self) -> float:
        """How much higher the mean score is than in random order."""
        return _mean(self.insertion) - _mean(self.random_insertion)


def deletion_curves(
    salience: Tensor, spectrogram: MaskableSpectrogram, score: Score, seed: int = 0
) -> Curves:
    """The curves of a map `(bands, frames)`. Random orders are smooth, so that neighbouring cells
    are removed together as they are in the order of a map."""
    generator = torch.Generator().manual_seed(seed)
    shares = torch.linspace(0.0, 1.0, STEPS)
    with torch.no_grad():
        both = torch.stack([torch.ones(spectrogram.shape), torch.zeros(spectrogram.shape)])
        whole, nothing = score(spectrogram.masked(both)).float().tolist()

    def deleted(order: Tensor) -> list[float]:
        """Scores as the cells are removed in this order."""
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order))
        left = (
            rank.view(1, *spectrogram.shape) >= (shares[1:-1] * len(order)).round()[:, None, None]
        )
        with torch.no_grad():
            inner: list[float] = score(spectrogram.masked(left.float())).float().tolist()
        return [whole, *inner, nothing]

    # adding cells in an order is removing them in the reverse order, read from the end
    deletion = deleted(salience.flatten().argsort(descending=True))
    insertion = deleted(salience.flatten().argsort())[::-1]
    tried = [
        deleted(_smooth_noise(spectrogram.shape, generator).flatten().argsort())
        for _ in range(RANDOM)
    ]
    random = [_mean(values) for values in zip(*tried, strict=True)]
    return Curves(shares.tolist(), deletion, insertion, random, random[::-1])


def _smooth_noise(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Random numbers that are similar in neighbouring cells, `(bands, frames)`."""
    coarse = torch.rand(1, 1, max(shape[0] // 5, 2), max(shape[1] // 8, 2), generator=generator)
    found: Tensor = torch.nn.functional.interpolate(coarse, shape, mode="bilinear")[0, 0]
    return found


def _mean(values: list[float] | tuple[float, ...]) -> float:
    return sum(values) / len(values)
