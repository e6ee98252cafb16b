"""Whether a map is to be trusted: the score while cells go, or come, in the map's order."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.saliency.cells import Cells
from analysis.saliency.maps import Score

STEPS = 11
RANDOM = 3
"""Random orders that a map is compared with."""


@dataclass(frozen=True)
class Curves:
    """Scores after shares of the cells, `(steps,)` each: taken away (`deletion`) or heard alone
    (`insertion`) in the map's order, the most salient first, and in random order."""

    shares: list[float]
    deletion: list[float]
    insertion: list[float]
    random_deletion: list[float]
    random_insertion: list[float]

    @property
    def deletion_gain(self) -> float:
        """How much lower the score lies, on average, than in random order: above 0, the map says
        what the score rests on (Petsiuk et al., BMVC 2018)."""
        return _mean(self.random_deletion) - _mean(self.deletion)

    @property
    def insertion_gain(self) -> float:
        """How much higher the score lies than in random order."""
        return _mean(self.insertion) - _mean(self.random_insertion)


def curves(salience: Tensor, cells: Cells, score: Score, seed: int = 0) -> Curves:
    """Of a map `(bands, frames)`. Random orders are drawn in patches as smooth as the map's cells
    are large: whole rows of neighbours, so that they destroy as much."""
    generator = torch.Generator().manual_seed(seed)
    shares = torch.linspace(0.0, 1.0, STEPS)
    with torch.no_grad():
        both = torch.stack([torch.ones(cells.shape), torch.zeros(cells.shape)])
        whole, nothing = score(cells.heard(both)).float().tolist()

    def deleted(order: Tensor) -> list[float]:
        """Scores while the cells go in this order."""
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order))
        left = rank.view(1, *cells.shape) >= (shares[1:-1] * len(order)).round()[:, None, None]
        with torch.no_grad():
            inner: list[float] = score(cells.heard(left.float())).float().tolist()
        return [whole, *inner, nothing]

    # cells that come in an order are those that go in the reverse, seen from the end
    deletion = deleted(salience.flatten().argsort(descending=True))
    insertion = deleted(salience.flatten().argsort())[::-1]
    tried = [deleted(_patchy(cells.shape, generator).flatten().argsort()) for _ in range(RANDOM)]
    random = [_mean(values) for values in zip(*tried, strict=True)]
    return Curves(shares.tolist(), deletion, insertion, random, random[::-1])


def _patchy(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Random numbers that are alike in neighbouring cells, `(bands, frames)`."""
    coarse = torch.rand(1, 1, max(shape[0] // 5, 2), max(shape[1] // 8, 2), generator=generator)
    found: Tensor = torch.nn.functional.interpolate(coarse, shape, mode="bilinear")[0, 0]
    return found


def _mean(values: list[float] | tuple[float, ...]) -> float:
    return sum(values) / len(values)
